import type { Duration } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as rds from 'aws-cdk-lib/aws-rds';
import { Construct } from 'constructs';
import { ObjectiveAlarms } from '../alarm/objective-alarms';
import type { RecoveryObjectives } from '../alarm/objectives';
import { RecoveryMetrics } from '../alarm/recovery-metrics';
import { alarmsUnder } from '../alarm/unheard-alarms';
import { DatabaseBackups } from '../database/database-backups';
import { ExternalDatabaseBackups, ExternalSetting, type OlderBackups } from '../database/external-database-backups';
import { SourceDatabase } from '../database/source-database';
import { DrillSource } from '../drill/drill-source';
import type { SharedSite } from '../drill/enclosing-site';
import { type ProofOptions, proofOptionsOf } from '../drill/proof';
import { type DrillOptions, RestoreDrill } from '../drill/restore-drill';
import type { BackupCopy } from '../region/backup-copy';
import type { RecoveryRegion } from '../region/recovery-region';
import { type RegionDrillOptions, RegionDrills } from '../region/region-drills';
import type { BackupWindow } from '../schedule/backup-window';
import { markCovered } from '../synth/coverage';
import type { PlanDefaults } from '../synth/enclosing-plan';
import { ownScope, refuseTakenName } from '../synth/names';
import { checkProps, type PropsOf } from '../synth/props';
import type { DrillStarters } from './plan-grants';
import { checkStatedIdentifier } from './stated-identifier';

export interface ProtectedDatabaseOptions extends ProofOptions {
  /** What is protected: a PostgreSQL instance, of this app or imported. */
  readonly database: rds.IDatabaseInstance;

  /**
   * What RDS calls an instance that CloudFormation named, as `aws rds describe-db-instances` shows it: what lies in the
   * recovery region's stack (replicas, drills there) can't ask this one for it. Never name an instance that exists for
   * their sake: CloudFormation would replace it with an empty one.
   *
   * @default - as the database says itself; where it doesn't, replicas and drills in the recovery region are refused
   */
  readonly instanceIdentifier?: string;

  /**
   * When the daily backup is taken. On an imported database it is set at deployment, by `ExternalDatabaseBackups`: leave
   * it out for one that another stack describes, and apply `DatabaseBackups` there.
   *
   * @default - what the database says itself; else 30 minutes that RDS picks at random
   */
  readonly window?: BackupWindow;

  /**
   * When RDS maintains an imported database, as RDS writes it: `sun:04:00-sun:05:00`, UTC. It is held against `window` at
   * synth, and not changed. A database of this app says so itself, and refuses this.
   *
   * @default - not compared: where the two overlap, RDS refuses the backup window, and the deployment fails
   */
  readonly maintenance?: string;

  /**
   * How long automated backups are kept, 0 to 35 days. An imported database keeps them for 1 to 35, set at deployment by
   * `ExternalDatabaseBackups`.
   *
   * @default - what the database says itself; else 1 day, which is RDS's default
   */
  readonly retention?: Duration;

  /**
   * Whether `retention` of an imported database may be lower than what is in force, at which RDS deletes all automated
   * backups that are older.
   *
   * @default OlderBackups.KEPT
   */
  readonly olderBackups?: OlderBackups;

  /**
   * How its data gets into the plan's recovery region: one of each kind at most.
   *
   * @default - not at all
   */
  readonly copies?: BackupCopy[];

  /**
   * The key that encrypts the instance. Its policy must let IAM policies of the account decide, as keys made by CDK do.
   *
   * @default - the key that an instance of this app names; else the account's own key for RDS
   */
  readonly storageKey?: kms.IKey;
}

/** What a plan gives its databases. */
export interface PlanOfDatabases extends PlanDefaults, SharedSite {
  /** What a recovery may cost at most. */
  readonly objectives: RecoveryObjectives;
  /**
   * Where copies go.
   *
   * @default - nowhere; databases can't have copies
   */
  readonly recovery?: RecoveryRegion;
}

export interface ProtectedDatabaseProps extends ProtectedDatabaseOptions {
  /** The plan that it is under. */
  readonly plan: PlanOfDatabases;
  /** Who may start the plan's drills. */
  readonly starters: DrillStarters;
}

const PROPS: PropsOf<ProtectedDatabaseProps> = {
  plan: true,
  starters: true,
  database: true,
  instanceIdentifier: true,
  window: true,
  maintenance: true,
  retention: true,
  olderBackups: true,
  copies: true,
  storageKey: true,
  checks: true,
  databaseName: true,
  databases: true,
  allowEmpty: true,
};

/** A database under a plan. */
export class ProtectedDatabase extends Construct {
  /** What is protected. */
  public readonly database: rds.IDatabaseInstance;
  /** Its drills in its own region. */
  public readonly drills: RestoreDrill[] = [];
  /** Its drills in the recovery region. */
  public readonly regionDrills: RestoreDrill[] = [];
  /** What its drills measure, those with objectives of their own apart: these have `drill.metrics`. */
  public readonly metrics: RecoveryMetrics;

