/** Pages of a table in which nobody sees a row: lost ones, unless rows are there that no vacuum may remove yet. */
import { CannotCheck } from '../examiner/catalog';
import type { Context, Verdict } from '../examiner/detector';
import type { Session } from '../examiner/session';
import { thousands } from './verdicts';

/** Rows that nobody sees and no vacuum may remove yet: of prepared transactions, or of sessions of this moment. */
export async function invisible(session: Session, oid: number, table: string, { facts }: Context): Promise<number> {
  const { pgstattuple } = facts.functions;
  if (!pgstattuple) {
    if (facts.preparedTransactions === 0) return 0;
    throw new CannotCheck(
      'it has rows of prepared transactions, which without pgstattuple look like lost ones',
      'commit or roll back the prepared transactions (pg_prepared_xacts) in the source, or allow the extension pgstattuple',
    );
  }
  const [counted] = await session.rows(`
    SELECT s.tuple_count + s.dead_tuple_count - (SELECT pg_catalog.count(*) FROM ONLY ${table}) FROM ${pgstattuple}(${oid}) AS s`);
  return Number(counted![0]);
}

/**
 * After a vacuum, pages without any row are not all-visible; nor is one that somebody held just then, as the checkpointer
 * does while it writes it, so each of them is looked into.
 */
const PAGES_WITHOUT_ROWS = (map: string, oid: number, table: string) => `
  SELECT pg_catalog.count(*), pg_catalog.min(blkno), pg_catalog.max(blkno) FROM (
    SELECT blkno, all_visible, pg_catalog.max(blkno) FILTER (WHERE all_visible) OVER () AS last_used FROM ${map}(${oid})) AS page
  WHERE NOT all_visible AND (SELECT pg_catalog.count(*) FROM (SELECT FROM ONLY ${table} AS t
    WHERE t.ctid >= ('(' || blkno || ',0)')::pg_catalog.tid AND t.ctid < ('(' || blkno + 1 || ',0)')::pg_catalog.tid LIMIT 1) AS row) = 0`;

export async function emptyPages(session: Session, oid: number, table: string, { facts }: Context): Promise<string> {
  const { pgVisibilityMap } = facts.functions;
  if (!pgVisibilityMap || facts.preparedTransactions > 0) return '';
  const [count, first, last] = (await session.rows(PAGES_WITHOUT_ROWS(pgVisibilityMap, oid, table)))[0]!.map(Number);
  return count === 0 ? '' : `; ${thousands(count!)} of its pages, between block ${first} and ${last}, hold nothing`;
}

/**
 * Pages without content amid others, and no index that misses their rows. A crash amid a bulk load leaves such pages, and
 * every bulk load leaves some at the end of a table, of which nothing is said.
 */
export async function newPages(
  session: Session,
  oid: number,
  table: string,
  check: Verdict['check'],
  context: Context,
): Promise<Verdict[]> {
  const { facts } = context;
  const { pgVisibilityMap } = facts.functions;
  if (!pgVisibilityMap || facts.preparedTransactions > 0) return [];
  const [found] = await session.rows(`${PAGES_WITHOUT_ROWS(pgVisibilityMap, oid, table)} AND blkno < last_used`);
  const [count, first, last] = found!.map(Number);
  // What somebody's old snapshot may still see stays after a vacuum, in pages that look empty to all others.
  if (count === 0 || (await invisible(session, oid, table, context)) > 0) return [];
  return [
    {
      check,
      outcome: 'warning',
      observed: `${thousands(count!)} of its pages, between block ${first} and ${last}, hold nothing`,
      expected: 'pages with rows, or a crash amid a bulk load, which leaves such pages',
      remedy: 'compare the number of its rows with the source',
    },
  ];
}
