/**
 * Staged rows into the live table, in batches that each lock a few rows for a moment.
 *
 * Triggers and foreign keys count for them as for everybody's rows. Only keys of the approved list are written, and only
 * as long as the live row is what it was when it was compared: what somebody wrote since then stays.
 */
import { escapeIdentifier, escapeLiteral } from 'pg';
import type { Deadline } from '../examiner/deadline';
import { type Batch, cut, LOCK_TIMEOUT, pagesOfTable, patiently } from './batches';
import type { Key } from './catalog';
import { doneOf, type Entry, enter, madeFor, makeLedger, makeTable, SCHEMAS_IN_LIVE, take } from './ledger';
import { Pace } from './pace';
import { columnsOf, keyColumns, keyOf, type Pairing, pairAgain, rowHash, rowsOf, sameKey } from './pairing';
import { type Merged, type MergeTable, OWN_SCHEMA } from './protocol';
import { TablesRefused } from './refusals';
import { advanceSequences } from './sequences';
import { quoted, type Session } from './session';
import { LIVE_HASH } from './stage';

/** Rows of a batch: inserted rows are in nobody's way, rows that are set back are locked until the batch ends. */
const ROWS = { 'insert-missing': 100_000, 'overwrite-changed': 10_000 } as const;
/** Where parents are missing, each pass inserts rows whose parents the last one has inserted. */
const PASSES = 50;

/** What a batch has to know. */
interface Merge {
  readonly run: string;
  readonly pairing: Pairing;
  readonly live: Session;
  readonly staged: string;
  /** Keys that were written, with the hash of the row as it was then. */
  readonly written: string;
  /** Rows as they were before they were set back. */
  readonly before: string;
}

interface Counts {
  readonly written: number;
  readonly changedSince: number;
  readonly conflicting: number;
  readonly orphaned: number;
}

interface Passes {
  /** What all of them wrote, and what the last one left. */
  readonly total: Counts;
  readonly lastWritten: number;
}

export async function mergeTable(
  { run, way, table }: MergeTable,
  live: Session,
  copy: Session,
  deadline: Deadline,
): Promise<Merged> {
  const pairing = await pairAgain(live, copy, table);
  await makeLedger(live, SCHEMAS_IN_LIVE);
  const merge = await prepare(run, way, pairing, live);
  const pieces = await batchesOf(merge, ROWS[way]);
  const pace = new Pace(deadline, `merging a batch of ${quoted(table)}`);
  for (let pass = 1; pass <= PASSES; pass++) {
    const entry: Entry = { run, table, task: `merge ${pass}` };
    if (pass === 2) await indexWritten(live, merge.written, keyOf(pairing).live);
    const done = await doneOf(live, entry);
    const known = new Set(done.map(({ part, lo }) => `${part} ${lo}`));
    for (const piece of pieces.filter(({ part, lo }) => !known.has(`${part} ${lo}`))) {
      const ended =
        pace.goesOn() &&
        (await pace.do(() =>
          patiently(quoted(table), deadline, (orphans) => batch(merge, way, entry, piece, pass, orphans)),
        ));
      if (!ended) return { done: false, ...(await countsOf(merge, pass)).total, sequences: [] };
    }
    const counts = await countsOf(merge, pass);
    if (counts.total.orphaned === 0 || counts.lastWritten === 0) break;
  }
  const passes = await lastPass(merge);
  const sequences = way === 'insert-missing' ? await advanceSequences(live, pairing, merge.staged) : [];
  return { done: true, ...(await countsOf(merge, passes)).total, sequences };
}

async function prepare(run: string, way: MergeTable['way'], pairing: Pairing, live: Session): Promise<Merge> {
  const table = pairing.name;
  const staged = await madeFor(live, { run, table, purpose: 'staging' });
  if (staged === undefined) {
    throw new TablesRefused(
      `${quoted(table)}: nothing is staged in the live database for this recovery; stage it first`,
    );
  }
  const key = keyColumns(keyOf(pairing).live, 't');
  const own = (purpose: string) => ({
    run,
    table,
    purpose,
    schema: OWN_SCHEMA,
    name: `${purpose}_${run}_${pairing.live.oid}`,
  });
  const written = await makeTable(
    live,
    own('written'),
    `AS SELECT ${key}, 0::bigint AS "lifeboat hash", ''::text AS "lifeboat way" FROM ${quoted(table)} t WITH NO DATA`,
  );
  const before =
    way === 'insert-missing'
      ? ''
      : await makeTable(
          live,
          own('before'),
          `AS SELECT ${columnsOf(pairing, 't')} FROM ${quoted(table)} t WITH NO DATA`,
        );
  await remember(
    live,
    { run, table, task: 'merge' },
    {
      key: keyOf(pairing).live,
      columns: pairing.pairs.map((pair) => pair.name),
      hash: rowHash(pairing, 'live', 't'),
    },
  );
  return { run, pairing, live, staged, written, before };
}

