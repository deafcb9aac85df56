/**
 * The watch on a database's own backups: says every hour how old the newest moment and the newest snapshot are that it
 * could be restored to, and for how many days RDS keeps them.
 *
 * RDS has no event for a night without a backup: only who looks finds out. What is not there is not published, and silence
 * rings.
 */
import { DescribeDBInstancesCommand, paginateDescribeDBSnapshots, RDSClient } from '@aws-sdk/client-rds';
import { databaseWatchRequest, METRICS, parse } from '../contract';
import { embeddedMetric, type Metric } from '../evidence/metrics';

/** @throws when there is no such database */
export const watchDatabase =
  (rds: RDSClient, print: (line: string) => void, clock: () => number = Date.now) =>
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
        `database '${instance}' was not found, so nobody can say how old its backups are; watch the one that is in use`,
      );
    say(METRICS.backupRetention, 'Count', database.BackupRetentionPeriod ?? 0);
    if (database.LatestRestorableTime) sayAge(METRICS.recoveryPointAge, database.LatestRestorableTime);
    const snapshot = await newestSnapshot(rds, instance);
    if (snapshot) sayAge(METRICS.snapshotAge, snapshot);
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
  watchDatabase(new RDSClient(), (line) => process.stdout.write(`${line}\n`))(event);
