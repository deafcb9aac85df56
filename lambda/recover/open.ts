/** The start of every run: the lock, who started it, and a document that says so. */
import type { DatabaseRecoveryRequest, TableRecoveryRequest } from '../contract';
import type { Identity } from '../runbook/identity';
import { startBinding } from '../runbook/proof';
import type { RecoveryRun } from './recovery';

/** @returns the person who started it; null where nobody had to prove that */
export async function open(
  recovery: RecoveryRun,
  request: DatabaseRecoveryRequest | TableRecoveryRequest,
): Promise<Identity | null> {
  const { runbook, ports, definition } = recovery;
  const { startedBy, ...chosen } = request;
  if (startedBy === undefined && !definition.unattended) {
    throw new Error(
      'startedBy is missing, so it is unknown who starts this recovery, and it does not begin; start it with `lifeboat recover`, or ' +
        'deploy it as unattended',
    );
  }
  const starter =
    startedBy === undefined
      ? null
      : await runbook.step('see who starts this', async () => {
          const identified = await ports.identify(startedBy, startBinding(definition, request));
          if ('identity' in identified) return identified.identity;
          throw new Error(`startedBy proves nobody, so the recovery does not begin: ${identified.why}; start it again`);
        });
  const by = starter?.arn ?? null;
  const instead = request.action !== 'recover' ? request.run : undefined;
  await runbook.step('open the recovery', () => recovery.lock.take(by ?? 'nobody who had to prove it', instead));
  await recovery.publish({
    kind: 'started',
    name: 'started',
    title: `${request.action} started by ${by ?? 'nobody who had to prove it'}`,
    facts: [
      ['Started by', by ?? 'unattended'],
      ['Reason', request.reason],
      ['Asked for', JSON.stringify(chosen)],
    ],
    values: { request: chosen, by },
  });
  recovery.happened(`started by ${by ?? 'nobody who had to prove it'}: ${request.reason}`);
  await recovery.tell('started', `${request.reason}\nrun ${runbook.id}, by ${by ?? 'nobody who had to prove it'}`);
  return starter;
}
