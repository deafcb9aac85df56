/** What recoveries of a whole database and of tables take alike. */
import type { Duration } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { RecoveryObjectives } from '../alarm/objectives';
import type { DrillSource } from '../drill/drill-source';
import type { RecoveryCheck } from '../drill/recovery-check';
import type { IDrillSite } from '../drill/shared-site';
import type { PropsOf } from '../synth/props';
import type { Approval } from './approval';

/** Options of each recovery. Those of a plan's database share its checks and names, which `plan.addDatabase()` takes. */
export interface RecoveryOptions {
  /**
   * Secret whose JSON has `username` and `password` of the database's master user.
   *
   * @default - the secret that this app made with the database; required for an imported one
   */
  readonly credentials?: secretsmanager.ISecret;

  /**
   * The VPC of the database: the examiner of recoveries connects to it from there. Let its security group in:
   * `recovery.connections.allowToDefaultPort(database)`.
   *
   * @default - the VPC of a database of this app; required for an imported one
   */
  readonly vpc?: ec2.IVpc;

  /**
   * Subnets of that VPC for the examiner. It needs no route out of them.
   *
   * @default - its isolated subnets; without any, its private ones
   */
  readonly subnets?: ec2.SubnetSelection;

  /**
   * DbiResourceId of the live database. A database of another one is not touched, whatever its name is. State the new
   * one after a recovery, with `aws rds describe-db-instances`.
   *
   * @default - that of a database of this app, or of an imported one that states it; without one, the one that has the
   * identifier when a recovery begins
   */
  readonly resourceId?: string;

  /**
   * Identifiers of further snapshots that it may restore.
   *
   * @default - automated snapshots of the database, those of a `SnapshotCopy` and of a `DeploymentSnapshot`, and those
   * that the recovery takes itself
   */
  readonly snapshots?: string[];

  /**
   * The person who has to agree before anything of production is changed.
   *
   * @default Approval.byAnother()
   */
  readonly approval?: Approval;

  /**
   * How long there is a way back.
   *
   * @default Duration.days(7)
   */
  readonly hold?: Duration;
}

/** What a recovery outside of a plan's database states itself. */
export interface RecoveryPlace {
  /** The database, or copies of its backups: `DrillSource.database(orders)`, or `DrillSource.copies()`. */
  readonly source: DrillSource;

  /** How much data a recovery may lose, and how long it may take: reports compare with them. */
  readonly objectives: RecoveryObjectives;

  /**
   * What the restored database must pass before an approval is asked for.
   *
   * @default - readable, indexes, constraints, foreignKeys and notShrunk, which apply to any database
   */
  readonly checks?: RecoveryCheck[];

  /**
   * The database for checks with a table or a query.
   *
   * @default - the instance's initial database
   */
  readonly databaseName?: string;

  /**
   * Names of the databases to examine and to compare.
   *
   * @default - all of the instance, except `rdsadmin`, templates, those that allow no connections, and an empty
   * `postgres`
   */
  readonly databases?: string[];

  /**
   * Name of the plan, in evidence.
   *
   * @default - the name of the enclosing plan; without one, the path of the parent construct
   */
  readonly planName?: string;

  /**
   * Name of the target, in evidence. Recoveries of one target share a chain of evidence, and only one of them is open at
   * a time. Use the name that its drills have: their evidence tells how long a restore takes, and what the database
   * looked like once it is gone.
   *
   * @default - the recovery's id
   */
  readonly target?: string;

  /**
   * Where evidence, its signing key, logs and the queue of what could not be started are. Its network and its examiner
   * are not used.
   *
   * @default - the site of the enclosing plan; without one, one of the recovery's own
   */
  readonly site?: IDrillSite;

  /**
   * Topic to notify when a recovery begins, wants an approval, ends or fails.
   *
   * @default - the `notify` of the enclosing plan; without one, no one is notified, and synth warns
   */
  readonly notify?: sns.ITopic;
}

/** All that one recovery is made with. */
export interface RecoveryProps extends RecoveryOptions, RecoveryPlace {}

export const RECOVERY_OPTIONS: PropsOf<RecoveryOptions> = {
  credentials: true,
  vpc: true,
  subnets: true,
  resourceId: true,
  snapshots: true,
  approval: true,
  hold: true,
};

export const RECOVERY_PROPS: PropsOf<RecoveryProps> = {
  ...RECOVERY_OPTIONS,
  source: true,
  objectives: true,
  checks: true,
  databaseName: true,
  databases: true,
  planName: true,
  target: true,
  site: true,
  notify: true,
};
