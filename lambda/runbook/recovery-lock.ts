/**
 * The lock of a recovery, which tells everybody else its state: two recoveries of one target never run together.
 *
 * Taking it is atomic. Only the run that holds it changes or releases it; for a run that was stopped, a person does with
 * that run's ARN.
 */
import { PutParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import {
  type HoldTarget,
  type OpenRecovery,
  openRecovery,
  parse,
  RECOVERIES_PATH,
  recoveryParameter,
} from '../contract';
import { describe } from './error-text';
import { deleteParameter, parametersUnder, readParameter, whyUnreadable } from './parameters';

/** Another recovery of the target is open, or this one is no longer. */
export class RecoveryLocked extends Error {
  override readonly name = 'RecoveryLocked';
}

/**
 * Opens a recovery. A run that has done so before goes on, so it may be repeated after a crash.
 *
 * @throws RecoveryLocked when another recovery of the target is open
 */
export async function takeLock(ssm: SSMClient, recovery: OpenRecovery): Promise<void> {
  const Value = contentOf(recovery);
  try {
    const Description = 'A recovery is open: Lifeboat starts no other of this target, and prunes none of its backups.';
    await ssm.send(
      new PutParameterCommand({ Name: recoveryParameter(recovery.of), Value, Description, Type: 'String' }),
    );
  } catch (error) {
    if (!isNamed(error, 'ParameterAlreadyExists')) throw error;
    const holder = await readLock(ssm, recovery.of);
    if (holder?.execution === recovery.execution) return;
    throw lockedBy(recovery.of, holder);
  }
}

/** What changes while a recovery goes on. */
export type RecoveryState = Pick<OpenRecovery, 'phase' | 'since' | 'waitingFor' | 'next' | 'approval'>;

/**
 * Tells a new state.
 *
 * @param execution of the run that holds the lock
 * @throws RecoveryLocked when it does not hold it any more: it must not go on
 */
export async function updateLock(
  ssm: SSMClient,
  of: HoldTarget,
  execution: string,
  state: RecoveryState,
): Promise<void> {
  const { phase, since, waitingFor, next, approval } = state;
  const Value = contentOf({ ...(await held(ssm, of, execution)), phase, since, waitingFor, next, approval });
  await ssm.send(new PutParameterCommand({ Name: recoveryParameter(of), Value, Type: 'String', Overwrite: true }));
}

/**
 * Closes a recovery; one that is closed already stays so. Before a person does it for a run, that run has to be stopped.
 *
 * @param execution of the run that holds the lock
 * @throws RecoveryLocked when another run holds it
 */
export async function releaseLock(ssm: SSMClient, of: HoldTarget, execution: string): Promise<void> {
  const holder = await readLock(ssm, of);
  if (holder === null) return;
  if (holder.execution !== execution) throw lockedBy(of, holder);
  await deleteParameter(ssm, recoveryParameter(of));
}

/** @throws Error when there is one that can't be understood */
export async function readLock(ssm: SSMClient, of: HoldTarget): Promise<OpenRecovery | null> {
  const name = recoveryParameter(of);
  const value = await readParameter(ssm, name);
  return value === undefined ? null : understood(name, value);
}

export interface OpenRecoveries {
  /** By plan and target. */
  readonly recoveries: readonly OpenRecovery[];
  /** Parameters that this version can't read, and why. */
  readonly unread: readonly string[];
}

export async function listRecoveries(ssm: SSMClient): Promise<OpenRecoveries> {
  const recoveries: OpenRecovery[] = [];
  const unread: string[] = [];
  for await (const { name, value } of parametersUnder(ssm, RECOVERIES_PATH)) {
    try {
      recoveries.push(understood(name, value));
    } catch (error) {
      unread.push(describe(error));
    }
  }
  const nameOf = ({ plan, target }: OpenRecovery) => [plan, target].join('\0');
  return { recoveries: recoveries.sort((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1)), unread };
}

async function held(ssm: SSMClient, of: HoldTarget, execution: string): Promise<OpenRecovery> {
  const holder = await readLock(ssm, of);
  if (holder?.execution === execution) return holder;
  throw lockedBy(of, holder);
}

function lockedBy({ kind, id }: HoldTarget, holder: OpenRecovery | null): RecoveryLocked {
  if (!holder) {
    return new RecoveryLocked(
      `the recovery of ${kind} ${id} is no longer open, as somebody abandoned it, so this run stops; start another`,
    );
  }
  const { runbook, startedBy, started, phase, execution } = holder;
  return new RecoveryLocked(
    `${kind} ${id} is being recovered by ${runbook}, which ${startedBy} started at ${started} (now: ${phase}), and two ` +
      `recoveries must not run together; wait for it, or abandon it with \`lifeboat recover abandon\`: ${execution}`,
  );
}

/** Standard parameters hold 4 KB: https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html */
const MOST_BYTES = 4096;

function contentOf(recovery: OpenRecovery): string {
  const value = JSON.stringify(parse(openRecovery, recovery, 'state of the recovery'));
  const bytes = Buffer.byteLength(value);
  if (bytes <= MOST_BYTES) return value;
  throw new Error(
    `the state of the recovery has ${bytes} bytes, and a parameter holds ${MOST_BYTES}; shorten its texts`,
  );
}

function understood(name: string, value: string): OpenRecovery {
  try {
    return parse(openRecovery, JSON.parse(value), 'it');
  } catch (error) {
    throw new Error(
      `parameter '${name}' is not a recovery that this version understands, so no recovery of its target is started, and ` +
        'no backup of it is pruned; use the version of Lifeboat that wrote it, or delete the parameter if none is under ' +
        `way: ${whyUnreadable(error)}`,
    );
  }
}

const isNamed = (error: unknown, name: string) => error instanceof Error && error.name === name;
