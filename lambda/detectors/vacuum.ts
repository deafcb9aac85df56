/**
 * Vacuums a table of the copy, so that of its index entries only those of lost rows lead nowhere, and reports the
 * pages in which nobody sees a row then: lost ones, unless they hold rows that no vacuum may remove yet.
 */
import { CannotCheck } from '../examiner/catalog';
import type { Context, Verdict } from '../examiner/detector';
import { lockTimeout } from '../examiner/facts';
import type { Session } from '../examiner/session';
import { thousands } from './verdicts';

/** A vacuum passes over a page that somebody holds, as the checkpointer does while it writes it: so it has another try. */
const TRIES = 4;

/**
 * @param table ready for SQL
 * @returns whether every page is known to be all-visible now: then none is new, held, or without content
 */
export async function vacuum(session: Session, oid: number, table: string, { facts }: Context): Promise<boolean> {
  const { version, functions } = facts;
  // A vacuum ends with a look at all tables of the database, which only later versions leave out; TOAST has its own turn.
  const spared = [version >= 140_000 && ', PROCESS_TOAST OFF', version >= 160_000 && ', SKIP_DATABASE_STATS'];
  const options = `INDEX_CLEANUP ON, TRUNCATE OFF${spared.filter(Boolean).join('')}`;
  const pins = lockTimeout(facts);
  await session.alone(`VACUUM (${options}, DISABLE_PAGE_SKIPPING) ${table}`, pins);
  for (let tries = 1; tries < TRIES && functions.pgVisibilityMap; tries++) {
    const [left] = await session.transaction('READ ONLY', () =>
      session.rows(`SELECT pg_catalog.count(*) FROM ${functions.pgVisibilityMap}(${oid}) WHERE NOT all_visible`),
    );
    if (left![0] === '0') return true;
    await session.alone(`VACUUM (${options}) ${table}`, pins);
  }
  return false;
}

/**
 * Vacuums it again.
 *
 * @returns whether that made a page all-visible: then the vacuum before had left something, or somebody wrote since
 */
export async function vacuumsMore(session: Session, oid: number, table: string, context: Context): Promise<boolean> {
  const { pgVisibilityMap } = context.facts.functions;
  const visible = async () => {
    if (!pgVisibilityMap) return 0;
    const [counted] = await session.transaction('READ ONLY', () =>
      session.rows(`SELECT pg_catalog.count(*) FROM ${pgVisibilityMap}(${oid}) WHERE all_visible`),
    );
    return Number(counted![0]);
  };
  const before = await visible();
  await vacuum(session, oid, table, context);
  return !pgVisibilityMap || (await visible()) > before;
}

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
 * After a vacuum, pages without any row are not all-visible; nor is one that somebody held just then, as the
 * checkpointer does while it writes it, so each of them is looked into.
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
 * Pages without content amid others, and no index that misses their rows. A crash amid a bulk load leaves such pages,
 * and every bulk load leaves some at the end of a table, of which nothing is said.
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
