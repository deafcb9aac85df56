/** The automated backups of one instance: its automated snapshots and its archived WAL. Can outlive the instance. */
import type { Tag } from '@aws-sdk/client-rds';
import type { PhysicalBackup } from '../postgres/physical-backup';
import type { Recovery } from '../postgres/recovery';
import { type RestorableMoment, WalArchive } from '../postgres/wal-archive';
import type { Instance } from './instance';
import type { RdsRegion } from './region-state';
import type { ReplicatedBackup } from './replicated-backup';
import { type BackupSource, type Restorable, type RestoreWindow, recoveryAt, windowOf } from './restorable';
import type { Snapshot } from './snapshot';

export class AutomatedBackup implements Restorable {
  public readonly archive: WalArchive;
  /** Its replications in other regions. */
  public readonly replicas = new Set<ReplicatedBackup>();
  /** The instance as it was when it was deleted; undefined while it exists. */
  private retained: BackupSource | undefined;

  constructor(
    private readonly region: RdsRegion,
    public readonly resourceId: string,
    private readonly instance: Instance,
  ) {
    this.archive = new WalArchive(region.world.place('wal'));
  }

  public get arn(): string {
    return this.region.arn('auto-backup', `ab-${this.resourceId.slice(3).toLowerCase()}`);
  }

  public get source(): BackupSource {
    return this.retained ?? this.instance;
  }

  public get status(): 'retained' | 'active' | 'creating' {
    if (this.retained) return 'retained';
    return this.snapshots.length > 0 ? 'active' : 'creating';
  }

  public get inheritedTags(): readonly Tag[] {
    return this.retained ? [] : this.instance.tags;
  }

  public get replications(): readonly string[] {
    return [...this.replicas].map(({ arn }) => arn);
  }

  private get cluster() {
    return this.retained ? undefined : this.instance.cluster;
  }

  /** Keeps the backups after the instance is deleted. */
  public retain(): void {
    const { identifier, arn, settings, tags, created } = this.instance;
    this.retained = { identifier, arn, settings, tags, created };
    this.leaveReplicas();
  }

  /** Available automated snapshots, newest first. */
  public get snapshots(): (Snapshot & { backup: PhysicalBackup })[] {
    const mine = [...this.region.snapshots.values()].filter(
      (snapshot): snapshot is Snapshot & { backup: PhysicalBackup } =>
        snapshot.type === 'automated' && snapshot.resourceId === this.resourceId && snapshot.backup !== undefined,
    );
    return mine.sort((a, b) => b.backup.completed.getTime() - a.backup.completed.getTime());
  }

  /** The latest moment that can be restored. */
  public async latest(when: 'soon' | 'now' = 'soon'): Promise<RestorableMoment | undefined> {
    const leader = this.retained ? undefined : this.instance.replication?.leader;
    if (!leader) return this.archive.latestRestorable(this.cluster, when);
    // Only the leader can write the commit that such a moment needs; it arrives by streaming.
    const moment = await leader.automated.latest(when);
    const isIncluded = moment !== undefined && this.backups.some(({ firstSegment }) => firstSegment > moment.segment);
    return this.archive.reach(moment, isIncluded, when);
  }

  public async window(): Promise<RestoreWindow | undefined> {
    const backups = this.backups;
    return backups.length === 0 ? undefined : windowOf(backups, await this.latest());
  }

  public async recoveryTo(time: Date | undefined): Promise<Recovery> {
    const latest = await this.latest('now');
    return recoveryAt(this.source.identifier, this.backups, this.archive, latest, time);
  }

  /** Replicates new data to the other regions. */
  public async replicate(): Promise<void> {
    await Promise.all([...this.replicas].map((replica) => replica.sync('now')));
  }

  /** Forgets snapshots older than the retention period, and the WAL that only they needed. */
  public async prune(): Promise<void> {
    await this.replicate(); // a replication that keeps them longer must copy them first
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
    await this.latest('now');
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
    this.leaveReplicas();
    this.region.automatedBackups.delete(this.resourceId);
    for (const snapshot of this.snapshots) await snapshot.remove();
    await this.archive.remove();
  }

  private get backups(): PhysicalBackup[] {
    return this.snapshots.map(({ backup }) => backup);
  }

  /** Replicated backups stay, whatever happens to the originals. */
  private leaveReplicas(): void {
    for (const replica of [...this.replicas]) replica.stop();
  }
}