  private objectiveAlarms?: ObjectiveAlarms;
  private inRegion?: RegionDrills;

  /** Use `plan.addDatabase()`. */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: ProtectedDatabaseProps,
  ) {
    super(scope, id);
    checkProps(this, props, PROPS);
    const { database, window, maintenance, retention, olderBackups } = props;
    this.database = database;
    this.metrics = new RecoveryMetrics({ plan: props.plan.planName, target: id });
    const source = new SourceDatabase(database);
    const { resource } = source;
    checkStatedIdentifier(this, source, props.instanceIdentifier);
    refuseIdleMaintenance(this, props, resource !== undefined);
    markCovered(database, 'ProtectionPlan');
    if (window === undefined && retention === undefined) return;
    if (resource) {
      resource.with(new DatabaseBackups({ window, retention }));
      return;
    }
    new ExternalDatabaseBackups(ownScope(this), 'Backups', {
      database,
      window,
      maintenance,
      retention,
      olderBackups,
      // Whether it may be deleted is its owner's word; a plan was asked for backups.
      deletionProtection: ExternalSetting.UNCHANGED,
    });
  }

  /**
   * Proves on a schedule that the database can be restored.
   *
   * @throws Error when the id is taken, or the drill could not work
   */
  public addDrill(id: string, options: DrillOptions): RestoreDrill {
    refuseTakenName('drill', this, id, ['Alarms', 'Backups', 'Snapshots']);
    const { plan, database, storageKey } = this.props;
    const source = DrillSource.database(database, { storageKey });
    const given = { ...options, source, ...proofOptionsOf(this.props), ...this.judged(id, options.objectives) };
    const drill = new RestoreDrill(this, id, {
      ...given,
      notify: plan.notify,
      planName: plan.planName,
      site: plan.site,
    });
    this.props.starters.cover(drill);
    this.drills.push(drill);
    return drill;
  }

  /** Alarms of all that lies under it, apart from those of the recovery region. */
  public get alarms(): cloudwatch.Alarm[] {
    return alarmsUnder(this);
  }

  /** What a drill is held against. Its metrics are the target's, so other objectives need another target. */
  private judged(id: string, own?: RecoveryObjectives) {
    const { planName, objectives, notify } = this.props.plan;
    const target = this.node.id;
    if (own) return { objectives: own, target: `${target}-${id}` };
    this.objectiveAlarms ??= new ObjectiveAlarms(ownScope(this), 'Alarms', { planName, target, objectives, notify });
    return { objectives, target, alarms: this.objectiveAlarms };
  }

  /**
   * Proves on a schedule, in the plan's recovery region, that the database can be restored from what was copied there. By
   * default it goes back to the latest moment of replicated backups, else to the latest copy of a snapshot.
   *
   * It lies in that region's stack, and needs nothing of this one: it can be started while this region is down. For the
   * same reason `plan.grants` does not reach it: use its own `grantStart()`, with a role that is made or imported there.
   *
   * @throws Error when nothing is copied there that it could restore, or synth does not know what copies don't tell
   */
  public addRegionDrill(id: string, options: RegionDrillOptions): RestoreDrill {
    const { plan, database, instanceIdentifier, copies = [] } = this.props;
    const { planName, recovery: region } = plan;
    if (!region) {
      throw new Error(
        `drill '${this.node.path}/${id}' belongs into the plan's recovery region, and the plan names none; give the plan ` +
          `recovery: RecoveryRegion.named('us-west-2'), say`,
      );
    }
    const target = this.node.id;
    const objectives = region.objectives ?? plan.objectives;
    const proof = proofOptionsOf(this.props);
    const { outputs } = plan;
    const of = { ...proof, database, instanceIdentifier, region, copies, planName, target, objectives, outputs };
    this.inRegion ??= new RegionDrills(this, of);
    const drill = this.inRegion.add(id, options);
    this.regionDrills.push(drill);
    return drill;
  }
}

/** A window that is held against nothing would be believed to be. */
function refuseIdleMaintenance(
  scope: Construct,
  { window, maintenance }: ProtectedDatabaseOptions,
  isOfApp: boolean,
): void {
  if (maintenance === undefined || (window !== undefined && !isOfApp)) return;
  const [fact, remedy] = isOfApp
    ? ['is made by this app, which states its maintenance window on it', 'set preferredMaintenanceWindow there']
    : ['has no backup window stated here', 'state the window, too, or leave maintenance out'];
  throw new Error(
    `database '${scope.node.path}' ${fact}, so the maintenance window ${maintenance} would be held against nothing; ${remedy}`,
  );
}
