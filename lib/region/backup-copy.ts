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
   * How long backups are kept there, and so how far back a moment can be restored: 1 to 35 whole days.
   *
   * @default - as long as in the database's own region
   */
  readonly retention?: Duration;
}

/** What a copy needs from its plan. */
export interface BackupCopyTarget {
  /** The construct under which copies of the database are created. */
  readonly scope: Construct;
  readonly database: rds.IDatabaseInstance;
  /** @default - the database's own; required for a replica */
  readonly instanceIdentifier?: string;
  readonly region: RecoveryRegion;
  readonly planName: string;
  /** Name of the database, in metrics. */
  readonly target: string;
  /** Encrypts logs. */
  readonly encryptionKey: () => kms.IKey;
  /** @default - the database's own; without one, RDS picks a window */
  readonly window?: BackupWindow;
  /** @default - the database's own; without one, the AWS managed key for RDS */
  readonly storageKey?: kms.IKey;
  /** @default - alarms have no action */
  readonly notify?: sns.ITopic;
}

/** How a database's data is copied into the recovery region. */
export class BackupCopy {
  /**
   * Automated backups are replicated: any moment up to about five minutes ago can be restored there. Only for a
   * database of this app.
   *
   * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReplicateBackups.html
   */
  public static automatedBackups(options: AutomatedBackupsOptions = {}): BackupCopy {
    return new BackupCopy('automatedBackups', ({ database, region, scope }) => {
      const { resource, name } = new SourceDatabase(database);
      if (!resource) {
        throw new Error(
          `database '${scope.node.id}' is imported, so this app can't replicate its backups to ${region}; apply ` +
            'ReplicatedBackups in the app that creates it, or run aws rds ' +
            `start-db-instance-automated-backups-replication --region ${region} for ${name ?? 'its ARN'}`,
        );
      }
      const site = ownSite(scope, region);
      if (site) keyOfPlan(resource, site, scope, region);
      resource.with(new ReplicatedBackups({ region, retention: options.retention }));
    });
  }

  /** Automated snapshots are copied, about one a day, and kept for `retention`. */
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
   * A read replica, seconds behind, to be promoted when the region is lost. It is in a stack of its own, named
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
    /** The kind of copy. A database has at most one of each kind. */
    public readonly kind: string,
    private readonly make: (target: BackupCopyTarget) => void,
  ) {}

  /** Creates the copy. Called by the plan. */
  public applyTo(target: BackupCopyTarget): void {
    this.make(target);
  }
}

/** The site with the key of copies, unless the region states a key. */
function ownSite(scope: Construct, region: RecoveryRegion): RecoverySite | undefined {
  return region.keyArn === undefined ? RecoverySite.beside(scope, region) : undefined;
}

/** If a database is in another stack than its plan, the alias of the key has the name of the plan's stack. */
function keyOfPlan(resource: rds.CfnDBInstance, site: RecoverySite, scope: Construct, region: RecoveryRegion): void {
  const stack = outermostStack(resource);
  if (stack === outermostStack(scope)) return;
  deployAfter(stack, Stack.of(site), 'backups are encrypted with the key there');
  if (isEncrypted(resource)) resource.automaticBackupReplicationKmsKeyId ??= region.keyArnFor(scope);
}

/**
 * Replicas have a stack separate from the key: a replica can only be created while its source exists, and the stack of
 * the key must deploy without it. The key's stack is deployed first, this one last.
 */
function stackOfReplicas(scope: Construct, region: RecoveryRegion): Stack {
  const primary = outermostStack(scope);
  const description = `Lifeboat: replicas of databases of ${primary.stackName}, in ${region}`;
  const stack = siblingStack(scope, region.name, `${region}-replicas`, description);
  deployAfter(stack, primary, 'replicas need their sources');
  return stack;
}

/** The key by its name, without a reference, so that each stack can be deployed without the other. */
function keyThere(stack: Stack, scope: Construct, region: RecoveryRegion, id: string): kms.IKey {
  return region.keyArn === undefined
    ? kms.Alias.fromAliasName(stack, id, region.aliasFor(scope))
    : kms.Key.fromKeyArn(stack, id, region.keyArn);
}
