import { type Duration, Stack } from 'aws-cdk-lib';
import * as kms from 'aws-cdk-lib/aws-kms';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { isEncrypted, SourceDatabase } from '../database/source-database';
import type { BackupWindow } from '../schedule/backup-window';
import { ownScope } from '../synth/names';
import type { RecoveryRegion } from './recovery-region';
import { RecoverySite } from './recovery-site';
import { RegionReplica, type ReplicaOptions } from './region-replica';
import { limitReplicas, refuseReplica } from './replica-limits';
import { ReplicatedBackups } from './replicated-backups';
import { deployAfter, outermostStack, siblingStack } from './sibling-stack';
import { SnapshotCopy, type SnapshotCopyOptions } from './snapshot-copy';
import { SnapshotSource } from './snapshot-source';

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
  /** @default - as the database says itself; a replica is refused where it doesn't */
  readonly instanceIdentifier?: string;
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
      const { resource, name } = new SourceDatabase(database);
      if (!resource) {
        throw new Error(
          `database '${scope.node.id}' is imported, so this app can't replicate its backups to ${region}, and nobody would; ` +
            `apply ReplicatedBackups where it is made, or have RDS do it there: aws rds ` +
            `start-db-instance-automated-backups-replication --region ${region} for ${name ?? 'its ARN'}`,
        );
      }
      const site = ownSite(scope, region);
      if (site) keyOfPlan(resource, site, scope, region);
      resource.with(new ReplicatedBackups({ region, retention: options.retention }));
    });
  }

  /** Automated snapshots are copied, about one a day, and kept for as long as you say. */
  public static snapshots(options: SnapshotCopyOptions): BackupCopy {
    return new BackupCopy('snapshots', ({ scope, database, instanceIdentifier: _, region, encryptionKey, ...more }) => {
      new SnapshotCopy(ownScope(scope), 'Snapshots', {
        ...options,
        ...more,
        source: SnapshotSource.automated(database),
        destination: region,
        logEncryptionKey: encryptionKey(),
      });
      const site = ownSite(scope, region);
      for (const account of options.shareWith ?? []) site?.addReader(account);
    });
  }

  /**
   * A read replica, seconds behind, that is promoted when the region is lost. It lies in a stack of its own, named
   * `<primary>-<region>-replicas`, which is deployed after the primary's.
   */
  public static replica(options: ReplicaOptions): BackupCopy {
    return new BackupCopy('replica', ({ scope, database, instanceIdentifier, region, planName, target }) => {
      const source = new SourceDatabase(database, instanceIdentifier);
      const sourceRegion = database.env.region;
      const sourceIdentifier = refuseReplica(source, region, sourceRegion, database.node.path);
      ownSite(scope, region);
      const stack = stackOfReplicas(scope, region);
      const encrypted = !source.resource || isEncrypted(source.resource);
      const id = `${planName}-${target}`;
      const replica = new RegionReplica(stack, id, {
        ...options,
        notify: options.notify ?? region.topicFor(stack, `${id}-Topic`),
        sourceIdentifier,
        sourceRegion,
        sourceClass: source.instanceClass,
        encryptionKey: encrypted ? keyThere(stack, scope, region, `${id}-Key`) : undefined,
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

/** A database may lie in another stack than its plan, whose name its key's alias then has. */
function keyOfPlan(resource: rds.CfnDBInstance, site: RecoverySite, scope: Construct, region: RecoveryRegion): void {
  const stack = outermostStack(resource);
  if (stack === outermostStack(scope)) return;
  deployAfter(stack, Stack.of(site), 'backups are encrypted with the key there');
  if (isEncrypted(resource)) resource.automaticBackupReplicationKmsKeyId ??= region.keyArnFor(scope);
}

/**
 * Apart from the key: a replica is only made while its source is there, and what holds the key must deploy without it.
 * It comes last, the key first.
 */
function stackOfReplicas(scope: Construct, region: RecoveryRegion): Stack {
  const primary = outermostStack(scope);
  const description = `Lifeboat: replicas of what ${primary.stackName} holds, in ${region}`;
  const stack = siblingStack(scope, region.name, `${region}-replicas`, description);
  deployAfter(stack, primary, 'replicas are made of what is there');
  return stack;
}

/** The key by its name: stacks that refer to each other can't be deployed apart. */
function keyThere(stack: Stack, scope: Construct, region: RecoveryRegion, id: string): kms.IKey {
  return region.keyArn === undefined
    ? kms.Alias.fromAliasName(stack, id, region.aliasFor(scope))
    : kms.Key.fromKeyArn(stack, id, region.keyArn);
}
