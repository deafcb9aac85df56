/**
 * Counts the entries of each B-tree index against the rows that they lead to: rows that were lost with their page leave
 * their entries behind.
 *
 * A vacuum first removes entries of rows that were deleted in order. The first scan of an index marks entries that lead
 * nowhere, and later scans pass over them, so nothing may scan the table's indexes before this.
 */
import { DatabaseError } from 'pg';
import { CannotCheck, displayName, relationOf, storedSchema, vacuumable } from '../examiner/catalog';
import type { Context, Detector, Examined, Piece, Verdict } from '../examiner/detector';
import { hasOrder, orderOf, predicateOf } from '../examiner/index-keys';
import { isDamage, isFromFunction, remedyFor, whatPostgresSaid } from '../examiner/postgres-error';
import type { Session } from '../examiner/session';
import { fileSize, indexesSize, sizeOf, tableSize } from '../examiner/sizes';
import { vacuum } from './vacuum';
import { COMPARE_TABLE, firstWanted, thousands } from './verdicts';

export const entries: Detector = {
  name: 'index entries',
  phase: 'entries',
  serves: ['indexes', 'readable'],
  alone: true,
  reads: true,
  // Of the system's own tables, those that a database's owner may vacuum. An empty B-tree is one page long, or nothing at all
  // where it is unlogged.
  objects: ({ version }) => `
    SELECT c.oid, ${displayName('n', 'c')} AS name, ${tableSize()} + ${indexesSize('c.oid')} AS bytes,
      NULL AS blocks
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm', 't') AND c.relpersistence <> 't' AND ${storedSchema('n')}
      AND (c.oid >= ${FIRST_OF_USERS} OR ${vacuumable(version)})
      AND (${fileSize()} > 0 OR EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid
        AND ${sizeOf('i.indexrelid')} > pg_catalog.current_setting('block_size')::pg_catalog.int4))`,
  examine: countEntries,
};

/** Smaller OIDs are of what every database has from its beginning: catalogs, with their TOAST and their indexes. */
const FIRST_OF_USERS = 16_384;

/** A scan of exactly one index, in its order: of the index alone where the vacuum left every page all-visible. */
const BY_INDEX = {
  enable_seqscan: 'off',
  enable_indexscan: 'on',
  enable_indexonlyscan: 'on',
  enable_bitmapscan: 'off',
  enable_sort: 'off',
  enable_incremental_sort: 'off',
  max_parallel_workers_per_gather: '0',
};

interface Table {
  readonly name: string;
  readonly mayVacuum: boolean;
  readonly expectedPages: number;
  readonly pages: number;
  /** By the condition of a partial index. */
  readonly rows: Map<string, number>;
}

interface Index {
  readonly oid: number;
  readonly name: string;
  readonly order: string;
  readonly predicate: string | null;
}

async function countEntries(session: Session, { oid }: Piece, context: Context): Promise<Examined> {
  const check = firstWanted(entries, context);
  const { table, indexes } = await session.transaction('READ ONLY', async () => ({
    table: await describe(session, oid, context),
    indexes: await indexesOf(session, oid),
  }));
  if (!table.mayVacuum) {
    throw new CannotCheck(
      `${context.facts.user} may not vacuum it, and before a vacuum entries of deleted rows look like those of lost ones`,
      `make ${context.facts.user} a member of the table's owner in the source`,
    );
  }
  const allVisible = await vacuum(session, oid, table.name, context);
  // Scans in an index's order call the functions of its expressions.
  const reading = context.reading ?? session;
  const verdicts = await reading.transaction(
    'READ ONLY',
    async () => {
      const found: Verdict[] = [];
      const counted = new Set<Index>();
      for (const index of indexes) {
        if (counted.has(index)) continue;
        try {
          found.push(...(await count(reading, oid, table, indexes, index, counted, check, context)));
        } catch (error) {
          if (!(error instanceof DatabaseError) || !isFromFunction(error)) throw error;
          counted.add(index);
          const observed = `entries of index ${index.name} were not counted: ${whatPostgresSaid(error)}`;
          found.push({ check, outcome: 'not-run', observed, remedy: remedyFor(error) });
        }
        // The first index tells the whole loss, and what could not be read has ended the transaction.
        if (found.some(({ outcome }) => outcome === 'failed')) return found;
      }
      // Of indexes that begin alike the planner takes one, and one is enough to miss a row.
      const alike = ({ predicate }: Index) => [...counted].some((other) => other.predicate === predicate);
      if (oid >= FIRST_OF_USERS) {
        for (const index of indexes) if (!counted.has(index) && !alike(index)) found.push(uncounted(index, check));
      }
      if (!allVisible) found.push(...(await newPages(reading, oid, table, check, context)));
      return found;
    },
    BY_INDEX,
  );
  if (verdicts.length > 0) return { verdicts };
  return { verdicts: [{ check, outcome: 'passed', observed: 'every entry of B-tree indexes leads to its row' }] };
}

