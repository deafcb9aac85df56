/** The start of every run: the lock, who started it, and a document that says so. */
import type { DatabaseRecoveryRequest, OpenRecovery, TableRecoveryRequest } from '../contract';
import type { Identity } from '../runbook/identity';
import { readLock, releaseLock, takeLock } from '../runbook/recovery-lock';
import { bindingOfStart, nameOfExecution, runOfExecution } from '../runbook/start';
import type { RecoveryRun } from './recovery';

/** @returns the person who started it; null where nobody had to prove that */
export async function open(
  recovery: RecoveryRun,
  request: DatabaseRecoveryRequest | TableRecoveryRequest,
): Promise<Identity | null> {
  const { runbook, definition } = recovery;
  const { startedBy, ...chosen } = request;
  if (startedBy === undefined && !definition.unattended) {
    throw new Error(
      'startedBy is missing, so nobody knows who starts this recovery, and it does not begin; start it with `lifeboat recover`, or ' +
        'deploy it as unattended',
    );
  }
  const starter =
    startedBy === undefined
      ? null
      : await runbook.step('see who starts this', () => starterOf(recovery, startedBy, chosen));
  const by = starter?.arn ?? null;
  const instead = request.action !== 'recover' ? request.run : undefined;
  await runbook.step('open the recovery', () => take(recovery, by ?? 'unattended', instead));
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

/** @throws when the proof is not this start's: its text is in no error */
async function starterOf({ ports, execution }: RecoveryRun, proof: string, chosen: object): Promise<Identity> {
  const binding = bindingOfStart(nameOfExecution(execution) ?? execution, chosen);
  const found = await ports.identify(proof, binding);
  if ('identity' in found) return found.identity;
  throw new Error(
    `startedBy does not prove who starts this recovery (${found.why}), so it does not begin; start it with \`lifeboat recover\``,
  );
}

/** Phase of a run that has ended, and left something half done. */
export const STOPPED = 'stopped, with something half done';

/** @param instead a run that has stopped half-way, whose place this one takes to take it back */
async function take(recovery: RecoveryRun, startedBy: string, instead: string | undefined): Promise<void> {
  const { ports, definition, locked, execution, kind } = recovery;
  const { ssm, clock } = ports;
  const now = new Date(clock()).toISOString();
  const own: OpenRecovery = {
    formatVersion: 1,
    plan: definition.plan,
    target: definition.target,
    of: locked,
    runbook: kind,
    execution,
    startedBy,
    started: now,
    phase: 'opened',
    since: now,
    waitingFor: null,
    next: 'look at what there is',
    approval: null,
  };
  const holder = instead === undefined ? null : await readLock(ssm, locked);
  if (holder && holder.phase === STOPPED && runOfExecution(holder.execution) === instead) {
    await releaseLock(ssm, locked, holder.execution);
  }
  await takeLock(ssm, own);
}
