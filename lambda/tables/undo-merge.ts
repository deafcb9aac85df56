/**
 * Takes a merge back: deletes the rows that it inserted, and sets back those that it overwrote, as far as they still are
 * as it wrote them and nobody refers to them. Works without the copy.
 */
import { escapeIdentifier } from 'pg';
import type { Deadline } from '../examiner/deadline';
import { type Batch, cut, LOCK_TIMEOUT, pagesOfTable, patiently } from './batches';
import { describeTable, type Key, type Table } from './catalog';
import { doneOf, type Entry, enter, madeFor, take } from './ledger';
import { indexWritten, type MergedHow } from './merge';
import { Pace } from './pace';
import { keyColumns, sameKey } from './pairing';
import type { TableName, Undone, UndoTables } from './protocol';
import { TablesRefused } from './refusals';
import { quoted, type Session } from './session';

/** Pages of keys of a batch: 2 MB are about 40,000 of a number each. */
const PAGES = 256;
/** Rows that refer to each other go in as many passes as the longest chain has batches. */
const PASSES = 50;

type Counts = Pick<Undone, 'deleted' | 'setBack' | 'changedSince' | 'referencedSince'>;
const NONE: Counts = { deleted: 0, setBack: 0, changedSince: 0, referencedSince: 0 };

interface Undo {
  readonly live: Session;
  readonly name: TableName;
  readonly table: Table;
  readonly how: MergedHow;
  readonly written: string;
  readonly before: string | undefined;
}

/** Children before their parents. */
export async function undoMerges({ run, tables }: UndoTables, live: Session, deadline: Deadline): Promise<Undone> {
  let total = NONE;
  let done = true;
  for (const name of [...tables].reverse()) {
    const undone = await undoMerge(run, name, live, deadline);
    total = added(total, undone);
    done &&= undone.done;
    if (!done) break;
  }
  return { done, ...total, applied: 0 };
}

async function undoMerge(
  run: string,
  name: TableName,
  live: Session,
  deadline: Deadline,
): Promise<Counts & { done: boolean }> {
  const written = await madeFor(live, { run, table: name, purpose: 'written' });
  const [how] = written === undefined ? [] : await doneOf(live, { run, table: name, task: 'merge' });
  // Nothing was merged, so there is nothing to take back.
  if (written === undefined || how === undefined) return { done: true, ...NONE };
  const table = await describeTable(live, name);
  if (table === undefined) {
    throw new TablesRefused(
      `${quoted(name)} is not in the live database any more, so what was merged into it can't be undone`,
    );
  }
  const before = await madeFor(live, { run, table: name, purpose: 'before' });
  const undo: Undo = { live, name, table, how: how.counts as unknown as MergedHow, written, before };
  await indexWritten(live, written, undo.how.key);
  const { part, pages } = await pagesOfTable(live, written);
  const pace = new Pace(deadline, `undoing a batch of ${quoted(name)}`);
  let total = NONE;
  for (let pass = 1; pass <= PASSES; pass++) {
    const entry: Entry = { run, table: name, task: `undo ${pass}` };
    const known = new Set((await doneOf(live, entry)).map(({ lo }) => lo));
    for (const batch of cut(part, pages, PAGES, 'w').filter(({ lo }) => !known.has(lo))) {
      const work = () => patiently(quoted(name), deadline, () => undoBatch(undo, entry, batch));
      if (!pace.goesOn() || (await pace.do(work)) === undefined) {
        return { done: false, ...added(total, await countsOf(live, entry)) };
      }
    }
    const counts = await countsOf(live, entry);
    total = { ...counts, deleted: total.deleted + counts.deleted, setBack: total.setBack + counts.setBack };
    if (counts.referencedSince === 0 || counts.deleted === 0) break;
  }
  return { done: true, ...total };
}

function undoBatch({ live, name, table, how, written, before }: Undo, entry: Entry, batch: Batch): Promise<boolean> {
  const { key, hash, columns } = how;
  const t = `${table.kind === 'r' ? 'ONLY ' : ''}${quoted(name)} t`;
  const same = `${sameKey(key, 't', 'w')} AND ${batch.where} AND ${hash} OPERATOR(pg_catalog.=) w."lifeboat hash"`;
  const inserted = `w."lifeboat way" OPERATOR(pg_catalog.=) 'm'`;
  const forget = `DELETE FROM ${written} w USING taken WHERE ${sameKey(key, 'w', 'taken')} RETURNING 1`;
  return live.transaction(
    'READ WRITE',
    async () => {
      if (!(await take(live, entry, batch))) return true;
      await live.rows('SET CONSTRAINTS ALL IMMEDIATE');
      // Whoever is about to refer to one of them waits from here on, or has committed when the next statement begins.
      const locked = await count(live, `SELECT FROM ${t}, ${written} w WHERE ${same} FOR UPDATE OF t`);
      const all = await count(live, `SELECT FROM ${written} w WHERE ${batch.where}`);
      const deleted = await count(
        live,
        `SELECT FROM forgotten`,
        `WITH taken AS (DELETE FROM ${t} USING ${written} w WHERE ${same} AND ${inserted} AND ${unreferenced(table)}
           RETURNING ${keyColumns(key, 't')}), forgotten AS (${forget})`,
      );
      const setBack =
        before === undefined
          ? 0
          : await count(
              live,
              `SELECT FROM forgotten`,
              `WITH taken AS (UPDATE ${t} SET ${restored(columns, key)} FROM ${written} w, ${before} b
                 WHERE ${same} AND NOT ${inserted} AND ${sameKey(key, 't', 'b')}
                 RETURNING ${keyColumns(key, 't')}), forgotten AS (${forget})`,
            );
      const counts: Counts = {
        deleted,
        setBack,
        changedSince: all - locked,
        referencedSince: locked - deleted - setBack,
      };
      await enter(live, entry, { ...batch, rows: deleted + setBack, counts: { ...counts } });
      return true;
    },
    { lock_timeout: LOCK_TIMEOUT, search_path: live.loginPath || 'pg_catalog' },
  );
}

const restored = (columns: readonly string[], key: Key): string =>
  columns
    .filter((name) => !key.columns.includes(name))
    .map((name) => `${escapeIdentifier(name)} = b.${escapeIdentifier(name)}`)
    .join(', ');

/** A row that others refer to stays, whatever their foreign keys say would become of them. */
function unreferenced({ referredBy }: Table): string {
  const conditions = referredBy.map(({ from, fromColumns, toColumns, operators }) => {
    const pairs = toColumns.map(
      (name, at) => `t.${escapeIdentifier(name)} OPERATOR(${operators[at]}) r.${escapeIdentifier(fromColumns[at]!)}`,
    );
    return `NOT EXISTS (SELECT FROM ${from} r WHERE ${pairs.join(' AND ')})`;
  });
  return conditions.join(' AND ') || 'true';
}

async function count(live: Session, rows: string, before = ''): Promise<number> {
  return Number((await live.row(`${before} SELECT pg_catalog.count(*) FROM (${rows}) r`))[0]);
}

async function countsOf(live: Session, entry: Entry): Promise<Counts> {
  const done = await doneOf(live, entry);
  return done.map(({ counts }) => counts as unknown as Counts).reduce(added, NONE);
}

const added = (one: Counts, other: Counts): Counts => ({
  deleted: one.deleted + other.deleted,
  setBack: one.setBack + other.setBack,
  changedSince: one.changedSince + other.changedSince,
  referencedSince: one.referencedSince + other.referencedSince,
});
