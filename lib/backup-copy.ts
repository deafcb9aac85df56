import type { Duration } from 'aws-cdk-lib';
import * as kms from 'aws-cdk-lib/aws-kms';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { BackupWindow } from './backup-window';
import type { RecoveryRegion } from './recovery-region';
import { RecoverySite } from './recovery-site';
import { RegionReplica, type ReplicaOptions } from './region-replica';
import { limitReplicas, refuseReplica } from './replica-limits';
import { ReplicatedBackups } from './replicated-backups';
import { SnapshotCopy, type SnapshotCopyOptions } from './snapshot-copy';
import { SnapshotSource } from './snapshot-source';
import { isEncrypted, SourceDatabase } from './source-database';

export interface AutomatedBackupsOptions {
  /**
   * How long backups are kept there, and how far back a point in time can lie: 1 to 35 whole days.
   *
   * @default - as long as in the database's own region
   */
  readonly retention?: Duration;
}

/** What a copy is made of. */
export interface BackupCopyTarget {
  /** What makes it: copies of a database lie under it. */
  readonly scope: Construct;
  readonly database: rds.IDatabaseInstance;
  readonly region: RecoveryRegion;
  readonly planName: string;
  /** Name of the database, in metrics. */
  readonly target: string;
  /** Encrypts logs. */
  readonly encryptionKey: () => kms.IKey;
  /** @default - as the database says, or RDS picks */
  readonly window?: BackupWindow;
  /** @default - as the database says, else the account's own key for RDS */
  readonly storageKey?: kms.IKey;
  /** @default - nobody */
  readonly notify?: sns.ITopic;
}

/** How a database's data gets into the recovery region. */
export class BackupCopy {
  /**
   * Automated backups are replicated: any moment can be restored there, about five minutes behind. Only for a database
   * of this app.
   *
   * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReplicateBackups.html
   */
  public static automatedBackups(options: AutomatedBackupsOptions = {}): BackupCopy {
    return new BackupCopy('automatedBackups', ({ database, region, scope }) => {
      const { resource, identifier } = new SourceDatabase(database);
      if (!resource) {
        throw new Error(
          `database '${scope.node.id}' is imported, so this app can't replicate its backups to ${region}, and nobody would; ` +
            `apply ReplicatedBackups where it is made, or have RDS do it there: aws rds ` +
            `start-db-instance-automated-backups-replication --region ${region} for ${identifier}`,
        );
      }
      ownSite(scope, region);
      resource.with(new ReplicatedBackups({ region, retention: options.retention }));
    });
  }

  /** Automated snapshots are copied, about one a day, and kept for as long as you say. */
  public static snapshots(options: SnapshotCopyOptions): BackupCopy {
    return new BackupCopy('snapshots', ({ scope, database, region, encryptionKey, ...more }) => {
      new SnapshotCopy(scope, 'Snapshots', {
        ...options,
        ...more,
        source: SnapshotSource.automated(database),
        destination: region,
        encryptionKey: encryptionKey(),
      });
      const site = ownSite(scope, region);
      for (const account of options.shareWith ?? []) site?.addReader(account);
    });
  }

  /** A read replica, seconds behind, that is promoted when the region is lost. */
  public static replica(options: ReplicaOptions): BackupCopy {
    return new BackupCopy('replica', ({ scope, database, region, planName, target }) => {
      const source = new SourceDatabase(database);
      const sourceRegion = database.env.region;
      const sourceIdentifier = refuseReplica(source, region, sourceRegion, database.node.path);
      const site = RecoverySite.beside(scope, region);
      const encrypted = !source.resource || isEncrypted(source.resource);
      const id = `${planName}-${target}-Replica`;
      const key = region.keyArn === undefined ? site.key : kms.Key.fromKeyArn(site, `${id}Key`, region.keyArn);
      const replica = new RegionReplica(site, id, {
        ...options,
        sourceIdentifier,
        sourceRegion,
        sourceClass: source.instanceClass,
        encryptionKey: encrypted ? key : undefined,
      });
      limitReplicas(replica, source);
    });
  }

  private constructor(
    /** What it is called. A database has one of each kind at most. */
    public readonly kind: string,
    private readonly make: (target: BackupCopyTarget) => void,
  ) {}

  /** Makes it. Called by the plan. */
  public applyTo(target: BackupCopyTarget): void {
    this.make(target);
  }
}

/** Where the key of copies lies, unless the region names one of its own. */
function ownSite(scope: Construct, region: RecoveryRegion): RecoverySite | undefined {
  return region.keyArn === undefined ? RecoverySite.beside(scope, region) : undefined;
}
