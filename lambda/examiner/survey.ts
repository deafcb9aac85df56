/**
 * Finds out what there is to check on a copy, and how it can be read. The copy is ours, so whatever helps to look at it
 * is tried on it first; what is refused there only narrows how closely it can be looked at.
 */
import { DatabaseError } from 'pg';
import type { Check } from '../contract';
import { BATCH_BYTES, cutBatches, cutBlocks } from './batches';
import { type Amcheck, displayName, findAmcheck, holdRows, userSchema } from './catalog';
import type { Survey, Work } from './protocol';
import type { Session } from './session';

interface Table {
  readonly oid: number;
  readonly name: string;
  /** Ready for SQL. */
  readonly sql: string;
  /** The partitioned table it belongs to, or itself. */
  readonly root: string;
  readonly materializedView: boolean;
  /** Unlogged tables come back empty from every snapshot, by design. */
  readonly unlogged: boolean;
  readonly blocks: number;
  /** With its TOAST. */
  readonly bytes: number;
}

export async function survey(session: Session, checks: readonly Check[]): Promise<Survey> {
  await prepare(session);
  const amcheck = await findAmcheck(session);
  const [facts] = await session.rows(`
    SELECT current_setting('server_version'), current_setting('server_version_num'),
      pg_database_size(current_database()), current_setting('block_size')`);
  const [serverVersion, versionNumber, databaseBytes, blockSize] = facts!;
  const tables = await listTables(session, Number(blockSize));
  const view: View = {
    tables,
    amcheck,
    databaseBytes: Number(databaseBytes),
    // Before version 14 a range of blocks is read by scanning the whole table.
    rangesAreCheap: Number(versionNumber) >= 140_000,
  };
  const work: Work[] = [];
  for (const [index, check] of checks.entries()) work.push(...(await piecesOf(session, check, index, view)));
  return {
    serverVersion: serverVersion!,
    databaseBytes: view.databaseBytes,
    otherDatabases: await otherDatabases(session),
    tablesWithRows: await tablesWithRows(session, tables),
    reader: (await canVerify(session, amcheck)) ? 'verify_heapam' : 'fingerprint',
    batches: cutBatches(work),
  };
}

interface View {
  readonly tables: readonly Table[];
  readonly amcheck: Amcheck;
  readonly databaseBytes: number;
  readonly rangesAreCheap: boolean;
}

/** A master user owns neither amcheck nor, often, the application's tables. */
async function prepare(session: Session): Promise<void> {
  for (const wish of ['CREATE EXTENSION IF NOT EXISTS amcheck', 'GRANT pg_read_all_data TO CURRENT_USER']) {
    await attempt(session.rows(`BEGIN READ WRITE; ${wish}; COMMIT`));
    await session.rows('ROLLBACK');
  }
}

async function canVerify(session: Session, { verifyHeapam }: Amcheck): Promise<boolean> {
  if (!verifyHeapam) return false;
  return (await attempt(session.rows(`SELECT count(*) FROM ${verifyHeapam}('pg_catalog.pg_am')`))) !== undefined;
}

/** Undefined where PostgreSQL refuses. */
async function attempt<T>(statement: Promise<T>): Promise<T | undefined> {
  try {
    return await statement;
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    return undefined;
  }
}

async function otherDatabases(session: Session): Promise<string[]> {
  const rows = await session.rows(`
    SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate
      AND datname NOT IN (current_database(), 'postgres', 'rdsadmin') ORDER BY 1`);
  return rows.map(([name]) => name!);
}

async function listTables(session: Session, blockSize: number): Promise<Table[]> {
  const rows = await session.rows(`
    SELECT c.oid, ${displayName('n', 'c')}, format('%I.%I', n.nspname, c.relname), ${displayName('rn', 'r')},
      c.relkind = 'm', c.relpersistence = 'u', pg_relation_size(c.oid), pg_table_size(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class r ON r.oid = coalesce(pg_partition_root(c.oid), c.oid)
    JOIN pg_namespace rn ON rn.oid = r.relnamespace
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND c.relispopulated AND ${userSchema('n')}
    ORDER BY 2`);
  return rows.map(([oid, name, sql, root, materializedView, unlogged, heapBytes, bytes]) => ({
    oid: Number(oid),
    name: name!,
    sql: sql!,
    root: root!,
    materializedView: materializedView === 't',
    unlogged: unlogged === 't',
    blocks: Number(heapBytes) / blockSize,
    bytes: Number(bytes),
  }));
}

