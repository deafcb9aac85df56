/**
 * The janitor: deletes copies that outlived their drill, and nothing else.
 *
 * A runbook cleans up after itself even when it crashes; this is for executions that were stopped or timed out. What
 * it deletes carries the copy prefix and all three tags of a copy, one of which says that its time is over.
 */
import { type DBInstance, DeleteDBInstanceCommand, paginateDescribeDBInstances, RDSClient } from '@aws-sdk/client-rds';
import { janitorRequest, parse, TAGS } from '../contract';
import { isFault } from '../rds/fault';

export interface Swept {
  readonly deleted: readonly string[];
}

/** @throws after having tried them all, when some could not be deleted */
export const deleteExpired =
  (rds: RDSClient, clock: () => number = Date.now) =>
  async (input: unknown): Promise<Swept> => {
    const { prefix } = parse(janitorRequest, input, 'janitor request');
    const deleted: string[] = [];
    const failures: string[] = [];
    for await (const { DBInstances = [] } of paginateDescribeDBInstances({ client: rds }, {})) {
      for (const instance of DBInstances) {
        if (!isExpiredCopy(instance, prefix, clock())) continue;
        const name = instance.DBInstanceIdentifier;
        try {
          await rds.send(
            new DeleteDBInstanceCommand({
              DBInstanceIdentifier: name,
              SkipFinalSnapshot: true,
              DeleteAutomatedBackups: true,
            }),
          );
          deleted.push(String(name));
        } catch (error) {
          // Gone, or busy: the next round finds out.
          if (isFault(error, 'DBInstanceNotFound') || isFault(error, 'InvalidDBInstanceState')) continue;
          failures.push(`${name}: ${error instanceof Error ? error.message : error}`);
        }
      }
    }
    if (failures.length > 0) {
      throw new Error(`expired copies are left and cost money; delete them by hand:\n  ${failures.join('\n  ')}`);
    }
    return { deleted };
  };

function isExpiredCopy(instance: DBInstance, prefix: string, now: number): boolean {
  const tag = (key: string) => instance.TagList?.find(({ Key }) => Key === key)?.Value;
  const expires = Date.parse(tag(TAGS.expires) ?? '');
  return (
    instance.DBInstanceIdentifier?.startsWith(prefix) === true &&
    instance.DBInstanceStatus !== 'deleting' &&
    tag(TAGS.copyOf) !== undefined &&
    tag(TAGS.run) !== undefined &&
    // An unreadable date is NaN, which is never in the past.
    expires < now
  );
}

export const handler = (event: unknown) => deleteExpired(new RDSClient())(event);
