/**
 * Indexes other than B-trees. GIN has a check of its own since PostgreSQL 18, and hash indexes are searched for every
 * key of their table. Of the others, only pages are read, and the evidence says that nothing is compared.
 */
import { CannotCheck, displayName, storedSchema } from '../examiner/catalog';
import type { Context, Detector, Examined, Piece } from '../examiner/detector';
import type { CopyFacts } from '../examiner/facts';
import { hashEquality, keysOf, predicateOf } from '../examiner/index-keys';
import type { Session } from '../examiner/session';
import { fileSize, sizeOf } from '../examiner/sizes';
import { thousands } from './verdicts';

/** 18.0 reported healthy indexes as damaged: https://www.postgresql.org/docs/18/release-18-1.html */
const GIN_CHECK_IS_RIGHT = 180_001;

export const otherIndexes: Detector = {
  name: 'other indexes',
  phase: 'entries',
  serves: ['indexes'],
  reads: true,
  objects: () => `
    SELECT c.oid, ${displayName('n', 'c')} AS name,
      ${fileSize()} + CASE am.amname WHEN 'hash' THEN ${sizeOf('i.indrelid')} ELSE 0 END AS bytes,
      NULL AS blocks
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_am am ON am.oid = c.relam
    WHERE am.amname <> 'btree' AND c.relkind = 'i' AND c.relpersistence <> 't' AND ${storedSchema('n')}
      AND i.indisvalid AND i.indisready AND i.indislive`,
  examine: compare,
};

async function compare(session: Session, { oid }: Piece, { facts, reading }: Context): Promise<Examined> {
  const [found] = await session.rows(`
    SELECT am.amname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_am am ON am.oid = c.relam WHERE c.oid = ${oid}`);
  if (!found) throw new CannotCheck('it does not exist any more');
  const [method] = found;
  if (method === 'hash') {
    return reading ? reading.transaction('READ ONLY', () => probeHash(reading, oid)) : probeHash(session, oid);
  }
  const ginCheck = ginCheckOf(facts);
  if (method === 'gin' && ginCheck) {
    await session.rows(`SELECT ${ginCheck}(${oid})`);
    return {
      verdicts: [{ check: 'indexes', outcome: 'passed', observed: 'pages of gin indexes compared with one another' }],
    };
  }
  const read = facts.functions.pgPrewarm ? 'their pages were read' : 'nor their pages read';
  return {
    verdicts: [
      {
        check: 'indexes',
        outcome: 'passed',
        observed: `${method} indexes can't be compared with their tables, ${read}`,
      },
    ],
  };
}

export const ginCheckOf = ({ functions, version }: CopyFacts): string | undefined =>
  version >= GIN_CHECK_IS_RIGHT ? functions.ginIndexCheck : undefined;

/**
 * A plan that asks the index for one key after the other. The planner reckons with comparisons on the way down a
 * B-tree, and with none in a hash index.
 */
const BY_INDEX = {
  enable_indexscan: 'on',
  ...Object.fromEntries(
    ['seqscan', 'bitmapscan', 'indexonlyscan', 'hashjoin', 'mergejoin', 'tidscan'].map((name) => [
      `enable_${name}`,
      'off',
    ]),
  ),
  max_parallel_workers_per_gather: '0',
  cpu_operator_cost: '1000000',
};

/** Asks the index for each key of the table, and for as many rows of it as the table has. */
async function probeHash(session: Session, oid: number): Promise<Examined> {
  const [found] = await session.rows(`
    SELECT pg_catalog.format('%I.%I', n.nspname, t.relname), ${keysOf}, ${predicateOf}, ${hashEquality}
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace WHERE i.indexrelid = ${oid}`);
  const [table, key, predicate, equals] = found!;
  const partial = predicate === null ? '' : ` AND (${predicate})`;
  // Of the keys' rows none may be found by an index: no condition is one that an index could serve.
  const rows = `SELECT ${key} AS key FROM ONLY ${table}${predicate === null ? '' : ` WHERE coalesce((${predicate}), false)`} OFFSET 0`;
  const scans = async () => Number((await session.rows(`SELECT pg_catalog.pg_stat_get_xact_numscans(${oid})`))[0]![0]);
  const before = await scans();
  const [counted] = await session.reading(
    `
    SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE in_table.rows <> (
      SELECT pg_catalog.count(*) FROM ONLY ${table} WHERE (${key}) ${equals} in_table.key${partial}))
    FROM (SELECT key, pg_catalog.count(*) AS rows FROM (${rows}) AS of_row WHERE pg_catalog.num_nulls(key) = 0 GROUP BY key OFFSET 0) AS in_table`,
    BY_INDEX,
  );
  const [keys, wrong] = counted!.map(Number);
  if (keys! > 0 && (await scans()) === before) {
    return {
      verdicts: [
        {
          check: 'indexes',
          outcome: 'warning',
          observed: 'the planner prefers another index of the same column, so this one was not asked',
          expected: 'one index for each purpose',
          remedy: 'drop the index that is not needed',
        },
      ],
    };
  }
  if (wrong === 0) {
    return {
      verdicts: [{ check: 'indexes', outcome: 'passed', observed: 'hash indexes find every row of their tables' }],
    };
  }
  return {
    verdicts: [
      {
        check: 'indexes',
        outcome: 'failed',
        observed: `it finds other rows than its table holds for ${thousands(wrong!)} of ${thousands(keys!)} keys`,
        expected: 'an index that finds every row of its table',
        remedy: 'REINDEX it after a recovery, and compare the table with an earlier backup',
      },
    ],
  };
}
