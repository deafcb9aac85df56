/** The lock of a recovery, as its runbook uses it. */
import type { SSMClient } from '@aws-sdk/client-ssm';
import type { DatabaseRecoveryDefinition, HoldTarget } from '../contract';
import { readLock, releaseLock, takeLock, updateLock } from '../runbook/recovery-lock';
import { runOfExecution } from '../runbook/run-id';
import type { Runbook } from '../runbook/runbook';

/** The phase of a run that has ended with something half done: the rollback of that run may take over, and nothing else. */
const HALF_DONE = 'ended with something half done';

type Locked = Pick<DatabaseRecoveryDefinition, 'plan' | 'target' | 'source' | 'evidenceBucket'>;

export class DatabaseLock {
  private readonly of: HoldTarget;

  constructor(
    private readonly ssm: SSMClient,
    private readonly definition: Locked,
    private readonly runbook: Runbook,
    /** As it is named to people. */
    private readonly kind: string,
    private readonly clock: () => number,
  ) {
    this.of = { kind: 'database', id: definition.source.instance };
  }

  /**
   * @param instead run that is to be rolled back
   * @throws RecoveryLocked when another run holds it
   */
  async take(startedBy: string, instead: string | undefined): Promise<void> {
    const holder = instead === undefined ? null : await readLock(this.ssm, this.of);
    if (holder?.phase === HALF_DONE && runOfExecution(holder.execution) === instead) {
      await releaseLock(this.ssm, this.of, holder.execution);
    }
    const { plan, target } = this.definition;
    const started = this.now;
    await takeLock(this.ssm, {
      formatVersion: 1,
      plan,
      target,
      of: this.of,
      runbook: this.kind,
      execution: this.execution,
      startedBy,
      started,
      phase: 'assess',
      since: started,
      waitingFor: null,
      next: null,
      approval: null,
    });
  }

  /** @throws RecoveryLocked when this run does not hold it any more: it must not go on */
  async tell(phase: string): Promise<void> {
    const since = this.now;
    await updateLock(this.ssm, this.of, this.execution, {
      phase: line(phase),
      since,
      waitingFor: null,
      next: null,
      approval: null,
    });
  }

  /** An approval is waited for: `lifeboat approve` finds it here. */
  async wait(question: string, approval: { sha256: string; key: string; resources: string[]; expires: string }) {
    await updateLock(this.ssm, this.of, this.execution, {
      phase: line(question),
      since: this.now,
      waitingFor: 'an approval',
      next: null,
      approval: { ...approval, bucket: this.definition.evidenceBucket },
    });
  }

  /** Closes the recovery, or leaves it locked for its rollback. One that this run does not hold stays as it is. */
  async end(halfDone: boolean): Promise<void> {
    const holder = await readLock(this.ssm, this.of);
    if (holder?.execution !== this.execution) return;
    if (halfDone) await this.tell(HALF_DONE);
    else await releaseLock(this.ssm, this.of, this.execution);
  }

  private get now(): string {
    return new Date(this.clock()).toISOString();
  }

  private get execution(): string {
    return this.runbook.execution ?? this.runbook.id;
  }
}

const line = (text: string) => text.replace(/\p{C}/gu, ' ').slice(0, 200);