/** Only where it is looked into: a merge that meets nothing unusual writes its rows without an index. */
export async function indexWritten(live: Session, written: string, key: Key): Promise<void> {
  const [has] = await live.read(`SELECT relhasindex FROM pg_class WHERE oid = ${escapeLiteral(written)}::regclass`);
  if (has![0] === 'f')
    await live.write(`CREATE INDEX ON ${written} (${key.columns.map((name) => escapeIdentifier(name)).join(', ')})`);
}

/** What undo has to know when the copy is gone. */
export interface MergedHow {
  readonly key: Key;
  readonly columns: readonly string[];
  /** Of a row `t`. */
  readonly hash: string;
}

async function remember(live: Session, entry: Entry, how: MergedHow): Promise<void> {
  const range = { part: 0, lo: 0, hi: 0 };
  await live.transaction('READ WRITE', async () => {
    if (await take(live, entry, range)) await enter(live, entry, { ...range, rows: 0, counts: { ...how } });
  });
}

/** Ranges of pages of the staged rows, of about so many rows each. */
async function batchesOf({ pairing, live, run, staged }: Merge, rows: number): Promise<readonly Batch[]> {
  const done = await doneOf(live, { run, table: pairing.name, task: 'stage' });
  const count = done.reduce((sum, range) => sum + range.rows, 0);
  const { part, pages } = await pagesOfTable(live, staged);
  const refersToItself = pairing.live.foreignKeys.some(({ to }) => to === quoted(pairing.name));
  // Rows that refer to each other are inserted by one statement, at whose end all of them are there.
  const size = refersToItself ? pages : Math.floor((rows * pages) / Math.max(1, count));
  return cut(part, pages, Math.max(1, size), 'n');
}

/** One batch, in one transaction with its row of the ledger. */
function batch(
  merge: Merge,
  way: MergeTable['way'],
  entry: Entry,
  piece: Batch,
  pass: number,
  orphans: boolean,
): Promise<boolean> {
  const { live } = merge;
  return live.transaction(
    'READ WRITE',
    async () => {
      if (!(await take(live, entry, piece))) return true;
      // Deferred ones would fail at the commit, where nobody can tell which.
      await live.rows('SET CONSTRAINTS ALL IMMEDIATE');
      const counts =
        way === 'insert-missing' ? await insertBatch(merge, piece, pass, orphans) : await overwriteBatch(merge, piece);
      await enter(live, entry, { ...piece, rows: counts.written, counts: { ...counts } });
      return true;
    },
    // Functions of triggers are written for the path of whoever logs in; all names here have their schema.
    { lock_timeout: LOCK_TIMEOUT, search_path: live.loginPath || 'pg_catalog' },
  );
}

async function insertBatch(
  { pairing, live, staged, written }: Merge,
  { where }: Batch,
  pass: number,
  orphans: boolean,
): Promise<Counts> {
  const key = keyOf(pairing).live;
  const n = `${staged} n`;
  const parents = orphans ? parentsThere(pairing) : 'true';
  // What an earlier pass inserted, and somebody deleted since then, is not inserted again.
  const again = pass > 1 ? `NOT EXISTS (SELECT FROM ${written} w WHERE ${sameKey(key, 'w', 'n')})` : 'true';
  const result = await live.row(`
    WITH inserted AS (
      INSERT INTO ${quoted(pairing.name)} AS t (${columnsOf(pairing)}) OVERRIDING SYSTEM VALUE
      SELECT ${columnsOf(pairing, 'n')} FROM ${n} WHERE ${where} AND (${parents}) AND (${again})
      ON CONFLICT DO NOTHING RETURNING ${keyColumns(key, 't')}, ${rowHash(pairing, 'live', 't')} AS h
    ), kept AS (
      INSERT INTO ${written} SELECT ${keyColumns(key, 'inserted')}, h, 'm' FROM inserted RETURNING 1
    )
    SELECT (SELECT pg_catalog.count(*) FROM kept), pg_catalog.count(*) FROM ${n} WHERE ${where} AND (${again})`);
  const [inserted, all] = result.map(Number) as [number, number];
  if (inserted === all) return { written: inserted, changedSince: 0, conflicting: 0, orphaned: 0 };
  const left = await live.row(`
    SELECT pg_catalog.count(*) FILTER (WHERE there), pg_catalog.count(*) FILTER (WHERE NOT there AND NOT parents)
    FROM (SELECT EXISTS (SELECT FROM ${rowsOf(pairing, 'live')} t WHERE ${sameKey(key, 't', 'n')}) AS there,
        (${parents}) AS parents FROM ${n} WHERE ${where} AND (${again})
        AND NOT EXISTS (SELECT FROM ${written} w WHERE ${sameKey(key, 'w', 'n')})) r`);
  const [there, orphaned] = left.map(Number) as [number, number];
  return { written: inserted, changedSince: there, orphaned, conflicting: all - inserted - there - orphaned };
}

