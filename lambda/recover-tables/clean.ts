/** Removes what a recovery of tables keeps in the live database for an undo, once the hold time is over. */
import { describe } from '../runbook/runbook';
import type { TableRecovery } from './story';
import { theLive } from './the-live';
import { TableWork } from './write';

/** Never fails the run: it has ended, and its report is written. What could not be removed is told. */
export async function cleanAfterHold(recovery: TableRecovery, database: string | undefined): Promise<void> {
  const { runbook, ports, definition } = recovery;
  const until = runbook.now.getTime() + definition.holdSeconds * 1000;
  const hours = definition.holdSeconds / 3600 + 24;
  await runbook.poll(
    'hold what an undo needs',
    async () => ports.clock(),
    (now) => now >= until,
    { hours, pace: 'days' },
  );
  try {
    const live = await runbook.step('look at the live database after the hold time', () =>
      theLive(ports.rds, definition.source),
    );
    const reach = async () => ({ run: runbook.id, live: await recovery.connection(live, database) });
    const work = new TableWork(runbook, ports.tables(definition.examiner), reach);
    const { dropped } = await work.whole('clean-tables', 'remove what an undo needed', {});
    await recovery.publish({
      kind: 'report',
      name: 'cleaned',
      title: 'the hold time is over, and what an undo needed is removed',
      sections: [{ title: 'Removed', lines: [...dropped] }],
    });
  } catch (error) {
    await recovery.tell('what an undo needed could not be removed', describe(error));
  }
}
