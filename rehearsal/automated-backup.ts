/** The automated backups of one instance: its automated snapshots and its archived WAL. Can outlive the instance. */
import type { DBInstanceAutomatedBackup, Tag } from '@aws-sdk/client-rds';
import { encryptionType } from './encryption-key';
import type { Instance } from './instance';
import type { InstanceSettings } from './instance-settings';
import type { PhysicalBackup } from './physical-backup';
import { QueryError } from './query';
import type { RdsRegion } from './rds-region';
import { type Recovery, stopAt } from './recovery';
import type { Snapshot } from './snapshot';
import { WalArchive } from './wal-archive';

export class AutomatedBackup {
  public readonly archive: WalArchive;
  /** What the instance was when it was deleted; undefined while it exists. */
  private retained: { identifier: string; settings: InstanceSettings; tags: Tag[]; created: Date } | undefined;

  constructor(
    private readonly region: RdsRegion,
    public readonly resourceId: string,
    private readonly instance: Instance,
  ) {
    this.archive = new WalArchive(region.world.place('wal'));
  }

  /** What to tell about the instance, whether it still exists or not. */
  public get source(): { identifier: string; settings: InstanceSettings; tags: Tag[]; created: Date } {
    return this.retained ?? this.instance;
  }

  public get isRetained(): boolean {
    return this.retained !== undefined;
  }

  private get cluster() {
    return this.retained ? undefined : this.instance.cluster;
  }

  /** Keeps the backups though the instance goes. */
  public retain(): void {
    const { identifier, settings, tags, created } = this.instance;
    this.retained = { identifier, settings, tags, created };
  }

  /** Available automated snapshots, newest first. */
  public get snapshots(): (Snapshot & { backup: PhysicalBackup })[] {
    const mine = [...this.region.snapshots.values()].filter(
      (snapshot): snapshot is Snapshot & { backup: PhysicalBackup } =>
        snapshot.type === 'automated' && snapshot.resourceId === this.resourceId && snapshot.backup !== undefined,
    );
    return mine.sort((a, b) => b.backup.completed.getTime() - a.backup.completed.getTime());
  }

  /** The moments that can be restored, to the second as RDS tells them; undefined when there are none yet. */
  public async window(): Promise<{ earliest: Date; latest: Date } | undefined> {
    const oldest = this.snapshots.at(-1);
    if (!oldest) return undefined;
    const moment = await this.archive.latestRestorable(this.cluster);
    if (!moment) return undefined;
    const earliest = new Date(Math.ceil(oldest.backup.completed.getTime() / 1000) * 1000);
    const latest = new Date(Math.floor(moment.time.getTime() / 1000) * 1000);
    return latest < earliest ? undefined : { earliest, latest };
  }

  /**
   * How to recover to a moment.
   *
   * @param time undefined for the latest restorable one
   * @throws QueryError when it lies outside of what can be restored
   */
  public async recoveryTo(time: Date | undefined): Promise<Recovery> {
    const latest = await this.archive.latestRestorable(this.cluster, 'now');
    if (!latest || !this.snapshots.at(-1)) {
      throw new QueryError('InvalidDBInstanceState', `${this.source.identifier} has no automated backup yet.`);
    }
    const target = time ?? latest.time;
    if (target > latest.time) {
      const bound = latest.time.toISOString();
      throw outside(`The specified instance cannot be restored to a time later than ${bound}`);
    }
    // PostgreSQL would silently take a backup that ended after the target, and give later data.
    const base = this.snapshots.find(({ backup }) => backup.completed <= target);
    if (!base) {
      const bound = this.snapshots.at(-1)!.backup.completed.toISOString();
      throw outside(`The specified instance cannot be restored to a time earlier than ${bound}`);
    }
    // Past the last heartbeat nothing was committed, so recovery would find no commit to stop at.
    const isIdle = target.getTime() >= new Date(latest.stop.replace(' ', 'T').replace(/\+00$/, 'Z')).getTime();
    return { backup: base.backup, to: { archive: this.archive, stop: isIdle ? latest.stop : stopAt(target) } };
  }

  /** Forgets snapshots older than the retention period, and the WAL that only they needed. */
  public async prune(): Promise<void> {
    const oldest = Date.now() - this.source.settings.BackupRetentionPeriod * 86_400_000;
    for (const snapshot of this.snapshots.slice(1)) {
      if (snapshot.backup.completed.getTime() < oldest) await snapshot.remove();
    }
    const needed = this.snapshots.at(-1)?.backup.firstSegment;
    if (needed) await this.archive.prune(needed);
  }

  /**
   * Loses a segment that every restore to a later moment than the newest snapshot's has to read.
   *
   * @returns its name
   */
  public async loseSegment(): Promise<string> {
    await this.archive.latestRestorable(this.cluster, 'now');
    const newest = this.snapshots[0]?.backup;
    const lost = newest && (await this.archive.segments()).find((segment) => segment > newest.lastSegment);
    if (lost) {
      await this.archive.lose(lost);
      return lost;
    }
    throw new Error(
      `${this.source.identifier} wrote nothing since its newest automated snapshot, so there is no WAL to lose; ` +
        'commit something first',
    );
  }

  /** Deletes the automated snapshots and the archive. */
  public async remove(): Promise<void> {
    this.region.automatedBackups.delete(this.resourceId);
    for (const snapshot of this.snapshots) await snapshot.remove();
    await this.archive.remove();
  }

  public async describe(): Promise<DBInstanceAutomatedBackup> {
    const { identifier, settings, tags, created } = this.source;
    const window = await this.window();
    return {
      ...settings,
      DBInstanceIdentifier: identifier,
      DBInstanceArn: this.region.arn('db', identifier),
      DBInstanceAutomatedBackupsArn: this.region.arn('auto-backup', `ab-${this.resourceId.slice(3).toLowerCase()}`),
      DbiResourceId: this.resourceId,
      Region: this.region.name,
      Status: this.retained ? 'retained' : this.snapshots.length > 0 ? 'active' : 'creating',
      RestoreWindow: window && { EarliestTime: window.earliest, LatestTime: window.latest },
      InstanceCreateTime: created,
      Encrypted: settings.StorageEncrypted,
      StorageEncryptionType: encryptionType(settings),
      OptionGroupName: settings.optionGroup,
      Port: 5432,
      VpcId: 'vpc-0default',
      IAMDatabaseAuthenticationEnabled: false,
      BackupTarget: 'region',
      TagList: tags,
      DBInstanceAutomatedBackupsReplications: [],
    };
  }
}

function outside(message: string): QueryError {
  return new QueryError('InvalidParameterValue', message);
}
