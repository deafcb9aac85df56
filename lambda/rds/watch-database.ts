/**
 * The watch on a database's own backups: publishes every hour the age of the latest restorable time and of the newest
 * automated snapshot, the retention in days, and the age of a hold.
 *
 * RDS has no event for a night without a backup. An age that does not exist is not published, and the alarm fires on
 * the missing data.
 */
import { DescribeDBInstancesCommand, paginateDescribeDBSnapshots, RDSClient } from '@aws-sdk/client-rds';
import { SSMClient } from '@aws-sdk/client-ssm';
import { databaseWatchRequest, METRICS, parse } from '../contract';
import { embeddedMetric, type Metric } from '../evidence/metrics';
import { askHold, secondsHeld } from '../runbook/hold';

export interface WatchClients {
  readonly rds: RDSClient;
  /** Has the hold on the database, if there is one. */
  readonly ssm: SSMClient;
}

/** @throws when there is no such database, or it is unknown whether it is on hold */
export const watchDatabase =
  ({ rds, ssm }: WatchClients, print: (line: string) => void, clock: () => number = Date.now) =>
  async (input: unknown): Promise<void> => {
    const { instance } = parse(databaseWatchRequest, input, 'database watch request');
    const dimensions = { [METRICS.dimensions.database]: instance };
    const say = (name: string, unit: Metric['unit'], value: number) =>
      print(embeddedMetric({ name, unit, value, dimensions }, clock()));
    const sayAge = (name: string, moment: Date) => say(name, 'Seconds', (clock() - moment.getTime()) / 1000);

    const found = await rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: instance }));
    const [database] = found.DBInstances ?? [];
    if (!database)
      throw new Error(
        `database '${instance}' was not found, so the age of its backups is unknown; watch the one that is in use`,
      );
    say(METRICS.backupRetention, 'Count', database.BackupRetentionPeriod ?? 0);
    if (database.LatestRestorableTime) sayAge(METRICS.recoveryPointAge, database.LatestRestorableTime);
    const snapshot = await newestSnapshot(rds, instance);
    if (snapshot) sayAge(METRICS.snapshotAge, snapshot);
    const hold = await askHold([ssm], { kind: 'database', id: instance }, clock)();
    if (hold) say(METRICS.holdAge, 'Seconds', secondsHeld(hold, clock()));
  };

/** RDS returns snapshots in no order, in pages, and lists those that are still being made. */
async function newestSnapshot(client: RDSClient, instance: string): Promise<Date | undefined> {
  let newest: Date | undefined;
  const query = { DBInstanceIdentifier: instance, SnapshotType: 'automated' };
  for await (const { DBSnapshots = [] } of paginateDescribeDBSnapshots({ client }, query)) {
    for (const { Status, SnapshotCreateTime: taken } of DBSnapshots) {
      if (Status === 'available' && taken && (!newest || taken > newest)) newest = taken;
    }
  }
  return newest;
}

export const handler = (event: unknown) =>
  watchDatabase({ rds: new RDSClient(), ssm: new SSMClient() }, (line) => process.stdout.write(`${line}\n`))(event);
