/** A snapshot of the damaged database, from before anyone is sent away from it. Nothing here deletes it. */
import { CreateDBSnapshotCommand, DescribeDBSnapshotsCommand, type RDSClient } from '@aws-sdk/client-rds';
import { isFault } from '../rds/fault';
import { notReady } from '../rds/instance';
import { AnotherDatabase, instanceById } from '../rds/known-instance';
import { recoveryTags } from './carried';
import type { Recovery } from './recovery';

/** @returns its identifier */
export async function takeSafetySnapshot(recovery: Recovery, resourceId: string): Promise<string> {
  const { runbook, ports, definition } = recovery;
  const { rds } = ports;
  const snapshot = `${definition.recovered.replacedPrefix}${runbook.id}`;
  await runbook.poll(
    'ask for the safety snapshot',
    () => ask(rds, snapshot, resourceId, runbook.id),
    (asked) => asked,
    { hours: 2 },
  );
  await runbook.poll(
    'wait for the safety snapshot',
    async () => {
      const found = await describe(rds, snapshot);
      if (found?.Status === 'failed') {
        throw new Error(
          `the safety snapshot '${snapshot}' failed, so there is no copy of the damaged database; take one by hand`,
        );
      }
      return found ? `${found.Status}, ${found.PercentProgress ?? 0} %` : 'not visible yet';
    },
    (seen) => seen.startsWith('available'),
    { hours: 48 },
  );
  recovery.happened(`safety snapshot '${snapshot}' of the damaged database is available`);
  return snapshot;
}

async function ask(rds: RDSClient, snapshot: string, resourceId: string, run: string): Promise<boolean> {
  const found = await instanceById(rds, resourceId);
  if (!found)
    throw new AnotherDatabase(`the damaged database ${resourceId} was not found, so there is nothing to copy`);
  try {
    await rds.send(
      new CreateDBSnapshotCommand({
        DBInstanceIdentifier: found.DBInstanceIdentifier,
        DBSnapshotIdentifier: snapshot,
        Tags: recoveryTags(resourceId, run),
      }),
    );
  } catch (error) {
    // A backup is being taken, or an earlier try took effect.
    if (isFault(error, 'InvalidDBInstanceState')) return (await describe(rds, snapshot)) !== undefined;
    if (!isFault(error, 'DBSnapshotAlreadyExists')) throw error;
  }
  const taken = await describe(rds, snapshot);
  if (!taken) throw notReady(`snapshot '${snapshot}' is not visible yet`);
  if (taken.DbiResourceId !== undefined && taken.DbiResourceId !== resourceId) {
    throw new AnotherDatabase(
      `snapshot '${snapshot}' is of ${taken.DbiResourceId} and not of ${resourceId}; see who made it`,
    );
  }
  return true;
}

async function describe(rds: RDSClient, snapshot: string) {
  try {
    return (await rds.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: snapshot }))).DBSnapshots?.[0];
  } catch (error) {
    if (isFault(error, 'DBSnapshotNotFound')) return undefined;
    throw error;
  }
}
