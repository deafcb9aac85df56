/**
 * Automated backups replicated to another region: copies of the snapshots and of the archived WAL, which can be
 * restored there when the instance, its backups and its region are gone.
 *
 * RDS replicates new data continuously; here that happens when a snapshot is complete, when a call asks for the
 * backups, and a last time before the instance is deleted.
 */
import type { Tag } from '@aws-sdk/client-rds';
import { copyBackup, type PhysicalBackup, removeBackup } from '../postgres/physical-backup';
import { WalArchive } from '../postgres/wal-archive';
import type { AutomatedBackup } from './automated-backup';
import type { RdsRegion } from './region-state';
import { type BackupSource, type Restorable, recoveryAt, windowOf } from './restorable';

export interface ReplicationTerms {
  /** Days. */
  readonly retention: number;
  /** ARN of a key of this region; undefined when the instance is not encrypted. */
  readonly key: string | undefined;
  readonly tags: readonly Tag[];
}

export class ReplicatedBackup implements Restorable {
  public readonly resourceId: string;
  public readonly inheritedTags: readonly Tag[] = [];
  public readonly replications: readonly string[] = [];
  private readonly archive: WalArchive;
  /** Copies, by the name of their snapshot. */
  private readonly copies = new Map<string, PhysicalBackup>();
  private origin: AutomatedBackup | undefined;
  /** The instance as it was when replication stopped. */
  private last: BackupSource | undefined;
  private isBegun = false;
  private syncing: Promise<void> = Promise.resolve();

  constructor(
    private readonly region: RdsRegion,
    origin: AutomatedBackup,
    public terms: ReplicationTerms,
  ) {
    this.resourceId = origin.resourceId;
    this.archive = new WalArchive(region.world.place('wal'));
    region.replicatedBackups.set(this.arn, this);
    this.follow(origin);
  }

  public get arn(): string {
    return this.region.arn('auto-backup', `ab-${this.resourceId.slice(3).toLowerCase()}`);
  }

  public get status(): 'pending' | 'replicating' | 'retained' {
    if (!this.origin) return 'retained';
    return this.isBegun && this.copies.size > 0 ? 'replicating' : 'pending';
  }

  public get source(): BackupSource {
    const { retention, key, tags } = this.terms;
    const { identifier, arn, settings, created } = this.last ?? this.origin!.source;
    const encrypted = key === undefined ? {} : { KmsKeyId: key };
    const kept = { ...settings, ...encrypted, BackupRetentionPeriod: retention };
    return { identifier, arn, created, tags, settings: kept };
  }

  /** Starts or resumes replication. */
  public follow(origin: AutomatedBackup): void {
    this.origin = origin;
    this.last = undefined;
    this.isBegun = false;
    origin.replicas.add(this);
    const { world } = this.region;
    const begun = async () => {
      await world.pace(async () => {
        await this.archive.make();
        await this.bringOver('now');
      });
    };
    world.begin(
      () =>
        begun().finally(() => {
          this.isBegun = true;
        }),
      (error) => this.region.announce('db-instance', this.source.identifier, ['failure'], String(error)),
    );
  }

  /** Replicates new data. If that fails, the latest restorable time does not move, and the next call tries again. */
  public async sync(when: 'soon' | 'now' = 'soon'): Promise<void> {
    if (!this.isBegun || !this.origin) return;
    this.syncing = this.syncing.then(() => this.bringOver(when)).catch(() => undefined);
    await this.syncing;
  }

  /** Stops replication; replicated backups stay until they are deleted. */
  public stop(): void {
    if (!this.origin) return;
    this.last = { ...this.source, settings: this.origin.source.settings };
    this.origin.replicas.delete(this);
    this.origin = undefined;
  }

  public async window() {
    await this.sync();
    return windowOf(this.backups, await this.archive.latestRestorable(undefined));
  }

  public async recoveryTo(time: Date | undefined) {
    await this.sync('now');
    const latest = await this.archive.latestRestorable(undefined);
    return recoveryAt(this.source.identifier, this.backups, this.archive, latest, time);
  }

  public async remove(): Promise<void> {
    this.stop();
    await this.syncing;
    this.region.replicatedBackups.delete(this.arn);
    for (const copy of this.copies.values()) await removeBackup(copy);
    await this.archive.remove();
  }

  /** Newest first. */
  private get backups(): PhysicalBackup[] {
    return [...this.copies.values()].sort((a, b) => b.completed.getTime() - a.completed.getTime());
  }

  private async bringOver(when: 'soon' | 'now'): Promise<void> {
    const { origin } = this;
    if (!origin) return;
    const latest = await origin.latest(when);
    for (const { identifier, backup } of origin.snapshots) {
      if (this.copies.has(identifier) || this.isExpired(backup)) continue;
      this.copies.set(identifier, await copyBackup(backup, this.region.world.place('replicated')));
    }
    await this.prune();
    const oldest = this.backups.at(-1);
    if (oldest) await this.archive.takeOver(origin.archive, oldest.firstSegment, latest);
  }

  private isExpired({ completed }: PhysicalBackup): boolean {
    return completed.getTime() < Date.now() - this.terms.retention * 86_400_000;
  }

  private async prune(): Promise<void> {
    const [newest] = this.backups;
    for (const [name, copy] of this.copies) {
      if (copy === newest || !this.isExpired(copy)) continue;
      this.copies.delete(name);
      await removeBackup(copy);
    }
    const oldest = this.backups.at(-1);
    if (oldest) await this.archive.prune(oldest.firstSegment);
  }
}