async function describe(session: Session, oid: number, { facts }: Context): Promise<Table> {
  const pagesNow = `${fileSize()} / ${facts.blockSize}`;
  const [name, mayVacuum, expectedPages, pages] = await relationOf(
    session,
    oid,
    vacuumable(facts.version),
    'c.relpages',
    pagesNow,
  );
  return {
    name: name!,
    mayVacuum: mayVacuum === 't',
    expectedPages: Number(expectedPages),
    pages: Number(pages),
    rows: new Map(),
  };
}

async function indexesOf(session: Session, oid: number): Promise<Index[]> {
  const found = await session.rows(`
    SELECT i.indexrelid, c.relname, ${orderOf}, ${predicateOf}
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_am am ON am.oid = c.relam
    WHERE i.indrelid = ${oid} AND am.amname = 'btree' AND i.indisvalid AND i.indisready AND i.indislive AND ${hasOrder}
    ORDER BY i.indexrelid`);
  return found.map(([index, name, order, predicate]) => ({
    oid: Number(index),
    name: name!,
    order: order!,
    predicate: predicate ?? null,
  }));
}

/** @param counted is told which one the planner took: the one that is asked for, or another that begins alike */
async function count(
  session: Session,
  oid: number,
  table: Table,
  indexes: readonly Index[],
  index: Index,
  counted: Set<Index>,
  check: Verdict['check'],
  context: Context,
): Promise<Verdict[]> {
  const where = index.predicate === null ? '' : `WHERE ${index.predicate}`;
  const rows = await rowsOf(session, table, where);
  const statement = `SELECT pg_catalog.count(*) FROM (SELECT FROM ONLY ${table.name} ${where} ORDER BY ${index.order} OFFSET 0) AS found`;
  // What a session looks up in catalogs to plan counts as scans of their indexes; it remembers what it has looked up.
  if (oid < FIRST_OF_USERS) await session.reading(`EXPLAIN ${statement}`);
  const before = await countersOf(session, indexes);
  try {
    await session.reading(statement);
  } catch (error) {
    if (!isDamage(error) || table.pages >= table.expectedPages) throw error;
    return [
      {
        check,
        outcome: 'failed',
        observed: `${cut(table)}entries of index ${index.name} lead beyond its end; ${whatPostgresSaid(error)}`,
        expected: 'a file as long as the catalog and the indexes say',
        remedy: COMPARE_TABLE,
      },
    ];
  }
  const after = await countersOf(session, indexes);
  const more = (what: 'scans' | 'returned', { oid }: Index) => after.get(oid)![what] - before.get(oid)![what];
  const taken = indexes.filter((one) => one.predicate === index.predicate && more('scans', one) > 0);
  for (const one of taken) counted.add(one);
  const [only] = taken;
  // Another one, or a second scan, was of the session's own: then the counters tell nothing.
  if (!only || taken.length > 1 || more('scans', only) > 1) return [];
  const astray = more('returned', only) - rows;
  if (astray <= 0 || astray <= (await invisible(session, oid, table, context))) return [];
  const pages = await emptyPages(session, oid, table, context);
  return [
    {
      check,
      outcome: 'failed',
      observed: `${cut(table)}${thousands(astray)} of ${thousands(astray + rows)} entries of index ${only.name} lead to no row${pages}`,
      expected: 'a row for every entry of an index',
      remedy: COMPARE_TABLE,
    },
  ];
}

