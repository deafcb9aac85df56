/**
 * The janitor: deletes restored instances that outlived their drill, and nothing else.
 *
 * A runbook cleans up after itself even when it crashes; this is for executions that were stopped or timed out. It
 * deletes only instances with the drills' prefix and all three tags of a restored instance, one of which says when it
 * expires. An instance that can't be deleted fails the function, and an alarm fires.
 */
import { type DBInstance, DeleteDBInstanceCommand, paginateDescribeDBInstances, RDSClient } from '@aws-sdk/client-rds';
import { janitorRequest, parse, TAGS } from '../contract';
import { isFault } from '../rds/fault';
import { describe } from '../runbook/error-text';

export interface Swept {
  readonly deleted: readonly string[];
}

/** RDS may be creating, backing up or deleting an instance when it expires. After so many hours it is stuck. */
const BUSY_HOURS = 6;

/** @throws after trying them all, when some could not be deleted, or still exist long after they expired */
export const deleteExpired =
  (rds: RDSClient, clock: () => number = Date.now) =>
  async (input: unknown): Promise<Swept> => {
    const { prefix } = parse(janitorRequest, input, 'janitor request');
    const deleted: string[] = [];
    const failures: string[] = [];
    for await (const { DBInstances = [] } of paginateDescribeDBInstances({ client: rds }, {})) {
      for (const instance of DBInstances.filter((one) => isCopy(one, prefix))) {
        const name = String(instance.DBInstanceIdentifier);
        try {
          if (await sweep(rds, instance, clock())) deleted.push(name);
        } catch (error) {
          failures.push(`${name}: ${describe(error)}`);
        }
      }
    }
    if (failures.length > 0) {
      throw new Error(
        `expired restored instances still exist and cost money; delete them by hand:\n  ${failures.join('\n  ')}`,
      );
    }
    return { deleted };
  };

/**
 * @returns whether it was deleted; if not, it has not expired, or RDS is still busy with it
 * @throws when it has to be deleted by hand
 */
async function sweep(rds: RDSClient, instance: DBInstance, now: number): Promise<boolean> {
  const { DBInstanceIdentifier, DBInstanceStatus: status = 'unknown' } = instance;
  const expires = tagOf(instance, TAGS.expires) ?? '';
  const late = (now - Date.parse(expires)) / 3_600_000;
  if (Number.isNaN(late)) {
    throw new Error(`its tag '${TAGS.expires}' is '${expires}', which is not a date, so it would never be deleted`);
  }
  if (late <= 0) return false;
  const refuseStuck = (state: string) => {
    if (late > BUSY_HOURS) throw new Error(`${state}, ${Math.floor(late)} hours after it expired (${expires})`);
    return false;
  };
  if (status === 'deleting') return refuseStuck('RDS is still deleting it');
  try {
    await rds.send(
      new DeleteDBInstanceCommand({ DBInstanceIdentifier, SkipFinalSnapshot: true, DeleteAutomatedBackups: true }),
    );
    return true;
  } catch (error) {
    if (isFault(error, 'DBInstanceNotFound')) return false;
    // Busy: the next round tries again.
    if (isFault(error, 'InvalidDBInstanceState')) {
      return refuseStuck(`it is ${status}, and RDS refuses to delete it: ${describe(error)}`);
    }
    throw error;
  }
}

function isCopy(instance: DBInstance, prefix: string): boolean {
  return (
    instance.DBInstanceIdentifier?.startsWith(prefix) === true &&
    Object.values(TAGS).every((tag) => tagOf(instance, tag) !== undefined)
  );
}

const tagOf = ({ TagList = [] }: DBInstance, key: string) => TagList.find(({ Key }) => Key === key)?.Value;

export const handler = (event: unknown) => deleteExpired(new RDSClient())(event);
