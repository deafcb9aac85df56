import { Annotations } from 'aws-cdk-lib';
import * as kms from 'aws-cdk-lib/aws-kms';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct, type IConstruct } from 'constructs';
import type { RecoveryObjectives } from '../alarm/objectives';
import { objectiveProblems, warnOfShortRpo, warnOfSlowCopies } from '../alarm/objectives';
import { RecoveryMetrics } from '../alarm/recovery-metrics';
import { validateBackups } from '../database/backup-settings';
import { isDatabase } from '../database/database-resource';
import { SourceDatabase } from '../database/source-database';
import { DrillSite } from '../drill/drill-site';
import { shareSite } from '../drill/enclosing-site';
import { letLogsUse } from '../function/log-key';
import type { RecoveryRegion } from '../region/recovery-region';
import { registerPlan } from '../synth/enclosing-plan';
import { pathName, refuseTakenName } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { refuseOtherSettings } from './duplicate-database';
import { PlanGrants } from './plan-grants';
import { ProtectedDatabase, type ProtectedDatabaseOptions } from './protected-database';

export interface ProtectionPlanProps {
  /** How much data a recovery may lose, and how long it may take. */
  readonly objectives: RecoveryObjectives;

  /**
   * Topic to notify when a drill fails, misses an objective or is overdue.
   *
   * @default - none: the alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;

  /**
   * Name of the plan, in evidence and metrics. After a change of the name, evidence and metrics start anew.
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
  readonly site?: DrillSite;
}

/**
 * States which databases must survive, how much data may be lost, how long a recovery may take, and the drills that
 * prove it.
 *
 * Put other constructs of the system (dumps, exports, caches, archives) into its scope, or that of one of its
 * databases: they then use the plan's `notify` and name, unless they are in a stack of another region.
 */
export class ProtectionPlan extends Construct {
  public readonly objectives: RecoveryObjectives;
  public readonly planName: string;
  /** Topic that alarms notify. */
  public readonly notify?: sns.ITopic;
  /** The region that copies go to. */
  public readonly recovery?: RecoveryRegion;
  /** Metrics of the plan's drills. */
  public readonly metrics: RecoveryMetrics;
  /** Permissions on everything in the plan. */
  public readonly grants = new PlanGrants();

  private readonly databases = new Map<IConstruct, ProtectedDatabaseOptions>();
  private ownSite?: DrillSite;
  private copyKey?: kms.Key;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: ProtectionPlanProps,
  ) {
    super(scope, id);
    refuseAll(`plan '${this.node.path}'`, objectiveProblems(props?.objectives));
    registerPlan(this);
    shareSite(this);
    this.objectives = props.objectives;
    this.notify = props.notify;
    this.recovery = props.recovery;
    this.planName = props.planName ?? pathName(this);
    this.metrics = new RecoveryMetrics(this.planName);
    warnOfShortRpo(this, props.objectives.rpo);
    if (props.notify) return;
    Annotations.of(this).addWarningV2(
      'lifeboat:nobody-is-told',
      `'notify' of plan '${id}' is missing, so alarms of failed drills have no action; state a topic`,
    );
  }

  /** Where the plan's drills run. */
  public get site(): DrillSite {
    this.ownSite ??= this.props.site ?? new DrillSite(this, 'Site', { notify: this.notify });
    return this.ownSite;
  }

  /**
   * Puts a database under the plan.
   *
   * @throws Error when the id is taken, two entries for one instance ask for different backup settings, or RDS would
   * refuse the settings
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
    if (!this.copyKey) {
      this.copyKey = new kms.Key(this, 'CopyKey', { enableKeyRotation: true });
      letLogsUse(this.copyKey, this);
    }
    return this.copyKey;
  }
}
