/**
 * Holds: they keep the backups of a target from being pruned, as during a recovery.
 *
 * A hold is a parameter of SSM in the region of the backups, so it can be set there while the database's region is
 * down, and it also covers backups made after it was set. A hold that can't be read counts as one in force: pruning can
 * wait. An open recovery holds the backups of its target, too, and counts in the same way.
 */
import { PutParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import {
  HOLD_PATH,
  type Hold,
  type HoldTarget,
  hold,
  holdParameter,
  holdTarget,
  type OpenRecovery,
  parse,
} from '../contract';
import { deleteParameter, parametersUnder, readParameter, whyUnreadable } from './parameters';
import { readLock } from './recovery-lock';

/** The hold in force, or the open recovery as one; null when there is none. Asked before each deletion, as one may be set at any moment. */
export type AskHold = () => Promise<Hold | null>;

/**
 * @param ssm clients of every region in which the target may be on hold; one hold is enough
 * @returns a function that throws when a region can't be asked, or its parameter can't be understood
 */
export const askHold =
  (ssm: readonly SSMClient[], target: HoldTarget, clock: () => number): AskHold =>
  async () => {
    const recoveries = await Promise.all(ssm.map((client) => readLock(client, target)));
    const open = recoveries.find((recovery) => recovery !== null);
    if (open) return holdOf(open);
    const records = await Promise.all(ssm.map((client) => read(client, target)));
    const inForce = records.filter((record): record is Hold => record !== null && Date.parse(record.until) > clock());
    return inForce.sort((one, other) => Date.parse(other.until) - Date.parse(one.until))[0] ?? null;
  };

/** It has no date at which it ends. */
const holdOf = ({ runbook, startedBy, started, phase }: OpenRecovery): Hold => ({
  reason: `${runbook} is at work (${phase})`,
  by: startedBy,
  since: started,
  until: 'its recovery ends',
});

async function read(client: SSMClient, target: HoldTarget): Promise<Hold | null> {
  const name = holdParameter(target);
  const value = await readParameter(client, name);
  return value === undefined ? null : understood(name, value);
}

/** The parameter may still be a hold, written by another version or by hand. */
class UnreadableHold extends Error {}

function understood(name: string, value: string): Hold {
  try {
    return parse(hold, JSON.parse(value), 'it');
  } catch (error) {
    throw new UnreadableHold(
      `parameter '${name}' is not a hold that this version understands, so no backup of its target is pruned; set the hold ` +
        `again, or release it, with \`lifeboat hold\`: ${whyUnreadable(error)}`,
    );
  }
}

/** As one line, for an operator. */
export const describeHold = ({ by, reason, since, until }: Hold) =>
  `on hold until ${until}, set by ${by} at ${since}: ${reason}`;

/** How old it is. */
export const secondsHeld = ({ since }: Hold, now: number) => (now - Date.parse(since)) / 1000;

/**
 * Sets a hold, or replaces the one that is there.
 *
 * @returns the one that was replaced, if there was one
 */
export async function setHold(ssm: SSMClient, target: HoldTarget, record: Hold): Promise<Hold | null> {
  const Name = holdParameter(parse(holdTarget, target, 'target of a hold'));
  const Value = JSON.stringify(parse(hold, record, 'hold'));
  // Setting it again replaces one that can't be understood.
  const before = await read(ssm, target).catch((error: unknown) => {
    if (error instanceof UnreadableHold) return null;
    throw error;
  });
  const Description = 'Lifeboat prunes no backup of this target while this hold is in force.';
  await ssm.send(new PutParameterCommand({ Name, Value, Description, Type: 'String', Overwrite: true }));
  return before;
}

/** @returns false when there was none */
export async function releaseHold(ssm: SSMClient, target: HoldTarget): Promise<boolean> {
  return deleteParameter(ssm, holdParameter(parse(holdTarget, target, 'target of a hold')));
}

export interface ListedHold {
  readonly target: string;
  /** A parameter's content as a sentence. */
  readonly state: string;
}

/** All of a region, those that ended and were never released among them. */
export async function listHolds(ssm: SSMClient, now: number): Promise<ListedHold[]> {
  const found: ListedHold[] = [];
  for await (const { name, value } of parametersUnder(ssm, HOLD_PATH)) {
    found.push({ target: name.slice(HOLD_PATH.length + 1).replace('/', ' '), state: stateOf(name, value, now) });
  }
  return found.sort((one, other) => one.target.localeCompare(other.target));
}

function stateOf(name: string, value: string, now: number): string {
  try {
    const record = understood(name, value);
    if (Date.parse(record.until) > now) return describeHold(record);
    return `ended at ${record.until}, set by ${record.by} at ${record.since}: ${record.reason}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
