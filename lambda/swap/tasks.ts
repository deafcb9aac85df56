/** The tasks of swaps, for the function that works on tables. */
import type { Tls } from '../examiner/client';
import type { Deadline } from '../examiner/deadline';
import { pairAgain } from '../tables/pairing';
import type { TablesResponse } from '../tables/protocol';
import { Session } from '../tables/session';
import type { SwapPart, SwapRequest } from '../tables/work';
import { capture } from './capture';
import { catchUp } from './catch-up';
import { cleanTables } from './clean-tables';
import { dress } from './dress';
import { swapTables, undoSwap } from './exchange-tasks';
import { inventoryOf } from './inventory';
import { Live } from './live';

export const swapPart: SwapPart = {
  inventory: inventoryOf,
  async answer(request: SwapRequest, tls: Tls | undefined, deadline: Deadline): Promise<TablesResponse> {
    const session = await Session.open({ connection: request.live, tls, deadline, side: 'the live database' });
    try {
      if (request.task === 'capture-writes') await asPlanned(request, session, tls, deadline);
      return await answer(request, new Live(session, deadline));
    } finally {
      await session.close();
    }
  },
};

function answer(request: SwapRequest, live: Live): Promise<TablesResponse> {
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

/** What comes later compares definitions before it commits; before anything is made, the plan has to hold. */
async function asPlanned(
  { tables, copy }: Extract<SwapRequest, { readonly task: 'capture-writes' }>,
  live: Session,
  tls: Tls | undefined,
  deadline: Deadline,
): Promise<void> {
  const other = await Session.open({ connection: copy, tls, deadline, side: 'the restored copy' });
  try {
    for (const table of tables) {
      await live.transaction('READ ONLY', () => other.transaction('READ ONLY', () => pairAgain(live, other, table)));
    }
  } finally {
    await other.close();
  }
}