async function countersOf(session: Session, indexes: readonly Index[]) {
  const found = await session.rows(`
    SELECT oid, pg_catalog.pg_stat_get_xact_numscans(oid), pg_catalog.pg_stat_get_xact_tuples_returned(oid)
    FROM pg_catalog.unnest('{${indexes.map(({ oid }) => oid).join(',')}}'::pg_catalog.oid[]) AS oid`);
  return new Map(
    found.map(([oid, scans, returned]) => [Number(oid), { scans: Number(scans), returned: Number(returned) }]),
  );
}

const uncounted = ({ name }: Index, check: Verdict['check']): Verdict => ({
  check,
  outcome: 'warning',
  observed: `the planner prefers another index to ${name}, so its entries were not counted`,
  expected: 'one index for each purpose',
  remedy: 'drop the index that is not needed',
});

/** By the table itself, and counted once for all indexes of the same rows. */
async function rowsOf(session: Session, table: Table, where: string): Promise<number> {
  const known = table.rows.get(where);
  if (known !== undefined) return known;
  const sql = `SELECT pg_catalog.count(*) FROM ONLY ${table.name} ${where}`;
  const [counted] = await session.reading(sql, { enable_indexscan: 'off', enable_indexonlyscan: 'off' });
  table.rows.set(where, Number(counted![0]));
  return Number(counted![0]);
}

const cut = ({ pages, expectedPages }: Table) =>
  pages < expectedPages ? `its file has ${thousands(pages)} of ${thousands(expectedPages)} pages (relpages), and ` : '';

/** Rows that nobody sees and no vacuum may remove yet: of prepared transactions, or of sessions of this moment. */
async function invisible(session: Session, oid: number, table: Table, { facts }: Context): Promise<number> {
  const { pgstattuple } = facts.functions;
  if (!pgstattuple) {
    if (facts.preparedTransactions === 0) return 0;
    throw new CannotCheck(
      'it has rows of prepared transactions, which without pgstattuple look like lost ones',
      'commit or roll back the prepared transactions (pg_prepared_xacts) in the source, or allow the extension pgstattuple',
    );
  }
  const [counted] = await session.rows(`
    SELECT s.tuple_count + s.dead_tuple_count - (SELECT pg_catalog.count(*) FROM ONLY ${table.name}) FROM ${pgstattuple}(${oid}) AS s`);
  return Number(counted![0]);
}

/**
 * After a vacuum, pages without any row are not all-visible; nor is one that somebody held just then, as the checkpointer
 * does while it writes it, so each of them is looked into.
 */
const PAGES_WITHOUT_ROWS = (map: string, oid: number, { name }: Table) => `
  SELECT pg_catalog.count(*), pg_catalog.min(blkno), pg_catalog.max(blkno) FROM (
    SELECT blkno, all_visible, pg_catalog.max(blkno) FILTER (WHERE all_visible) OVER () AS last_used FROM ${map}(${oid})) AS page
  WHERE NOT all_visible AND (SELECT pg_catalog.count(*) FROM (SELECT FROM ONLY ${name} AS t
    WHERE t.ctid >= ('(' || blkno || ',0)')::pg_catalog.tid AND t.ctid < ('(' || blkno + 1 || ',0)')::pg_catalog.tid LIMIT 1) AS row) = 0`;

async function emptyPages(session: Session, oid: number, table: Table, { facts }: Context): Promise<string> {
  const { pgVisibilityMap } = facts.functions;
  if (!pgVisibilityMap || facts.preparedTransactions > 0) return '';
  const [count, first, last] = (await session.rows(PAGES_WITHOUT_ROWS(pgVisibilityMap, oid, table)))[0]!.map(Number);
  return count === 0 ? '' : `; ${thousands(count!)} of its pages, between block ${first} and ${last}, hold nothing`;
}

/**
 * Pages without content amid others, and no index that misses their rows. A crash amid a bulk load leaves such pages, and
 * every bulk load leaves some at the end of a table, of which nothing is said.
 */
async function newPages(
  session: Session,
  oid: number,
  table: Table,
  check: Verdict['check'],
  { facts }: Context,
): Promise<Verdict[]> {
  const { pgVisibilityMap } = facts.functions;
  if (!pgVisibilityMap || facts.preparedTransactions > 0) return [];
  const [found] = await session.rows(`${PAGES_WITHOUT_ROWS(pgVisibilityMap, oid, table)} AND blkno < last_used`);
  const [count, first, last] = found!.map(Number);
  if (count === 0) return [];
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
