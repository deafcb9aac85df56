/**
 * Brings a shadow up to what was written since: rows that only the live table has, and then, in rounds, whatever was
 * captured, until so little is left that the rest can be applied under the swap's lock.
 */
import { DatabaseError } from 'pg';
import { conditionOf } from '../examiner/postgres-error';
import { type CaughtUp, STAGING_SCHEMA, type TableName } from '../tables/protocol';
import { TablesRefused } from '../tables/refusals';
import { columnsOf, foreignKeys, keyOf } from './anatomy';
import { type Applying, applyCaptured, captureNames } from './capture';
import type { Live } from './live';
import { type Asks, inSchema, list, namesOf, quoted, readable, shown, sqlName } from './names';
import { counted, note, type State, stateOf } from './state';

/** Applied under the lock within a few milliseconds. */
export const FEW = 200;
/** Rounds of one call: a table that is written faster than it is caught up with is told, not chased. */
const ROUNDS = 50;
/** Of the call's time: a round is not begun in the last of it. */
const MARGIN_MS = 2_000;

export async function mustBeCaptured(db: Asks, run: string, table: TableName): Promise<State> {
  const state = await stateOf(db, run, table);
  if (state) return state;
  throw new TablesRefused(
    `${shown(table)}: its writes are not captured by this run, so nothing can be swapped; capture them first`,
  );
}

/** @param schema of the table that is to take its place */
export async function applying(
  db: Asks,
  run: string,
  table: TableName,
  state: State,
  schema: string,
): Promise<Applying> {
  const [from, to] = [sqlName(table), sqlName(inSchema(table, schema))];
  return {
    run,
    state,
    key: await keyOf(db, table),
    columns: await columnsOf(db, `'${from.replaceAll("'", "''")}'`),
    from,
    to,
  };
}

export async function catchUp(live: Live, run: string, tables: readonly TableName[]): Promise<CaughtUp> {
  let left = 0;
  for (const table of tables) {
    const state = await live.transaction(() => mustBeCaptured(live, run, table));
    const task = await live.transaction(() => applying(live, run, table, state, STAGING_SCHEMA));
    if (state.kept === null) await conflicts(table, () => keepOwnRows(live, task, table));
    left += await rounds(live, task, table);
  }
  const states = await live.transaction(async () =>
    Promise.all(tables.map((table) => mustBeCaptured(live, run, table))),
  );
  const sum = (of: (state: State) => number) => states.reduce((total, state) => total + of(state), 0);
  return {
    done: left <= FEW * tables.length,
    kept: sum(({ kept }) => kept ?? 0),
    applied: sum(({ applied }) => applied),
    left,
  };
}

async function keepOwnRows(live: Live, { run, key, columns, from, to }: Applying, table: TableName): Promise<void> {
  await live.transaction(async () => {
    const [kept] = await live.rows(`
      WITH kept AS (
        INSERT INTO ${to} (${list(columns)}) OVERRIDING SYSTEM VALUE
        SELECT ${columns.map((column) => quoted('l', column)).join(', ')} FROM ${from} l
        WHERE NOT EXISTS (SELECT FROM ${to} s WHERE ${key.same('s', 'l')}) RETURNING 1)
      SELECT count(*) FROM kept`);
    await note(live, run, table, `kept = ${kept![0]}`);
  });
}

/** @returns how many captured keys were left */
export async function rounds(live: Live, task: Applying, table: TableName): Promise<number> {
  for (let round = 0; round < ROUNDS; round++) {
    const left = await live.transaction(() => captured(live, task));
    // Once at least, so that little is left for the locks.
    if (left === 0 || (left <= FEW && round > 0) || live.deadline.left() < MARGIN_MS) return left;
    await conflicts(table, () =>
      live.transaction(async () => {
        const applied = await applyCaptured(live, task);
        await note(live, task.run, table, counted(applied));
      }),
    );
  }
  return live.transaction(() => captured(live, task));
}

async function captured(db: Asks, { run, state }: Applying): Promise<number> {
  const [found] = await db.rows(`SELECT count(*) FROM ${captureNames(run, state.old).keys}`);
  return Number(found![0]);
}

/** A row of the live table that can't be beside one of the copy's: which one counts is not for us to decide. */
export async function conflicts<T>(table: TableName, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DatabaseError) || !['23505', '23P01', '23503', '23514', '23502'].includes(error.code ?? ''))
      throw error;
    throw new TablesRefused(
      `${shown(table)}: a row written since the restore point can't stand beside the restored rows ` +
        `(${conditionOf(error)}, ${error.constraint ?? 'no constraint named'}), and a swap keeps both or neither; nothing was ` +
        'swapped. Change that row, or use insert-missing, which leaves out and counts restored rows in conflict',
    );
  }
}

/**
 * Restored rows that would refer to nothing in another restored table: the row that they refer to was deleted since. What
 * the live table still has is not missing, only not caught up with. Tables that are not swapped can't have such rows: they
 * refer to the live table now, all of which goes into the shadow.
 *
 * @param schema of the tables that are to take the places
 */
export async function refuseOrphans(db: Asks, tables: readonly TableName[], schema: string): Promise<void> {
  const moved = new Map(tables.map((table) => [sqlName(table), sqlName(inSchema(table, schema))]));
  for (const { on, name, to, valid, orphans } of await foreignKeys(db, tables, 'within')) {
    if (!valid) continue;
    const [count] = await db.rows(orphans(moved.get(on) ?? on, moved.get(to) ?? to, to));
    if (count![0] === '0') continue;
    throw new TablesRefused(
      `${namesOf(tables)}: ${count![0]} rows that would be in ${readable(on)} refer, by foreign key ${name}, to rows of ` +
        `${readable(to)} that were deleted since the restore point, so nothing was swapped. Use insert-missing, which leaves ` +
        'such rows out',
    );
  }
}
