/** Which request of a recovery each task of a swap answers, over a session on the live database. */
import type {
  CaptureWrites,
  CatchUp,
  CleanTables,
  DressShadow,
  SwapTables,
  TablesAnswers,
  UndoTables,
} from '../tables/protocol';
import { capture } from './capture';
import { catchUp } from './catch-up';
import { cleanTables } from './clean-tables';
import { dress } from './dress';
import { swapTables, undoSwap } from './exchange-tasks';
import type { Live } from './live';

/** `clean-tables` is for merges as well; `undo-tables` of a merge is not among them. */
export type SwapRequest =
  | CaptureWrites
  | DressShadow
  | CatchUp
  | SwapTables
  | (UndoTables & { readonly way: 'swap' })
  | CleanTables;

export async function answerSwap<Request extends SwapRequest>(
  request: Request,
  live: Live,
): Promise<TablesAnswers[Request['task']]> {
  return (await answer(request, live)) as TablesAnswers[Request['task']];
}

function answer(request: SwapRequest, live: Live): Promise<TablesAnswers[SwapRequest['task']]> {
  const { run } = request;
  switch (request.task) {
    case 'capture-writes':
      return capture(live, run, request.tables);
    case 'dress-shadow':
      return dress(live, run, request.tables);
    case 'catch-up':
      return catchUp(live, run, request.tables);
    case 'swap-tables':
      return swapTables(live, run, request.tables);
    case 'undo-tables':
      return undoSwap(live, run, request.tables);
    case 'clean-tables':
      return cleanTables(live, run);
  }
}
