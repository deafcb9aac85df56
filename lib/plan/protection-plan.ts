import type { RemovalPolicy } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct, type IConstruct } from 'constructs';
import type { RecoveryObjectives } from '../alarm/objectives';
import { objectiveProblems, warnOfShortRpo, warnOfSlowCopies } from '../alarm/objectives';
import { RecoveryMetrics } from '../alarm/recovery-metrics';
import { warnOfUnheardAlarms } from '../alarm/unheard-alarms';
import { validateBackups } from '../database/backup-settings';
import { isDatabase } from '../database/database-resource';
import { SourceDatabase } from '../database/source-database';
import { DrillSite } from '../drill/drill-site';
import { shareSite } from '../drill/enclosing-site';
import { letLogsUse, ownKey } from '../function/log-key';
import type { RecoveryRegion } from '../region/recovery-region';
import { enclosingPlan, registerPlan } from '../synth/enclosing-plan';
import { pathName, refuseTakenName } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { refuseOtherSettings } from './duplicate-database';
import { PlanGrants } from './plan-grants';
import { ProtectedDatabase, type ProtectedDatabaseOptions } from './protected-database';

export interface ProtectionPlanProps {
  /** What a recovery may cost at most. */
  readonly objectives: RecoveryObjectives;

  /**
   * Who is told when a drill fails, misses an objective or is overdue.
   *
   * @default - the topic of the plan around it; else alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;

  /**
   * Encrypts what members under the plan would each make a key for: evidence, archives, exports, vaults and logs. Its policy
   * must let IAM policies of the account decide, as keys made by CDK do. Keys in the recovery region are others.
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
   * Where members keep what each would make a bucket for: dumps, exports, images, logs and configuration, by prefix. Its
   * lifecycle is up to you: `ArchiveBucket` with a tier for each prefix. A cache is exported to it only where it lets
   * ElastiCache in (`CacheExportAccess`). Evidence lies in a bucket of its own.
   *
   * @default - each member makes an `ArchiveBucket` of its own, with a lifecycle
   */
  readonly archive?: s3.IBucket;

  /**
   * What becomes of keys, buckets, vaults and logs that members make, when they are deleted from their stack. Before
   * `RemovalPolicy.DESTROY` can delete a bucket or a vault, it must be empty, of evidence once its lock is over.
   *
   * @default - they are retained
   */
  readonly removalPolicy?: RemovalPolicy;

  /**
   * Name of the plan, in evidence and metrics. Evidence and alarms of another name start anew.
   *
   * @default - the plan's path, as in `Zephyr-production-Protection`
   */
  readonly planName?: string;

  /**
   * Where copies go, so that they outlive this region.
   *
   * @default - nowhere; databases can't have copies
   */
  readonly recovery?: RecoveryRegion;

  /**
   * Where drills run.
   *
   * @default - a site of the plan's own, made with the first drill
   */
  readonly site?: DrillSite;
}

/**
 * What must survive, how much may be lost and how long it may take; and the drills that prove it.
 *
 * What else belongs to it (dumps, exports, caches, archives) is put into its scope, or into that of one of its databases:
 * it then tells whom the plan tells, under the plan's name, unless it lies in a stack of another region.
 */
export class ProtectionPlan extends Construct {
  public readonly objectives: RecoveryObjectives;
  public readonly planName: string;
  /** Who is told. */
  public readonly notify?: sns.ITopic;
  /** Encrypts what members would make a key for. */
  public readonly encryptionKey?: kms.IKey;
  /** Encrypts the logs of members that encrypt nothing else. */
  public readonly logEncryptionKey?: kms.IKey;
  /** Where members keep what they would make a bucket for. */
  public readonly archive?: s3.IBucket;
  /** What becomes of keys, buckets, vaults and logs when they are deleted from their stack. */
  public readonly removalPolicy?: RemovalPolicy;
  /** Where copies go. */
  public readonly recovery?: RecoveryRegion;
  /** What the plan's drills measure. */
  public readonly metrics: RecoveryMetrics;
  /** Permissions on all that the plan has. */
  public readonly grants = new PlanGrants();

  private readonly databases = new Map<IConstruct, ProtectedDatabaseOptions>();
  private ownSite?: DrillSite;
  private copyKey?: kms.IKey;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: ProtectionPlanProps,
  ) {
    super(scope, id);
    refuseAll(`plan '${this.node.path}'`, objectiveProblems(props?.objectives));
    this.notify = props.notify ?? enclosingPlan(scope)?.notify;
    registerPlan(this);
    shareSite(this);
    this.objectives = props.objectives;
    this.recovery = props.recovery;
    this.encryptionKey = props.encryptionKey;
    this.logEncryptionKey = props.logEncryptionKey;
    this.archive = props.archive;
    this.removalPolicy = props.removalPolicy;
    this.planName = props.planName ?? pathName(this);
    this.metrics = new RecoveryMetrics(this.planName);
    warnOfShortRpo(this, props.objectives.rpo);
    warnOfUnheardAlarms(this);
  }

  /** Where the plan's drills run. */
  public get site(): DrillSite {
    this.ownSite ??= this.props.site ?? new DrillSite(this, 'Site', { notify: this.notify });
    return this.ownSite;
  }

  /**
   * Puts a database under the plan.
   *
   * @throws Error when the id is taken, two of one instance want its backups otherwise, or RDS would refuse what is asked for
   */
  public addDatabase(id: string, options: ProtectedDatabaseOptions): ProtectedDatabase {
    refuseTakenName('database', this, id, ['CopyKey', 'Site']);
    const database = new ProtectedDatabase(this, id, { ...options, plan: this });
    refuseOtherSettings(database, options, this.databases);
    this.databases.set(database, options);
    const { resource } = new SourceDatabase(options.database);
    if (resource && isDatabase(resource)) validateBackups(resource);
    this.copy(database, options);
    return database;
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
        `database '${target}' has two copies of the kind '${twice}', and the plan has one recovery region, so they would ` +
          'be the same copy twice; leave one out',
      );
    }
    if (copies.length === 0) return;
    if (!region) {
      throw new Error(
        `database '${target}' has copies (${kinds.join(', ')}), and the plan names no region for them, so they would be ` +
          `made nowhere; give the plan recovery: RecoveryRegion.named('us-west-2'), say`,
      );
    }
    warnOfSlowCopies(scope, (region.objectives ?? this.objectives).rpo, kinds, region.name);
    const encryptionKey = () => this.keyOfCopying();
    const named = { scope, database, instanceIdentifier, region, planName, target };
    const made = { ...named, encryptionKey, window, storageKey, notify };
    for (const copy of copies) copy.applyTo(made);
  }

  /** Encrypts the logs of all copying, whatever is copied. */
  private keyOfCopying(): kms.IKey {
    this.copyKey ??= this.logEncryptionKey ?? this.encryptionKey ?? ownKey(this, 'CopyKey');
    letLogsUse(this.copyKey, this);
    return this.copyKey;
  }
}
