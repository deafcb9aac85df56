/** The database a drill restores from: what it is, and which moments it can go back to. Read only. */
import {
  type DBInstance,
  type DBSnapshot,
  DescribeDBInstanceAutomatedBackupsCommand,
  DescribeDBInstancesCommand,
  paginateDescribeDBSnapshots,
  type RDSClient,
} from '@aws-sdk/client-rds';
import type { RestorePointRequest } from './contract';

export interface Source {
  readonly instance: string;
  readonly engine: string;
  readonly instanceClass: string;
  readonly storageGiB: number;
  readonly masterUser: string;
  /** Carried over to copies by name: what is left out falls to AWS's defaults. */
  readonly parameterGroup: string;
  readonly optionGroup: string;
  /** The initial database; `postgres` always exists besides. */
  readonly database: string;
}

/** A moment that a copy is restored to. */
export interface RestorePoint {
  /** As the request put it. */
  readonly requested: string;
  /** No data later than this is in the copy. ISO 8601. */
  readonly time: string;
  /** The snapshot to restore; null restores to the point in time. */
  readonly snapshot: string | null;
  /** The newest moment that this kind of backup could have given. ISO 8601. */
  readonly latestRestorable: string;
}

export async function describeSource(rds: RDSClient, instance: string): Promise<Source> {
  const { DBInstances } = await rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: instance }));
  const found = one(DBInstances, `database '${instance}'`);
  const engine = `${found.Engine} ${found.EngineVersion}`;
  if (found.Engine !== 'postgres') {
    throw new Error(
      `database '${instance}' runs ${engine}, and drills can examine PostgreSQL only; take the drill off this database`,
    );
  }
  return {
    instance,
    engine,
    instanceClass: known(found, 'DBInstanceClass'),
    storageGiB: known(found, 'AllocatedStorage'),
    masterUser: known(found, 'MasterUsername'),
    parameterGroup: known(one(found.DBParameterGroups, `parameter group of '${instance}'`), 'DBParameterGroupName'),
    optionGroup: known(one(found.OptionGroupMemberships, `option group of '${instance}'`), 'OptionGroupName'),
    database: found.DBName ?? 'postgres',
  };
}

/**
 * Settles which moment the drill goes back to. Draws at random here, so it must be called in a step.
 *
 * @throws when there is no backup of that kind, or the moment lies outside of what can be restored
 */
export async function chooseRestorePoint(
  rds: RDSClient,
  instance: string,
  wanted: RestorePointRequest,
): Promise<RestorePoint> {
  switch (wanted.kind) {
    case 'snapshot':
      return fromSnapshot(await namedSnapshot(rds, instance, wanted.snapshot), `snapshot ${wanted.snapshot}`);
    case 'latest-snapshot':
      return fromSnapshot(await latestSnapshot(rds, instance), 'latest automated snapshot');
    default:
      return fromWindow(await restoreWindow(rds, instance), wanted);
  }
}

type MomentRequest = Exclude<RestorePointRequest, { kind: 'snapshot' | 'latest-snapshot' }>;

interface Window {
  readonly earliest: Date;
  readonly latest: Date;
}

async function restoreWindow(rds: RDSClient, instance: string): Promise<Window> {
  const { DBInstanceAutomatedBackups = [] } = await rds.send(
    new DescribeDBInstanceAutomatedBackupsCommand({ DBInstanceIdentifier: instance }),
  );
  // A deleted database of the same name may have left retained backups beside the active ones.
  const active = DBInstanceAutomatedBackups.find((backup) => backup.Status === 'active');
  const { EarliestTime, LatestTime } = active?.RestoreWindow ?? {};
  if (!EarliestTime || !LatestTime) {
    throw new Error(
      `database '${instance}' has no automated backup to restore from (${active?.Status ?? 'none found'}), ` +
        'so no point in time can be restored; set a backup retention of at least 1 day, or wait for the first backup',
    );
  }
  return { earliest: EarliestTime, latest: LatestTime };
}

