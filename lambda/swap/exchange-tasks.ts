/** The tasks that swap tables, and that swap them back. Each goes on from the phase that the state tells. */

import { STAGING_SCHEMA, type Swapped, type TableName, type Undone } from '../tables/protocol';
import { TablesRefused } from '../tables/refusals';
import { finish } from './after';
import { applying, conflicts, FEW, mustBeCaptured, rounds } from './catch-up';
import { makeForeignKeysOut } from './foreign-keys-out';
import type { Live } from './live';
import { KEPT_SCHEMA, namesOf } from './names';
import { mark, olderSnapshots } from './snapshots';
import type { Phase, State } from './state';
import { exchange } from './swap';

export async function swapTables(live: Live, run: string, tables: readonly TableName[]): Promise<Swapped> {
  const states = await statesFor(live, run, tables);
  const phase = onePhase(states, tables);
  if (phase === 'undone' || phase === 'returned') {
    throw new TablesRefused(`${namesOf(tables)}: this run's swap was undone; start another recovery to swap again`);
  }
  if (phase === 'captured') {
    const unready = states.find(({ kept, restored }) => kept === null || restored === null);
    if (unready) {
      throw new TablesRefused(
        `${unready.schema}.${unready.table}: ` +
          `${unready.restored === null ? 'its shadow is not dressed' : 'rows that only the live table has are not in its shadow'}, ` +
          'so it would lose something by the swap; dress it and catch up first',
      );
    }
    const waitingFor = await exchangeFrom(live, run, tables, {
      from: STAGING_SCHEMA,
      to: KEPT_SCHEMA,
      phase: 'swapped',
    });
    if (waitingFor) return { done: false, lockedMs: 0, tries: 0, applied: 0, waitingFor };
  }
  if (phase !== 'kept') {
    const waitingFor = await finish(live, run, tables, KEPT_SCHEMA, 'kept');
    if (waitingFor) return { done: false, ...(await lastOf(live, run, tables)), waitingFor };
  }
  return { done: true, ...(await lastOf(live, run, tables)) };
}

export async function undoSwap(live: Live, run: string, tables: readonly TableName[]): Promise<Undone> {
  const states = await statesFor(live, run, tables);
  let phase = onePhase(states, tables);
  const none = { deleted: 0, setBack: 0, changedSince: 0, referencedSince: 0 };
  // Nothing was swapped, so nothing has to be taken back.
  if (phase === 'captured') return { done: true, ...none, applied: 0 };
  if (phase === 'swapped') {
    const waitingFor = await finish(live, run, tables, KEPT_SCHEMA, 'kept', 'left');
    if (waitingFor) return { done: false, ...none, applied: 0, waitingFor };
    phase = 'kept';
  }
  if (phase === 'kept') {
    if (!(await makeForeignKeysOut(live, tables, KEPT_SCHEMA))) {
      return { done: false, ...none, applied: 0, waitingFor: 'locks on tables that these refer to' };
    }
    const waitingFor = await exchangeFrom(live, run, tables, {
      from: KEPT_SCHEMA,
      to: STAGING_SCHEMA,
      phase: 'undone',
    });
    if (waitingFor) return { done: false, ...none, applied: 0, waitingFor };
    phase = 'undone';
  }
  if (phase === 'undone') {
    const waitingFor = await finish(live, run, tables, STAGING_SCHEMA, 'returned');
    if (waitingFor) return { done: false, ...none, applied: 0, waitingFor };
  }
  const after = await statesFor(live, run, tables);
  return { done: true, ...none, applied: after.reduce((sum, { sinceSwap }) => sum + sinceSwap, 0) };
}

/** @returns what is waited for; undefined once it is committed */
async function exchangeFrom(
  live: Live,
  run: string,
  tables: readonly TableName[],
  way: { readonly from: string; readonly to: string; readonly phase: Phase },
): Promise<string | undefined> {
  for (const table of tables) {
    const state = await live.transaction(() => mustBeCaptured(live, run, table));
    const task = await live.transaction(() => applying(live, run, table, state, way.from));
    const left = await conflicts(table, () => rounds(live, task, table));
    if (left > FEW) return `${left} captured writes of ${namesOf([table])}, which come faster than they are applied`;
    await live.transaction(() => mark(live, run, table));
  }
  const older = await live.transaction(() => olderSnapshots(live, run, tables));
  if (older) return older;
  const swapped = await exchange(live, { run, tables, ...way });
  return swapped ? undefined : `locks on ${namesOf(tables)}, its views, and tables that refer to it`;
}

async function statesFor(live: Live, run: string, tables: readonly TableName[]): Promise<State[]> {
  return live.transaction(async () => {
    const states: State[] = [];
    for (const table of tables) states.push(await mustBeCaptured(live, run, table));
    return states;
  });
}

/** Tables that are swapped together are in the same phase, since all changes of it are one transaction's. */
function onePhase(states: readonly State[], tables: readonly TableName[]): Phase {
  const [first, ...others] = new Set(states.map(({ phase }) => phase));
  if (first !== undefined && others.length === 0) return first;
  throw new TablesRefused(
    `${namesOf(tables)}: some of them are swapped by this run and some are not; name those together that were swapped together`,
  );
}

async function lastOf(live: Live, run: string, tables: readonly TableName[]) {
  const [state] = await statesFor(live, run, tables);
  const all = await statesFor(live, run, tables);
  return { ...state!.last, applied: all.reduce((sum, { last }) => sum + last.applied, 0) };
}
