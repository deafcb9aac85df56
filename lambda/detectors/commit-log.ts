/**
 * Finds damage of the commit log, pg_xact: a visible row whose transaction was rolled back is a contradiction. Zeroed
 * status looks like a rollback, so invisible rows alone prove nothing.
 */
import { displayName, relationOf, userSchema } from '../examiner/catalog';
import type { Context, Detector, Examined, Piece, Verdict } from '../examiner/detector';
import { SET_FROM_THE_TABLE } from '../examiner/row-checks';
import type { Session } from '../examiner/session';
import { fileSize } from '../examiner/sizes';
import { thousands } from './verdicts';

/** Beyond the first 2^32 transactions, a row's number is ambiguous. */
const FIRST_EPOCH = `pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::pg_catalog.text::pg_catalog.numeric < 4294967296`;

const DAMAGED = {
  expected: 'rows of committed transactions only',
  remedy: 'restore an earlier backup: the commit log (pg_xact) is damaged, so that no table can be trusted',
};

export const commitLog: Detector = {
  name: 'commit log',
  phase: 'rows',
  serves: ['readable'],
  // pg_database and pg_class beside all tables.
  objects: () => `
    SELECT c.oid, ${displayName('n', 'c')} AS name, ${fileSize()} AS bytes, NULL AS blocks
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND c.relispopulated
      AND (${userSchema('n')} OR c.oid IN (1262, 1259)) AND ${fileSize()} > 0`,
  examine: compare,
};

/** After pg_upgrade, rows of system catalogs have transaction numbers of another cluster. */
const OF_USERS = ' WHERE oid >= 16384';

async function compare(session: Session, { oid }: Piece, { facts }: Context): Promise<Examined> {
  const [table, comparable] = await relationOf(session, oid, FIRST_EPOCH);
  await session.rows(SET_FROM_THE_TABLE);
  const verdicts: Verdict[] = [];
  if (comparable === 't') {
    const [counted] = await session.rows(`
      SELECT pg_catalog.count(*) FROM (SELECT DISTINCT xmin FROM ONLY ${table}${oid < 16384 ? OF_USERS : ''}) AS writer
      WHERE pg_catalog.pg_xact_status(xmin::pg_catalog.text::pg_catalog.xid8) = 'aborted'`);
    const aborted = Number(counted![0]);
    if (aborted > 0) {
      verdicts.push({
        check: 'readable',
        outcome: 'failed',
        observed: `${thousands(aborted)} transactions that wrote its visible rows were rolled back, by the commit log`,
        ...DAMAGED,
      });
    }
  }
  const { pgstattuple } = facts.functions;
  if (pgstattuple && oid >= 16384) verdicts.push(...(await invisibleRows(session, pgstattuple, oid)));
  if (verdicts.length > 0) return { verdicts };
  return {
    verdicts: [{ check: 'readable', outcome: 'passed', observed: 'visible rows are of committed transactions' }],
  };
}

/** Autovacuum, by its defaults, keeps them below a fifth. */
async function invisibleRows(session: Session, pgstattuple: string, oid: number): Promise<Verdict[]> {
  const [counted] = await session.rows(`SELECT tuple_count, dead_tuple_count FROM ${pgstattuple}(${oid})`);
  const [visible, dead] = counted!.map(Number) as [number, number];
  if (dead < 1_000 || dead < (visible + dead) * 0.4) return [];
  return [
    {
      check: 'readable',
      outcome: 'warning',
      observed: `${thousands(dead)} of the ${thousands(visible + dead)} rows in its pages are visible to no session`,
      expected: 'few rows that wait for a vacuum',
      remedy:
        'compare the number of its rows with the source: they were deleted or rolled back there, or the commit log is damaged',
    },
  ];
}

/** How many transactions are checked, and how many rollbacks in a row cause a warning. */
const CENSUS = 100_000;
const RUN = 1_000;

/** Of all that the commit log knows, the newest first: it ends with the first one. */
async function anyCommitted(session: Session): Promise<boolean> {
  const [found] = await session.rows(`
    SELECT EXISTS (SELECT FROM pg_catalog.generate_series(
        pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::pg_catalog.text::pg_catalog.int8 - 1,
        greatest(3, (SELECT pg_catalog.min(datfrozenxid::pg_catalog.text::pg_catalog.int8) FROM pg_catalog.pg_database)), -1) AS xid
      WHERE pg_catalog.pg_xact_status(xid::pg_catalog.text::pg_catalog.xid8) = 'committed')`);
  return found![0] === 't';
}

export const transactions: Detector = {
  name: 'transactions',
  phase: 'files',
  serves: ['readable'],
  objects: () => `SELECT 1 AS oid, 'pg_xact' AS name, 0 AS bytes, NULL AS blocks`,
  examine: async (session) => {
    const [counted] = await session.rows(`
      WITH range AS (
        SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::pg_catalog.text::pg_catalog.int8 - 1 AS last,
          (SELECT pg_catalog.min(datfrozenxid::pg_catalog.text::pg_catalog.int8) FROM pg_catalog.pg_database) AS oldest),
      known AS (
        SELECT xid, pg_catalog.pg_xact_status(xid::pg_catalog.text::pg_catalog.xid8) AS status
        FROM range, pg_catalog.generate_series(greatest(3, oldest, last - ${CENSUS}), last) AS xid WHERE ${FIRST_EPOCH}),
      run AS (
        SELECT pg_catalog.count(*) AS length FROM (
          SELECT xid - pg_catalog.row_number() OVER (ORDER BY xid) AS island FROM known WHERE status = 'aborted') AS aborted
        GROUP BY island)
      SELECT pg_catalog.count(*) FILTER (WHERE status = 'committed'), pg_catalog.count(*) FILTER (WHERE status = 'aborted'),
        (SELECT pg_catalog.max(length) FROM run) FROM known`);
    const [committed, aborted, longest] = counted!.map(Number) as [number, number, number];
    if (committed === 0 && aborted >= 20 && !(await anyCommitted(session))) {
      return {
        verdicts: [
          {
            check: 'readable',
            outcome: 'failed',
            observed: 'no transaction at all was committed, by the commit log',
            ...DAMAGED,
          },
        ],
      };
    }
    if (longest >= RUN) {
      return {
        verdicts: [
          {
            check: 'readable',
            outcome: 'warning',
            observed: `${thousands(longest)} transactions in a row were rolled back, by the commit log`,
            expected: 'a commit log without holes',
            remedy:
              'see whether the source runs savepoints in loops that fail; if not, compare its newest rows with the restored ones',
          },
        ],
      };
    }
    return { verdicts: [{ check: 'readable', outcome: 'passed', observed: 'the commit log has no holes' }] };
  },
};
