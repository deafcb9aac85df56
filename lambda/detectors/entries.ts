/**
 * Counts the entries of each B-tree index against the rows that they lead to: rows that were lost with their page leave
 * their entries behind.
 *
 * A vacuum first removes entries of rows that were deleted in order. The first scan of an index marks entries that lead
 * nowhere, and later scans pass over them, so nothing may scan the table's indexes before this.
 */
import { DatabaseError } from 'pg';
import { CannotCheck, displayName, relationOf, storedSchema, vacuumable } from '../examiner/catalog';
import { type Context, type Detector, type Examined, each, type Piece, type Verdict } from '../examiner/detector';
import { hasOrder, orderOf, predicateOf } from '../examiner/index-keys';
import { isDamage, isFromFunction, remedyFor, whatPostgresSaid } from '../examiner/postgres-error';
import type { Session } from '../examiner/session';
import { fileSize, indexesSize, sizeOf, tableSize } from '../examiner/sizes';
import { emptyPages, invisible, newPages, vacuum, vacuumsMore } from './vacuum';
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
  /** By the OID of an index: entries that were marked when they were counted before, so that no scan sees them. */
  readonly marked?: ReadonlyMap<number, number>;
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
  const verdicts = await look(session, oid, table, indexes, allVisible, context);
  if (!verdicts.some(isAstray)) return { verdicts };
  const { pgstattuple, pgVisibilityMap } = context.facts.functions;
  // Where nothing could tell that a table changed, its loss stands. Catalogs change by themselves.
  if (!pgstattuple && !pgVisibilityMap && oid >= FIRST_OF_USERS) return { verdicts };
  if (!(await vacuumsMore(session, oid, table.name, context))) return { verdicts };
  if (pgstattuple) {
    const marked = await session.transaction('READ ONLY', () => markedIn(session, indexes, pgstattuple));
    const again = { ...table, rows: new Map(), marked };
    const confirmed = await look(session, oid, again, indexes, true, context);
    if (confirmed.some(({ outcome }) => outcome === 'failed') || oid < FIRST_OF_USERS) return { verdicts: confirmed };
  }
  return { verdicts: [{ check, outcome: 'warning', ...CHANGED }] };
}

/** Where a row was deleted since the vacuum, its entries lead nowhere as those of lost rows do. */
const CHANGED = {
  observed:
    'entries of its indexes led to no row; another session may have written to the table, or held a page of it, since the vacuum before',
  expected: 'no other session that writes to the restored instance',
  remedy: 'repeat the drill while no other session uses the restored instance',
};

const LEAD_NOWHERE = 'a row for every entry of an index';
const isAstray = (verdict: Verdict) => verdict.outcome === 'failed' && verdict.expected === LEAD_NOWHERE;

async function look(
  session: Session,
  oid: number,
  table: Table,
  indexes: readonly Index[],
  allVisible: boolean,
  context: Context,
): Promise<Verdict[]> {
  const check = firstWanted(entries, context);
  // Scans in an index's order call the functions of its expressions.
  const reading = context.reading ?? session;
  return reading.transaction(
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
      if (!allVisible) found.push(...(await newPages(reading, oid, table.name, check, context)));
      if (found.length > 0) return found;
      return [{ check, outcome: 'passed', observed: 'every entry of B-tree indexes leads to its row' }];
    },
    BY_INDEX,
  );
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
  if (!only) return [];
  // Another one, or a second scan, says nothing about the entries. In catalogs it is the session's own.
  if (taken.length > 1 || more('scans', only) > 1) return oid < FIRST_OF_USERS ? [] : [scannedBeside(only, check)];
  const found = more('returned', only) + (table.marked?.get(only.oid) ?? 0);
  const astray = found - rows;
  if (astray <= 0 || astray <= (await invisible(session, oid, table.name, context))) return [];
  const pages = await emptyPages(session, oid, table.name, context);
  return [
    {
      check,
      outcome: 'failed',
      observed: `${cut(table)}${thousands(astray)} of ${thousands(astray + rows)} entries of index ${only.name} lead to no row${pages}`,
      expected: LEAD_NOWHERE,
      remedy: COMPARE_TABLE,
    },
  ];
}

/** Entries that a scan has marked and no vacuum has removed since; one may stand for several rows. */
async function markedIn(session: Session, indexes: readonly Index[], pgstattuple: string) {
  const found = await session.rows(
    `SELECT oid, s.dead_tuple_count FROM ${each(indexes)}, LATERAL ${pgstattuple}(oid) AS s`,
  );
  return new Map(found.map(([oid, marked]) => [Number(oid), Number(marked)]));
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

const scannedBeside = ({ name }: Index, check: Verdict['check']): Verdict => ({
  check,
  outcome: 'warning',
  observed: `entries of index ${name} could not be counted, since a function read the table by its indexes meanwhile`,
  expected: 'functions of indexes that read no table',
  remedy: 'compare the number of its rows with the source; make the functions of its indexes IMMUTABLE in fact',
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
