import type { RemovalPolicy } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { RecoveryObjectives } from '../alarm/objectives';
import { warnOfShortRpo, warnOfSlowCopies } from '../alarm/objectives';
import { alarmsUnder, warnOfUnheardAlarms } from '../alarm/unheard-alarms';
import { validateBackups } from '../database/backup-settings';
import { isDatabase } from '../database/database-resource';
import { SourceDatabase } from '../database/source-database';
import { DrillSite } from '../drill/drill-site';
import { shareSite } from '../drill/enclosing-site';
import type { RestoreDrill } from '../drill/restore-drill';
import type { IDrillSite } from '../drill/shared-site';
import { letLogsUse, ownKey } from '../function/log-key';
import type { RecoveryRegion } from '../region/recovery-region';
import { enclosingPlan, registerPlan } from '../synth/enclosing-plan';
import { ownScope, pathName, refuseTakenName } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';
import { refuseOtherSettings } from './duplicate-database';
import { PlanGrantees, type PlanGrants } from './plan-grants';
import { planProblems } from './plan-limits';
import { ProtectedBucket, type ProtectedBucketOptions } from './protected-bucket';
import { ProtectedCache, type ProtectedCacheOptions } from './protected-cache';
import { ProtectedCluster, type ProtectedClusterOptions } from './protected-cluster';
import { ProtectedDatabase, type ProtectedDatabaseOptions } from './protected-database';

/** IDs of what a plan makes for itself. */
const TAKEN = ['CopyKey', 'Site'];

export interface ProtectionPlanProps {
  /** How much data a recovery may lose, and how long it may take. */
  readonly objectives: RecoveryObjectives;

  /**
   * Topic to notify when a drill fails, misses an objective or is overdue.
   *
   * @default - the `notify` of the enclosing plan; without one, alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;

  /**
   * Encrypts what members under the plan would each make a key for: evidence, archives, exports, vaults and logs. Its
   * policy must let IAM policies of the account decide, as keys made by CDK do. The recovery region has keys of its own.
   *
   * @default - each member makes a key of its own, rotated yearly
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * Encrypts the logs of members that encrypt nothing else, such as `DatabaseWatch` and `SnapshotCopy`.
   *
   * @default - `encryptionKey`
   */
  readonly logEncryptionKey?: kms.IKey;

  /**
   * Where members keep what each would make a bucket for: dumps, exports, images, logs and configuration, by prefix.
   * Its lifecycle is up to you: `ArchiveBucket` with a tier for each prefix. A cache is exported to it only where it
   * lets ElastiCache in (`CacheExportAccess`). Evidence lies in a bucket of its own.
   *
   * @default - each member makes an `ArchiveBucket` of its own, with a lifecycle
   */
  readonly archive?: s3.IBucket;

  /**
   * What becomes of keys, buckets, vaults and logs that members make, when they are deleted from their stack. Before
   * `RemovalPolicy.DESTROY` can delete a bucket or a vault, it must be empty, of evidence once its lock is over. What
   * lies in the recovery region is retained all the same.
   *
   * @default - they are retained
   */
  readonly removalPolicy?: RemovalPolicy;

  /**
   * Whether each drill's stack has outputs for an operator: the function that starts the drill, its schedule, and the
   * bucket of its evidence. The parameter `/lifeboat/targets/<plan>/<target>/<drill>` has the same, with or without them.
   *
   * @default false
   */
  readonly outputs?: boolean;

  /**
   * Name of the plan, in evidence and metrics. Evidence and alarms of another name start anew.
   *
   * @default - the plan's path, as in `Zephyr-production-Protection`
   */
  readonly planName?: string;

  /**
   * The region that copies go to, so that they outlive this region.
   *
   * @default - none; databases can't have copies
   */
  readonly recovery?: RecoveryRegion;

  /**
   * Where drills run.
   *
   * @default - a site of the plan's own, created with the first drill
   */
  readonly site?: IDrillSite;
}

const PROPS: PropsOf<ProtectionPlanProps> = {
  objectives: true,
  notify: true,
  encryptionKey: true,
  logEncryptionKey: true,
  archive: true,
  removalPolicy: true,
  outputs: true,
  planName: true,
  recovery: true,
  site: true,
};

/**
 * States what must survive (databases, clusters, caches, buckets), how much data may be lost, how long a recovery may
 * take, and the drills that prove it.
 *
 * Put other constructs of the system (dumps, exports, caches, archives) into its scope, or that of one of its
 * databases: they then use the plan's `notify` and name, unless they are in a stack of another region.
 */
export class ProtectionPlan extends Construct {
  public readonly objectives: RecoveryObjectives;
  public readonly planName: string;
  /** Topic that alarms notify. */
  public readonly notify?: sns.ITopic;
  /** Encrypts what members would make a key for. */
  public readonly encryptionKey?: kms.IKey;
  /** Encrypts the logs of members that encrypt nothing else. */
  public readonly logEncryptionKey?: kms.IKey;
  /** Where members keep what they would make a bucket for. */
  public readonly archive?: s3.IBucket;
  /** Whether stacks have outputs that an operator needs. */
  public readonly outputs: boolean;
  /** What becomes of keys, buckets, vaults and logs when they are deleted from their stack. */
  public readonly removalPolicy?: RemovalPolicy;
  /** Where copies go. */
  public readonly recovery?: RecoveryRegion;
  /** Grants permissions on all drills, recoveries and evidence of the plan. */
  public readonly grants: PlanGrants;

