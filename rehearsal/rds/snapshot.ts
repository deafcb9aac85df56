/** One DB snapshot: a physical backup under a name, with its instance's settings at that time. */
import type { DBSnapshot, Tag } from '@aws-sdk/client-rds';
import { type PhysicalBackup, removeBackup } from '../postgres/physical-backup';
import { encryptionType } from './encryption-key';
import type { InstanceSettings } from './instance-settings';
import type { RdsRegion } from './region-state';

export interface SnapshotSource {
  readonly identifier: string;
  readonly resourceId: string;
  readonly created: Date;
  readonly settings: InstanceSettings;
  /** The instance's tags at that time, which a restore inherits. */
  readonly tags: readonly Tag[];
}

export class Snapshot {
  /** Present once it is available. */
  public backup: PhysicalBackup | undefined;
  public status: 'creating' | 'available' | 'failed' | 'deleting' = 'creating';
  public readonly started = new Date();
  private settle: () => void = () => undefined;
  private readonly settling = new Promise<void>((resolve) => {
    this.settle = resolve;
  });
  /** Accounts that may copy and restore it, besides its own; `all` for everybody. */
  public sharedWith: readonly string[] = [];
  /** Where it was copied from. */
  public copyOf: { readonly arn: string; readonly region: string; readonly created: Date } | undefined;

  constructor(
    private readonly region: RdsRegion,
    public readonly identifier: string,
    public readonly type: 'automated' | 'manual',
    public source: SnapshotSource,
    public tags: Tag[],
  ) {}

  public get arn(): string {
    return this.region.arn('snapshot', this.identifier);
  }

  public get resourceId(): string {
    return this.source.resourceId;
  }

  public complete(backup: PhysicalBackup): void {
    this.backup = backup;
    this.status = 'available';
    this.settle();
  }

  public fail(): void {
    this.status = 'failed';
    this.settle();
  }

  /** Waits until it is available, or has failed. */
  public settled(): Promise<void> {
    return this.settling;
  }

  public async remove(): Promise<void> {
    this.status = 'deleting';
    this.region.snapshots.delete(this.identifier);
    this.settle();
    if (this.backup) await removeBackup(this.backup);
  }

  public describe(): DBSnapshot {
    const { settings } = this.source;
    const created = this.copyOf ? this.started : this.backup?.completed;
    return {
      ...settings,
      DBSnapshotIdentifier: this.identifier,
      DBSnapshotArn: this.arn,
      DBInstanceIdentifier: this.source.identifier,
      DbiResourceId: this.resourceId,
      Status: this.status,
      SnapshotType: this.type,
      PercentProgress: this.status === 'available' ? 100 : 0,
      SnapshotCreateTime: created,
      OriginalSnapshotCreateTime: this.copyOf?.created ?? created,
      SnapshotDatabaseTime: this.backup?.completed,
      SourceDBSnapshotIdentifier: this.copyOf?.arn,
      SourceRegion: this.copyOf && this.copyOf.region !== this.region.name ? this.copyOf.region : undefined,
      InstanceCreateTime: this.source.created,
      Encrypted: settings.StorageEncrypted,
      StorageEncryptionType: encryptionType(settings),
      OptionGroupName: settings.optionGroup,
      Port: 5432,
      VpcId: 'vpc-0default',
      IAMDatabaseAuthenticationEnabled: false,
      SnapshotTarget: 'region',
      TagList: this.tags,
      ProcessorFeatures: [],
    };
  }
}
