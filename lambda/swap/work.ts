/**
 * Every task of a recovery of tables, of merges and of swaps: a plain function without any AWS permission. The call
 * carries passwords, so nothing here logs the call, and no error repeats it.
 */
import type { Deadline } from '../examiner/session';
import type { TablesAnswers, TablesRequest, TablesResponse } from '../tables/protocol';
import { type CallLimit, deadlineOf, type Swaps, type TablesOptions, told, workOnTables } from '../tables/work';
import { capture } from './capture';
import { catchUp } from './catch-up';
import { cleanSwaps } from './clean-swaps';
import { dress } from './dress';
import { swapTables, undoSwap } from './exchange-tasks';
import { inventoryOf } from './inventory';
import { Live } from './live';
import { makeShadow } from './shadow';

export const recoverTables = (options: TablesOptions = {}) => {
  const swaps = (deadline: Deadline): Swaps => ({
    inventory: (of, table) =>
      inLive(of, options, deadline, (live) => live.transaction(() => inventoryOf(live, table, of.tables))),
    shadow: makeShadow,
  });
  return async <Task extends TablesRequest>(request: Task, limit?: CallLimit): Promise<TablesAnswers[Task['task']]> => {
    const deadline = deadlineOf(options, limit);
    const swapping = taskOfSwap(request);
    const answer = swapping && (await inLive(request, options, deadline, swapping));
    // What a run made is dropped by both.
    if (answer && !(request.task === 'clean-tables' && answer.done)) return answer as TablesAnswers[Task['task']];
    const merged = await workOnTables(options, swaps(deadline))(request, limit);
    if (!answer || !('dropped' in answer) || !('dropped' in merged)) return merged;
    return { ...merged, dropped: [...answer.dropped, ...merged.dropped] };
  };
};

/** @returns undefined for a task that is not a swap's */
function taskOfSwap(request: TablesRequest): ((live: Live) => Promise<TablesResponse>) | undefined {
  const { run } = request;
  switch (request.task) {
    case 'capture-writes':
      return (live) => capture(live, run, request.tables);
    case 'dress-shadow':
      return (live) => dress(live, run, request.tables);
    case 'catch-up':
      return (live) => catchUp(live, run, request.tables);
    case 'swap-tables':
      return (live) => swapTables(live, run, request.tables);
    case 'undo-tables':
      return request.way === 'swap' ? (live) => undoSwap(live, run, request.tables) : undefined;
    case 'clean-tables':
      return (live) => cleanSwaps(live, run);
    default:
      return undefined;
  }
}

async function inLive<T>(
  { live: connection }: TablesRequest,
  { tls }: TablesOptions,
  deadline: Deadline,
  work: (live: Live) => Promise<T>,
): Promise<T> {
  try {
    const live = await Live.open(connection, tls, deadline);
    return await work(live).finally(() => live.close());
  } catch (error) {
    throw told(error);
  }
}
