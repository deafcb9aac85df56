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
import { PROOF_OPTIONS, type ProofOptions, proofOptionsOf } from '../drill/proof';
import { DRILL_OPTIONS, type DrillOptions, RestoreDrill } from '../drill/restore-drill';
import { DATABASE_RECOVERY_OPTIONS, type DatabaseRecoveryOptions } from '../recover/database-recovery-options';
import type { RecoveryPlace } from '../recover/recovery-options';
import { RecoveryRunbook } from '../recover/recovery-runbook';
import { TABLE_RECOVERY_OPTIONS, type TableRecoveryOptions } from '../recover/table-recovery-options';
import { TableRecoveryRunbook } from '../recover/table-recovery-runbook';
import type { BackupCopy } from '../region/backup-copy';
import type { RecoveryRegion } from '../region/recovery-region';
import { type RegionDrillOptions, RegionDrills } from '../region/region-drills';
import type { BackupWindow } from '../schedule/backup-window';
import { markCovered } from '../synth/coverage';
import type { PlanDefaults } from '../synth/enclosing-plan';
import { ownScope, refuseTakenName } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { checkOptions, checkProps, listProblems, type PropsOf } from '../synth/props';
import { refuseIdleMaintenance } from './idle-maintenance';
import type { PlanGrantees } from './plan-grants';
import { checkStatedIdentifier } from './stated-identifier';

export interface ProtectedDatabaseOptions extends ProofOptions {
  /** The database to protect: a PostgreSQL instance, of this app or imported. */
  readonly database: rds.IDatabaseInstance;

  /**
   * Identifier of an instance that CloudFormation named, as `aws rds describe-db-instances` shows it: replicas and
   * drills in the recovery region's stack need it, and can't refer to this stack. Never set it on an existing instance
   * instead: CloudFormation would replace that with an empty one.
   *
   * @default - the database's own; if unknown at synth, replicas and drills in the recovery region are refused
   */
  readonly instanceIdentifier?: string;

  /**
   * When the daily backup is taken. On an imported database it is set at deployment, by `ExternalDatabaseBackups`:
   * leave it out for a database of another stack, and apply `DatabaseBackups` there.
   *
   * @default - the database's own setting; without one, 30 minutes that RDS picks at random
   */
  readonly window?: BackupWindow;

  /**
   * The maintenance window of an imported database, in the form of RDS: `sun:04:00-sun:05:00`, UTC. Only compared with
   * `window` at synth; it is not applied. Refused for a database of this app, which states its own.
   *
   * @default - not compared: if the two overlap, RDS refuses the backup window, and the deployment fails
   */
  readonly maintenance?: string;

  /**
   * How long automated backups are kept, 0 to 35 days. An imported database keeps them for 1 to 35, set at deployment
   * by `ExternalDatabaseBackups`.
   *
   * @default - the database's own setting; without one, RDS's default of 1 day
   */
  readonly retention?: Duration;

  /**
   * Whether `retention` of an imported database may be lower than before, in which case RDS deletes all older automated
   * backups.
   *
   * @default OlderBackups.KEPT
   */
  readonly olderBackups?: OlderBackups;

  /**
   * How its data is copied into the plan's recovery region: at most one of each kind.
   *
   * @default - no copies
   */
  readonly copies?: BackupCopy[];

  /**
   * The key that encrypts the instance. Its key policy must delegate to IAM, as policies of CDK's keys do.
   *
   * @default - the key of an instance of this app; without one, the AWS managed key for RDS
   */
  readonly storageKey?: kms.IKey;
}

/** The part of a plan that its databases use. */
export interface PlanOfDatabases extends PlanDefaults, SharedSite {
  /** How much data a recovery may lose, and how long it may take. */
  readonly objectives: RecoveryObjectives;
  /**
   * The region that copies go to.
   *
   * @default - none; databases can't have copies
   */
  readonly recovery?: RecoveryRegion;
}

export interface ProtectedDatabaseProps extends ProtectedDatabaseOptions {
  /** The plan of the database. */
  readonly plan: PlanOfDatabases;
  /** Who may start the plan's drills and recoveries. */
  readonly grantees: PlanGrantees;
}

const PROPS: PropsOf<ProtectedDatabaseProps> = {
  ...PROOF_OPTIONS,
  plan: true,
  grantees: true,
  database: true,
  instanceIdentifier: true,
  window: true,
  maintenance: true,
  retention: true,
  olderBackups: true,
  copies: true,
  storageKey: true,
};

/** IDs of what a database makes for itself. */
const TAKEN = ['Alarms', 'Backups', 'Snapshots'];