/** Whether each row that a staged row refers to is in the live database; its own table's count where they are there. */
function parentsThere({ live }: Pairing): string {
  const conditions = live.foreignKeys.map((foreignKey) => {
    const own = foreignKey.fromColumns.map((name) => `n.${escapeIdentifier(name)}`);
    const pairs = foreignKey.toColumns.map(
      (name, at) => `p.${escapeIdentifier(name)} OPERATOR(${foreignKey.operators[at]}) ${own[at]}`,
    );
    const none = own.map((column) => `${column} IS NULL`).join(' OR ');
    return `(${none} OR EXISTS (SELECT FROM ${foreignKey.to} p WHERE ${pairs.join(' AND ')}))`;
  });
  return conditions.join(' AND ') || 'true';
}

async function overwriteBatch({ pairing, live, staged, written, before }: Merge, { where }: Batch): Promise<Counts> {
  const key = keyOf(pairing).live;
  const t = `${rowsOf(pairing, 'live')} t`;
  const hash = rowHash(pairing, 'live', 't');
  const approved = `n.${escapeIdentifier(LIVE_HASH)}`;
  // Locks the rows, and reads them again where somebody has written them meanwhile.
  const locked = await live.row(`
    WITH kept AS (
      INSERT INTO ${before} SELECT ${columnsOf(pairing, 't')} FROM ${t} JOIN ${staged} n ON ${sameKey(key, 't', 'n')}
      WHERE ${where} AND ${hash} OPERATOR(pg_catalog.=) ${approved} FOR UPDATE OF t RETURNING 1
    )
    SELECT (SELECT pg_catalog.count(*) FROM kept), pg_catalog.count(*) FROM ${staged} n WHERE ${where}`);
  const [kept, all] = locked.map(Number) as [number, number];
  const values = pairing.pairs
    .map(({ name }) => name)
    .filter((name) => !key.columns.includes(name))
    .map((name) => `${escapeIdentifier(name)} = n.${escapeIdentifier(name)}`);
  const updated = await live.row(`
    WITH updated AS (
      UPDATE ${t} SET ${values.join(', ')} FROM ${staged} n
      WHERE ${where} AND ${sameKey(key, 't', 'n')} AND ${hash} OPERATOR(pg_catalog.=) ${approved}
      RETURNING ${keyColumns(key, 't')}, ${hash} AS h
    ), noted AS (INSERT INTO ${written} SELECT ${keyColumns(key, 'updated')}, h, 'c' FROM updated RETURNING 1)
    SELECT pg_catalog.count(*) FROM noted`);
  const count = Number(updated[0]);
  if (count !== kept) {
    throw new TablesRefused(
      `${quoted(pairing.name)}: ${kept} rows of a batch were to be set back, and triggers or rules of the table let ${count} ` +
        'be written, so the batch was rolled back; disable what keeps them, or use another way',
    );
  }
  return { written: count, changedSince: all - count, conflicting: 0, orphaned: 0 };
}

/** Of all passes until now: what a later one inserted is not orphaned any more. */
async function countsOf({ run, pairing, live }: Merge, pass: number): Promise<Passes> {
  let total: Counts = { written: 0, changedSince: 0, conflicting: 0, orphaned: 0 };
  let lastWritten = 0;
  for (let number = 1; number <= pass; number++) {
    const done = await doneOf(live, { run, table: pairing.name, task: `merge ${number}` });
    const sum = (count: keyof Counts) => done.reduce((all, { counts }) => all + Number(counts[count] ?? 0), 0);
    lastWritten = sum('written');
    total = {
      written: total.written + lastWritten,
      changedSince: sum('changedSince'),
      conflicting: sum('conflicting'),
      orphaned: sum('orphaned'),
    };
  }
  return { total, lastWritten };
}

async function lastPass({ run, pairing, live }: Merge): Promise<number> {
  const [row] = await live.read(
    `SELECT count(DISTINCT task) FROM ${OWN_SCHEMA}.ledger WHERE run = ${escapeLiteral(run)}
     AND tab = ${escapeLiteral(quoted(pairing.name))} AND task LIKE 'merge %'`,
  );
  return Math.max(1, Number(row![0]));
}
