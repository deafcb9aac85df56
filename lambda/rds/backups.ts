/** Backups of a database in this region: its own, or copies from another region. Read only. */
import {
  type DBInstanceAutomatedBackup,
  type DBSnapshot,
  DescribeDBInstanceAutomatedBackupsCommand,
  paginateDescribeDBInstanceAutomatedBackups,
  paginateDescribeDBSnapshots,
  type RDSClient,
} from '@aws-sdk/client-rds';
import { type DrillDefinition, isAutomatedOf, isBad, isCopyOf, SNAPSHOT_TAGS } from '../contract';

/** The database: in this region, or in another one from which backups are copied here. */
export type BackedUp = DrillDefinition['source'];

/** @throws when no snapshot has this name, it is another database's, or it can't be restored yet */
export async function namedSnapshot(
  rds: RDSClient,
  { instance, copied }: BackedUp,
  snapshot: string,
): Promise<DBSnapshot> {
  const pages = paginateDescribeDBSnapshots({ client: rds }, { DBSnapshotIdentifier: snapshot });
  for await (const { DBSnapshots = [] } of pages) {
    const [found] = DBSnapshots;
    if (!found) continue;
    const whose = originOf(found);
    const isOther = copied !== undefined && whose !== undefined && whose !== copied.from;
    if (found.DBInstanceIdentifier !== instance || isOther) {
      throw new Error(
        `snapshot '${snapshot}' is of database '${isOther ? whose : found.DBInstanceIdentifier}', so it proves nothing ` +
          `about '${isOther ? copied.from : instance}'; name one of its own`,
      );
    }
    if (found.Status === 'available') return found;
    throw new Error(`snapshot '${snapshot}' is ${found.Status}, so it can't be restored; wait until it is available`);
  }
  throw new Error(
    `snapshot '${snapshot}' was not found here, so there is nothing to restore: deleted, expired or in another region; name one ` +
      'that is here, or drill the latest',
  );
}

/**
 * The newest that is available and not known to be bad: RDS returns snapshots in no order, in pages, and lists those
 * that are still being made.
 *
 * @throws when there is none
 */
export async function latestSnapshot(rds: RDSClient, of: BackedUp): Promise<DBSnapshot> {
  const { instance, copied } = of;
  // Copies count as manual, and RDS can't list them by a database of another region.
  const query = copied ? { SnapshotType: 'manual' } : { SnapshotType: 'automated', DBInstanceIdentifier: instance };
  let newest: DBSnapshot | undefined;
  for await (const { DBSnapshots = [] } of paginateDescribeDBSnapshots({ client: rds }, query)) {
    for (const snapshot of DBSnapshots) {
      if (!isOf(snapshot, of) || snapshot.Status !== 'available' || isBad(snapshot.TagList)) continue;
      if (!newest || takenAt(snapshot) > takenAt(newest)) newest = snapshot;
    }
  }
  if (newest) return newest;
  throw new Error(
    copied
      ? `no copy of a snapshot of ${copied.from} is available here, so there is nothing to restore; ` +
          "see the log of its SnapshotCopy's function, or wait for its first copy"
      : `database '${instance}' has no automated snapshot that is available, so there is nothing to restore; ` +
          'set a backup retention of at least 1 day, or wait for the first backup',
  );
}

/**
 * A copy is recognised by its tags, which name its database, and by its name, which IAM checks: a person's copy of a
 * copy may have the tags, but the drill's role may not restore it.
 */
function isOf(snapshot: DBSnapshot, { instance, copied }: BackedUp): boolean {
  if (snapshot.DBInstanceIdentifier !== instance) return false;
  if (!copied) return isAutomatedOf(instance, snapshot.DBSnapshotIdentifier);
  return originOf(snapshot) === copied.from && isCopyOf(instance, snapshot.DBSnapshotIdentifier);
}

/** ARN of the database, when the snapshot is a copy made by a SnapshotCopy. */
const originOf = ({ TagList }: DBSnapshot) => TagList?.find(({ Key }) => Key === SNAPSHOT_TAGS.snapshotOf)?.Value;

/** SnapshotCreateTime changes when a snapshot is copied; the original one doesn't. */
export function takenAt({ OriginalSnapshotCreateTime, SnapshotCreateTime }: DBSnapshot): Date {
  return required(OriginalSnapshotCreateTime ?? SnapshotCreateTime, 'SnapshotCreateTime');
}

/** Automated backups that restore to a point in time, with the earliest and latest one. */
export interface AutomatedBackups {
  readonly backup: DBInstanceAutomatedBackup;
  readonly earliest: Date;
  readonly latest: Date;
}

/** @throws when there are none, or nothing can be restored from them yet */
export async function automatedBackups(rds: RDSClient, of: BackedUp): Promise<AutomatedBackups> {
  const { instance, copied } = of;
  const backup = copied ? await replicatedBackups(rds, copied.from) : await ownBackups(rds, instance);
  const { EarliestTime: earliest, LatestTime: latest } = backup?.RestoreWindow ?? {};
  if (backup && earliest && latest) return { backup, earliest, latest };
  const status = backup?.Status ?? 'none found';
  throw new Error(
    copied
      ? `automated backups of ${copied.from} are not replicated here (${status}), so no point in time can be restored; ` +
          'replicate them with BackupCopy.automatedBackups(), or wait for the first one'
      : `database '${instance}' has no automated backup to restore from (${status}), so no point in time can be ` +
          'restored; set a backup retention of at least 1 day, or wait for the first backup',
  );
}

async function ownBackups(rds: RDSClient, instance: string): Promise<DBInstanceAutomatedBackup | undefined> {
  const { DBInstanceAutomatedBackups = [] } = await rds.send(
    new DescribeDBInstanceAutomatedBackupsCommand({ DBInstanceIdentifier: instance }),
  );
  // A deleted database of the same name may have left retained backups beside the active ones.
  return DBInstanceAutomatedBackups.find((backup) => backup.Status === 'active');
}

/**
 * Those of the existing database; once it is gone, those that reach furthest. An earlier database of the same name and
 * ARN may have left some: they prove nothing about this one, even while it has none here yet.
 */
async function replicatedBackups(rds: RDSClient, arn: string): Promise<DBInstanceAutomatedBackup | undefined> {
  const found: DBInstanceAutomatedBackup[] = [];
  // RDS can't list them by a database of another region.
  for await (const page of paginateDescribeDBInstanceAutomatedBackups({ client: rds }, {})) {
    found.push(...(page.DBInstanceAutomatedBackups ?? []).filter(({ DBInstanceArn }) => DBInstanceArn === arn));
  }
  const reach = ({ RestoreWindow }: DBInstanceAutomatedBackup) => RestoreWindow?.LatestTime?.getTime() ?? 0;
  const furthestFirst = found.sort((one, other) => reach(other) - reach(one));
  return furthestFirst.find(({ Status }) => Status !== 'retained') ?? furthestFirst[0];
}

/** AWS's types leave every field optional, though it always sends these. */
export function required<T>(value: T | undefined, field: string): NonNullable<T> {
  if (value === undefined || value === null) throw new Error(`RDS did not say ${field}`);
  return value;
}