function fromWindow({ earliest, latest }: Window, wanted: MomentRequest): RestorePoint {
  // RDS takes whole seconds, and only moments before the latest restorable one.
  const newest = Math.ceil(latest.getTime() / 1000) * 1000 - 1000;
  const choose = () => {
    if (wanted.kind === 'latest') return newest;
    if (wanted.kind === 'time') return Date.parse(wanted.time);
    const oldest = Math.max(earliest.getTime(), newest - wanted.withinSeconds * 1000);
    return Math.ceil((oldest + Math.random() * Math.max(0, newest - oldest)) / 1000) * 1000;
  };
  const chosen = Math.min(choose(), wanted.kind === 'random' ? newest : Number.POSITIVE_INFINITY);
  if (chosen < earliest.getTime() || chosen > newest) {
    throw new Error(
      `${new Date(chosen).toISOString()} can't be restored: the backups reach from ${earliest.toISOString()} to ` +
        `${latest.toISOString()}; choose a moment between`,
    );
  }
  const requested = { latest: 'latest restorable time', time: 'given time', random: 'random time' }[wanted.kind];
  return {
    requested,
    time: new Date(chosen).toISOString(),
    snapshot: null,
    latestRestorable: latest.toISOString(),
  };
}

async function namedSnapshot(rds: RDSClient, instance: string, snapshot: string): Promise<DBSnapshot> {
  const pages = paginateDescribeDBSnapshots({ client: rds }, { DBSnapshotIdentifier: snapshot });
  for await (const { DBSnapshots } of pages) {
    const found = one(DBSnapshots, `snapshot '${snapshot}'`);
    if (found.DBInstanceIdentifier !== instance) {
      throw new Error(
        `snapshot '${snapshot}' is of database '${found.DBInstanceIdentifier}', so it proves nothing about ` +
          `'${instance}'; name one of its own`,
      );
    }
    if (found.Status === 'available') return found;
    throw new Error(`snapshot '${snapshot}' is ${found.Status}, so it can't be restored; wait until it is available`);
  }
  throw new Error(`snapshot '${snapshot}' was not found`);
}

/** RDS returns snapshots in no order, in pages, and lists those that are still being made. */
export async function latestSnapshot(rds: RDSClient, instance: string): Promise<DBSnapshot> {
  let newest: DBSnapshot | undefined;
  const query = { DBInstanceIdentifier: instance, SnapshotType: 'automated' };
  for await (const { DBSnapshots = [] } of paginateDescribeDBSnapshots({ client: rds }, query)) {
    for (const snapshot of DBSnapshots) {
      if (snapshot.Status === 'available' && (!newest || takenAt(snapshot) > takenAt(newest))) newest = snapshot;
    }
  }
  if (newest) return newest;
  throw new Error(`database '${instance}' has no automated snapshot that is available, so there is nothing to restore`);
}

function fromSnapshot(snapshot: DBSnapshot, requested: string): RestorePoint {
  const time = takenAt(snapshot).toISOString();
  return { requested, time, snapshot: known(snapshot, 'DBSnapshotIdentifier'), latestRestorable: time };
}

/** SnapshotCreateTime changes when a snapshot is copied; the original one doesn't. */
const takenAt = (snapshot: DBSnapshot): Date =>
  snapshot.OriginalSnapshotCreateTime ?? known(snapshot, 'SnapshotCreateTime');

function one<T>(found: readonly T[] | undefined, what: string): T {
  const first = found?.[0];
  if (first === undefined) throw new Error(`${what} was not found`);
  return first;
}

/** AWS's types leave every field optional, though it always sends these. */
function known<T extends DBInstance | DBSnapshot | object, K extends keyof T>(from: T, field: K): NonNullable<T[K]> {
  const value = from[field];
  if (value === undefined || value === null) throw new Error(`RDS did not say ${String(field)}`);
  return value;
}
