import type { Duration } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as rds from 'aws-cdk-lib/aws-rds';
import { Construct } from 'constructs';
import { ObjectiveAlarms } from '../alarm/objective-alarms';
import type { RecoveryObjectives } from '../alarm/objectives';
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
import { refuseTakenName } from '../synth/names';
import type { PlanGrants } from './plan-grants';
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
  /** Permissions on everything in the plan. */
  readonly grants: PlanGrants;
}

export interface ProtectedDatabaseProps extends ProtectedDatabaseOptions {
  /** The plan of the database. */
  readonly plan: PlanOfDatabases;
}

/** A database under a plan. */
export class ProtectedDatabase extends Construct {
  /** The protected database. */
  public readonly database: rds.IDatabaseInstance;
  private alarms?: ObjectiveAlarms;
  private regionDrills?: RegionDrills;

  /** Use `plan.addDatabase()`. */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: ProtectedDatabaseProps,
  ) {
    super(scope, id);
    const { database, window, maintenance, retention, olderBackups } = props;
    this.database = database;
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
    new ExternalDatabaseBackups(this, 'Backups', {
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
    plan.grants.cover(drill);
    return drill;
  }

  /** Objectives and target of a drill. Metrics are per target, so other objectives need another target. */
  private judged(id: string, own?: RecoveryObjectives) {
    const { planName, objectives, notify } = this.props.plan;
    const target = this.node.id;
    if (own) return { objectives: own, target: `${target}-${id}` };
    this.alarms ??= new ObjectiveAlarms(this, 'Alarms', { planName, target, objectives, notify });
    return { objectives, target, alarms: this.alarms };
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
    const of = { ...proof, database, instanceIdentifier, region, copies, planName, target, objectives };
    this.regionDrills ??= new RegionDrills(this, of);
    return this.regionDrills.add(id, options);
  }
}

/** Users would believe that a window is compared when it is not. */
function refuseIdleMaintenance(
  scope: Construct,
  { window, maintenance }: ProtectedDatabaseOptions,
  isOfApp: boolean,
): void {
  if (maintenance === undefined || (window !== undefined && !isOfApp)) return;
  const [fact, remedy] = isOfApp
    ? ['the database is in this app', 'set preferredMaintenanceWindow on the database instead']
    : ["'window' is missing", "state 'window', too, or leave 'maintenance' out"];
  throw new Error(
    `database '${scope.node.path}': 'maintenance' is ${maintenance}, and ${fact}, so it would not be compared with anything; ${remedy}`,
  );
}