/** Partitions count as their partitioned table: that an old one is emptied or dropped is how partitions are used. */
async function tablesWithRows(session: Session, tables: readonly Table[]): Promise<string[]> {
  const comparable = tables.filter(({ materializedView, unlogged }) => !materializedView && !unlogged);
  const wanted = comparable.map(({ sql }) => sql);
  const held = (await attempt(holdRows(session, wanted))) ?? (await oneByOne(session, wanted));
  return [...new Set(comparable.filter((_, index) => held[index]).map(({ root }) => root))];
}

/** One table that can't be read spoils the statement for all; what is wrong with it is for the checks to say. */
async function oneByOne(session: Session, tables: readonly string[]): Promise<boolean[]> {
  const held: boolean[] = [];
  for (const table of tables) held.push((await attempt(holdRows(session, [table])))?.[0] === true);
  return held;
}

async function piecesOf(session: Session, check: Check, index: number, view: View): Promise<Work[]> {
  const sizeOf = (name: string) =>
    view.tables.reduce((sum, { name: own, root, bytes }) => (own === name || root === name ? sum + bytes : sum), 0);
  switch (check.kind) {
    case 'readable':
      return [{ check: index, bytes: 0 }, ...view.tables.flatMap((table) => readingPieces(table, index, view))];
    case 'indexes':
      return [{ check: index, bytes: 0 }, ...(view.amcheck.btIndexCheck ? await indexPieces(session, index) : [])];
    case 'foreign-keys':
      return [{ check: index, bytes: 0 }, ...(await foreignKeyPieces(session, index))];
    case 'not-emptied':
      return [{ check: index, bytes: 0 }];
    case 'row-count':
    case 'fresh':
    case 'nothing-after':
      return [{ check: index, bytes: sizeOf(check.table) }];
    case 'no-orphans':
      return [{ check: index, bytes: sizeOf(check.table) + sizeOf(check.parent) }];
    case 'query':
      // Nobody knows what it reads; started early it is least in the way.
      return [{ check: index, bytes: Math.min(view.databaseBytes, BATCH_BYTES) }];
  }
}

function readingPieces(table: Table, check: number, { rangesAreCheap }: View): Work[] {
  const { name: object, oid, bytes } = table;
  const ranges = rangesAreCheap ? cutBlocks(table.blocks, bytes) : [];
  if (ranges.length <= 1) return [{ check, object, oid, bytes }];
  return ranges.map((blocks) => ({ check, object, oid, blocks, bytes: Math.ceil(bytes / ranges.length) }));
}

async function indexPieces(session: Session, check: number): Promise<Work[]> {
  const rows = await session.rows(`
    SELECT c.oid, ${displayName('n', 'c')}, pg_relation_size(c.oid) + pg_relation_size(i.indrelid)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_am am ON am.oid = c.relam
    WHERE am.amname = 'btree' AND c.relkind = 'i' AND c.relpersistence <> 't' AND ${userSchema('n')}
      AND i.indisvalid AND i.indisready AND i.indislive
    ORDER BY 2`);
  return rows.map(([oid, object, bytes]) => ({ check, object: object!, oid: Number(oid), bytes: Number(bytes) }));
}

/** The declared ones; those that a partition inherits hold where its partitioned table's does. */
async function foreignKeyPieces(session: Session, check: number): Promise<Work[]> {
  const size = (table: string) =>
    `coalesce((SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree(${table})), pg_relation_size(${table}))`;
  const rows = await session.rows(`
    SELECT k.oid, k.conname || ' on ' || ${displayName('n', 'c')}, ${size('k.conrelid')} + ${size('k.confrelid')}
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE k.contype = 'f' AND k.conparentid = 0 AND k.convalidated AND ${userSchema('n')}
    ORDER BY 2`);
  return rows.map(([oid, object, bytes]) => ({ check, object: object!, oid: Number(oid), bytes: Number(bytes) }));
}