/** A database under a plan. */
export class ProtectedDatabase extends Construct {
  /** The protected database. */
  public readonly database: rds.IDatabaseInstance;
  /** Its drills in its own region. */
  public readonly drills: RestoreDrill[] = [];
  /** Its drills in the recovery region. */
  public readonly regionDrills: RestoreDrill[] = [];
  /** Its recoveries as a whole. */
  public readonly recoveries: RecoveryRunbook[] = [];
  /** Recoveries of its tables. */
  public readonly tableRecoveries: TableRecoveryRunbook[] = [];
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
    refuseAll(
      `database '${this.node.path}'`,
      listProblems(
        'copies',
        props.copies,
        'applyTo',
        'nothing would be copied; state it as in copies: [BackupCopy.automatedBackups()]',
      ),
    );
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
      // Deletion protection is the owner's decision; the plan only states backups.
      deletionProtection: ExternalSetting.UNCHANGED,
    });
  }

  /**
   * Proves on a schedule that the database can be restored.
   *
   * @throws Error when the id is taken, or the drill would fail
   */
  public addDrill(id: string, options: DrillOptions): RestoreDrill {
    refuseTakenName('drill', this, id, TAKEN);
    checkOptions(`drill '${this.node.path}/${id}'`, 'addDrill()', options, DRILL_OPTIONS);
    const { plan, database, storageKey } = this.props;
    const source = DrillSource.database(database, { storageKey });
    const given = { ...options, source, ...proofOptionsOf(this.props), ...this.judged(id, options.objectives) };
    const drill = new RestoreDrill(this, id, {
      ...given,
      notify: plan.notify,
      planName: plan.planName,
      site: plan.site,
    });
    this.props.grantees.drillStarters.cover(drill);
    this.drills.push(drill);
    return drill;
  }

  /** Alarms of all that lies under it, apart from those of the recovery region. */
  public get alarms(): cloudwatch.Alarm[] {
    return alarmsUnder(this);
  }

  /** The objectives of a drill. Its metrics are the target's, so other objectives need another target. */
  private judged(id: string, own?: RecoveryObjectives) {
    const { planName, objectives, notify } = this.props.plan;
    const target = this.node.id;
    if (own) return { objectives: own, target: `${target}-${id}` };
    this.objectiveAlarms ??= new ObjectiveAlarms(ownScope(this), 'Alarms', { planName, target, objectives, notify });
    return { objectives, target, alarms: this.objectiveAlarms };
  }

  /**
   * Proves on a schedule, in the plan's recovery region, that the database can be restored from its copies there. By
   * default it restores the latest restorable time of replicated backups, or without those the latest snapshot copy.
   *
   * The drill is in that region's stack, without a reference to this one, so it can be started while this region is
   * down. For the same reason `plan.grants` does not apply: use its own `grantStart()`, with a role created or imported
   * there.
   *
   * @throws Error when there is no copy that it could restore, or synth does not know what copies don't record
   */
  public addRegionDrill(id: string, options: RegionDrillOptions): RestoreDrill {
    const { plan, database, instanceIdentifier, copies = [] } = this.props;
    const { planName, recovery: region } = plan;
    if (!region) {
      throw new Error(
        `drill '${this.node.path}/${id}' needs the plan's recovery region, and 'recovery' of the plan is missing; state it, as in ` +
          `recovery: RecoveryRegion.named('us-west-2')`,
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

  /**
   * Brings the database back in production when it is damaged or gone: restored beside it, checked, compared, approved,
   * and then switched to. Let its examiner in: `recovery.connections.allowToDefaultPort(database)`.
   *
   * @throws Error when the id is taken, or the recovery could not work
   */
  public addRecovery(id: string, options: DatabaseRecoveryOptions): RecoveryRunbook {
    refuseTakenName('recovery', this, id, TAKEN);
    checkOptions(`recovery '${this.node.path}/${id}'`, 'addRecovery()', options, DATABASE_RECOVERY_OPTIONS);
    const recovery = new RecoveryRunbook(this, id, { ...options, ...this.recovered });
    this.props.grantees.coverRecovery(recovery);
    this.recoveries.push(recovery);
    return recovery;
  }

  /**
   * Brings tables of the database back out of a restored copy, while it stays in use. Let its examiner in:
   * `recovery.connections.allowToDefaultPort(database)`.
   *
   * @throws Error when the id is taken, or the recovery could not work
   */
  public addTableRecovery(id: string, options: TableRecoveryOptions = {}): TableRecoveryRunbook {
    refuseTakenName('recovery', this, id, TAKEN);
    checkOptions(`recovery '${this.node.path}/${id}'`, 'addTableRecovery()', options, TABLE_RECOVERY_OPTIONS);
    const recovery = new TableRecoveryRunbook(this, id, { ...options, ...this.recovered });
    this.props.grantees.coverRecovery(recovery);
    this.tableRecoveries.push(recovery);
    return recovery;
  }

  /** What its recoveries share with its drills, whose evidence they read. */
  private get recovered(): RecoveryPlace {
    const { plan, database, storageKey, checks, databaseName, databases } = this.props;
    const { objectives, planName, notify, site } = plan;
    const source = DrillSource.database(database, { storageKey });
    return { source, objectives, checks, databaseName, databases, planName, target: this.node.id, site, notify };
  }
}
