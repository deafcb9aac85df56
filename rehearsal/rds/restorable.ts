/** Backups for restores to a point in time: an instance's own, and those replicated to another region. */
import type { DBInstanceAutomatedBackup, Tag } from '@aws-sdk/client-rds';
import type { PhysicalBackup } from '../postgres/physical-backup';
import { type Recovery, stopAt } from '../postgres/recovery';
import type { RestorableMoment, WalArchive } from '../postgres/wal-archive';
import { QueryError } from '../server/query-protocol';
import { encryptionType } from './encryption-key';
import type { InstanceSettings } from './instance-settings';

/** The instance that was backed up, in its current or last state. */
export interface BackupSource {
  readonly identifier: string;
  readonly arn: string;
  readonly settings: InstanceSettings;
  readonly tags: readonly Tag[];
  readonly created: Date;
}

export interface RestoreWindow {
  readonly earliest: Date;
  readonly latest: Date;
}

export interface Restorable {
  readonly arn: string;
  /** The instance's resource ID, which stays when names change. */
  readonly resourceId: string;
  readonly source: BackupSource;
  readonly status: string;
  /** Tags of an instance that is restored from here, unless others are passed. */
  readonly inheritedTags: readonly Tag[];
  /** ARNs of its replications. */
  readonly replications: readonly string[];
  /** The moments that can be restored, in whole seconds as RDS reports them; undefined when there are none yet. */
  window(): Promise<RestoreWindow | undefined>;
  /**
   * How to recover to a moment.
   *
   * @param time undefined for the latest restorable one
   * @throws QueryError when it lies outside of what can be restored
   */
  recoveryTo(time: Date | undefined): Promise<Recovery>;
  /** Deletes the backups and their WAL. */
  remove(): Promise<void>;
}

/** @param backups newest first */
export function windowOf(backups: readonly PhysicalBackup[], moment: RestorableMoment | undefined) {
  const oldest = backups.at(-1);
  if (!oldest || !moment) return undefined;
  const earliest = new Date(Math.ceil(oldest.completed.getTime() / 1000) * 1000);
  const latest = new Date(Math.floor(moment.time.getTime() / 1000) * 1000);
  return latest < earliest ? undefined : { earliest, latest };
}

/**
 * How to recover to a moment from these backups and this archive.
 *
 * @param backups newest first
 * @param latest moment that can be restored
 */
export function recoveryAt(
  identifier: string,
  backups: readonly PhysicalBackup[],
  archive: WalArchive,
  latest: RestorableMoment | undefined,
  time: Date | undefined,
): Recovery {
  const oldest = backups.at(-1);
  if (!latest || !oldest) {
    throw new QueryError('InvalidDBInstanceState', `${identifier} has no automated backup yet.`);
  }
  const target = time ?? latest.time;
  if (target > latest.time) {
    const bound = latest.time.toISOString();
    throw outside(`The specified instance cannot be restored to a time later than ${bound}`);
  }
  // PostgreSQL would silently take a backup that ended after the target, and give later data.
  const backup = backups.find(({ completed }) => completed <= target);
  if (!backup) {
    const bound = oldest.completed.toISOString();
    throw outside(`The specified instance cannot be restored to a time earlier than ${bound}`);
  }
  // After the last heartbeat nothing was committed, so recovery would find no commit to stop at.
  const heartbeat = new Date(latest.stop.replace(' ', 'T').replace(/\+00$/, 'Z'));
  if (target < heartbeat) return { backup, to: { archive, stop: stopAt(target) } };
  // A backup that ended after it already has everything.
  return backup.completed > heartbeat ? { backup } : { backup, to: { archive, stop: latest.stop } };
}

function outside(message: string): QueryError {
  return new QueryError('InvalidParameterValue', message);
}

export async function describeRestorable(backups: Restorable): Promise<DBInstanceAutomatedBackup> {
  const { identifier, arn, settings, tags, created } = backups.source;
  const window = await backups.window();
  return {
    ...settings,
    DBInstanceIdentifier: identifier,
    DBInstanceArn: arn,
    DBInstanceAutomatedBackupsArn: backups.arn,
    DbiResourceId: backups.resourceId,
    Region: arn.split(':')[3], // the instance's, wherever the backups lie
    Status: backups.status,
    RestoreWindow: window && { EarliestTime: window.earliest, LatestTime: window.latest },
    InstanceCreateTime: created,
    Encrypted: settings.StorageEncrypted,
    StorageEncryptionType: encryptionType(settings),
    OptionGroupName: settings.optionGroup,
    Port: 5432,
    VpcId: 'vpc-0default',
    IAMDatabaseAuthenticationEnabled: false,
    BackupTarget: 'region',
    TagList: [...tags],
    DBInstanceAutomatedBackupsReplications: backups.replications.map((replica) => ({
      DBInstanceAutomatedBackupsArn: replica,
    })),
  };
}