  private readonly databases = new Map<ProtectedDatabase, ProtectedDatabaseOptions>();
  private readonly grantees = new PlanGrantees();
  private ownSite?: IDrillSite;
  private copyKey?: kms.IKey;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: ProtectionPlanProps,
  ) {
    super(scope, id);
    checkProps(this, props, PROPS);
    refuseAll(`plan '${this.node.path}'`, planProblems(this, props));
    this.notify = props.notify ?? enclosingPlan(scope)?.notify;
    registerPlan(this);
    shareSite(this);
    this.objectives = props.objectives;
    this.recovery = props.recovery;
    this.encryptionKey = props.encryptionKey;
    this.logEncryptionKey = props.logEncryptionKey;
    this.archive = props.archive;
    this.removalPolicy = props.removalPolicy;
    this.outputs = props.outputs ?? false;
    this.grants = {
      startDrill: (grantee) => this.grantees.drillStarters.add(grantee),
      startRecovery: (grantee) => this.grantees.recoveryStarters.add(grantee),
      approveRecovery: (grantee) => this.grantees.approvers.add(grantee),
      readEvidence: (grantee) => this.site.grantReadEvidence(grantee),
    };
    this.planName = props.planName ?? pathName(this);
    warnOfShortRpo(this, props.objectives.rpo);
    warnOfUnheardAlarms(this);
  }

  /** Where the plan's drills run. */
  public get site(): IDrillSite {
    this.ownSite ??= this.props.site ?? new DrillSite(ownScope(this), 'Site', { notify: this.notify });
    return this.ownSite;
  }

  /**
   * Puts a database under the plan.
   *
   * @throws Error when the id is taken, two entries for one instance ask for different backup settings, or RDS would
   * refuse the settings
   */
  public addDatabase(id: string, options: ProtectedDatabaseOptions): ProtectedDatabase {
    refuseTakenName('database', this, id, TAKEN);
    const database = new ProtectedDatabase(this, id, { ...options, plan: this, grantees: this.grantees });
    refuseOtherSettings(database, options, this.databases);
    this.databases.set(database, options);
    const { resource } = new SourceDatabase(options.database);
    if (resource && isDatabase(resource)) validateBackups(resource);
    this.copy(database, options);
    return database;
  }

  /**
   * Puts a cluster of RDS or Aurora under the plan: its automated backups. There are no drills of clusters.
   *
   * @throws Error when the id is taken, the cluster is imported, or RDS would refuse what is asked for
   */
  public addCluster(id: string, options: ProtectedClusterOptions): ProtectedCluster {
    refuseTakenName('cluster', this, id, TAKEN);
    return new ProtectedCluster(this, id, options);
  }

  /**
   * Puts a cache of ElastiCache under the plan: its daily snapshots; more often, and exports, by its methods.
   *
   * @throws Error when the id is taken, settings of an imported cache are asked for, or ElastiCache would refuse them
   */
  public addCache(id: string, options: ProtectedCacheOptions): ProtectedCache {
    refuseTakenName('cache', this, id, TAKEN);
    return new ProtectedCache(this, id, options);
  }

  /**
   * Puts a bucket under the plan: versions, lifecycle and replication.
   *
   * @throws Error when the id is taken, or S3 would refuse what is asked for
   */
  public addBucket(id: string, options: ProtectedBucketOptions): ProtectedBucket {
    refuseTakenName('bucket', this, id, TAKEN);
    return new ProtectedBucket(this, id, options);
  }

  /** Drills of all its databases, those of the recovery region among them. */
  public get drills(): RestoreDrill[] {
    return [...this.databases.keys()].flatMap((database) => [...database.drills, ...database.regionDrills]);
  }

  /** Alarms of all that lies under the plan, apart from those of the recovery region. */
  public get alarms(): cloudwatch.Alarm[] {
    return alarmsUnder(this);
  }

  private copy(
    scope: ProtectedDatabase,
    { database, instanceIdentifier, window, storageKey, copies = [] }: ProtectedDatabaseOptions,
  ): void {
    const { planName, notify, recovery: region } = this;
    const target = scope.node.id;
    const kinds = copies.map(({ kind }) => kind);
    const twice = kinds.find((kind, index) => kinds.indexOf(kind) !== index);
    if (twice) {
      throw new Error(
        `'copies' of database '${target}' has two of the kind '${twice}', and the plan has one recovery region, so they would ` +
          'be the same copy twice; remove one',
      );
    }
    if (copies.length === 0) return;
    if (!region) {
      throw new Error(
        `'copies' of database '${target}' is ${kinds.join(', ')}, and 'recovery' of the plan is missing, so no copies would be ` +
          `made; state it, as in recovery: RecoveryRegion.named('us-west-2')`,
      );
    }
    warnOfSlowCopies(scope, (region.objectives ?? this.objectives).rpo, kinds, region.name);
    const encryptionKey = () => this.keyOfCopying();
    const named = { scope, database, instanceIdentifier, region, planName, target };
    const made = { ...named, encryptionKey, window, storageKey, notify };
    for (const copy of copies) copy.applyTo(made);
  }

  /** Encrypts the logs of all copies. */
  private keyOfCopying(): kms.IKey {
    this.copyKey ??= this.logEncryptionKey ?? this.encryptionKey ?? ownKey(ownScope(this), 'CopyKey');
    letLogsUse(this.copyKey, this);
    return this.copyKey;
  }
}
