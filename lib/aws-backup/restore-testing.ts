import { Duration, Token } from 'aws-cdk-lib';
import * as backup from 'aws-cdk-lib/aws-backup';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { RecoveryObjectives } from '../alarm/objectives';
import { DrillSite } from '../drill/drill-site';
import type { RecoveryCheck } from '../drill/recovery-check';
import { overdueOf } from '../schedule/overdue';
import type { Recurrence } from '../schedule/recurrence';
import { enclosingPlan } from '../synth/enclosing-plan';
import { pathName, refuseTakenName } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { known } from '../synth/tokens';
import { BackupRole } from './backup-role';
import type { BackupTarget } from './backup-target';
import { RestoreTest } from './restore-test';
import { warnOfOldRecoveryPoints } from './restore-test-limits';
import { TestedRecoveryPoints } from './tested-recovery-points';

export interface RestoreTestingProps {
  /** Where recovery points are taken from. */
  readonly vaults: backup.IBackupVault[];

  /** When AWS Backup restores. */
  readonly schedule: Recurrence;

  /**
   * Which recovery point is restored. Snapshots only: of a continuous recovery point AWS Backup doesn't say which moment
   * it restored; `RestoreDrill` tests those.
   *
   * @default TestedRecoveryPoints.newest({ within: Duration.days(30) })
   */
  readonly recoveryPoints?: TestedRecoveryPoints;

  /**
   * How long after its time a restore may start, 1 to 168 whole hours.
   *
   * @default Duration.hours(24)
   */
  readonly startWithin?: Duration;

  /**
   * Name of the restore testing plan: 1 to 50 letters, digits and underscores. Another name makes another plan.
   *
   * @default - made of the path
   */
  readonly testingPlanName?: string;

  /**
   * The role that AWS Backup restores under.
   *
   * @default - one of its own, with the policy that AWS keeps for it
   */
  readonly role?: iam.IRole;

  /**
   * Name of the plan, in evidence and metrics.
   *
   * @default - the plan's around it; else the path of the construct that this is in
   */
  readonly planName?: string;

  /**
   * Where restored instances lie, and who examines them.
   *
   * @default - the site of the plan around it; else one of its own
   */
  readonly site?: DrillSite;

  /**
   * Who is told when a test fails, misses an objective or is overdue.
   *
   * @default - whom the plan around it tells; else nobody, and the alarms only show
   */
  readonly notify?: sns.ITopic;
}

export interface TestedDatabaseOptions {
  /** Whose recovery points are tested: a PostgreSQL instance, of this app or imported. */
  readonly database: rds.IDatabaseInstance;

  /** What tests are held against. */
  readonly objectives: RecoveryObjectives;

  /**
   * What the restored instance must pass.
   *
   * @default - readable, foreignKeys, indexes and notEmptied: what is wrong with any database, whatever it holds
   */
  readonly checks?: RecoveryCheck[];

  /**
   * The database in the instance to connect to.
   *
   * @default - the instance's initial database, else `postgres`
   */
  readonly databaseName?: string;

  /**
   * Class of the restored instance. Left out, AWS Backup would choose one.
   *
   * @default - the source's; an imported database needs it stated
   */
  readonly instanceClass?: ec2.InstanceType;

  /**
   * Parameter group of the restored instance. Left out, RDS would take its default one.
   *
   * @default - the source's, else RDS's default one for the source's version; an imported database needs it stated
   */
  readonly parameterGroupName?: string;

  /**
   * How long AWS Backup leaves the restored instance standing for its checks, 1 to 168 whole hours.
   *
   * @default Duration.hours(8)
   */
  readonly validationWindow?: Duration;

  /**
   * After how long without a test that passed somebody is told.
   *
   * @default - the schedule's longest gap, the start window and one day
   */
  readonly overdueAfter?: Duration;

  /**
   * Name of what is tested, in evidence and metrics. Drills of the same database may share it, and its chain of evidence.
   *
   * @default - the id
   */
  readonly target?: string;
}

/** https://docs.aws.amazon.com/aws-backup/latest/devguide/restore-testing.html#restore-testing-quotas */
const MAX_PLANS = 100;
const MAX_SELECTIONS = 30;
const MAX_ARNS = 30;
const NEWEST = TestedRecoveryPoints.newest({ within: Duration.days(30) });
const NAME = /^[A-Za-z0-9_]{1,50}$/;
const NAME_LENGTH = 50;

/**
 * Has AWS Backup restore its recovery points on a schedule, checks each restored database as a drill does, answers AWS
 * Backup with the result, and leaves evidence.
 */
export class RestoreTesting extends Construct {
  public readonly plan: backup.CfnRestoreTestingPlan;
  /** Name of the plan, as evidence has it. */
  public readonly planName: string;
  /** Where restored instances lie. */
  public readonly site: DrillSite;

  private readonly role: iam.IRole;
  private readonly selections: string[] = [];

  constructor(
    scope: Construct,
    id: string,
    private readonly props: RestoreTestingProps,
  ) {
    super(scope, id);
    const { schedule, vaults, recoveryPoints = NEWEST } = props;
    const name = props.testingPlanName ?? this.nameOfPath();
    const startWithin = props.startWithin ?? Duration.hours(24);
    this.examine(name, startWithin);
    this.planName = props.planName ?? enclosingPlan(this)?.planName ?? pathName(scope);
    this.site = props.site ?? enclosingPlan(this)?.site ?? new DrillSite(this, 'Site', { notify: props.notify });
    this.role = props.role ?? new BackupRole(this, 'Role', ['restore']).role;
    const { expressionString, timeZone } = schedule.expression;
    this.plan = new backup.CfnRestoreTestingPlan(this, 'Plan', {
      restoreTestingPlanName: name,
      scheduleExpression: expressionString,
      scheduleExpressionTimezone: timeZone?.timezoneName,
      startWindowHours: startWithin.toHours(),
      recoveryPointSelection: {
        algorithm: recoveryPoints.algorithm,
        includeVaults: vaults.map((vault) => vault.backupVaultArn),
        recoveryPointTypes: ['SNAPSHOT'],
        selectionWindowDays: recoveryPoints.within.toDays(),
      },
    });
    this.node.addValidation({ validate: () => this.tooMany() });
  }

  /**
   * Tests the recovery points of a database.
   *
   * @throws Error when the id is taken, AWS Backup would refuse the test, or restore with defaults
   */
  public addDatabase(id: string, options: TestedDatabaseOptions): RestoreTest {
    const { schedule, notify, recoveryPoints = NEWEST } = this.props;
    const startWithin = this.props.startWithin ?? Duration.hours(24);
    const selectionName = this.select(id);
    this.node.addValidation({ validate: () => warnOfOldRecoveryPoints(this, id, options, recoveryPoints) });
    return new RestoreTest(this, id, {
      ...options,
      selectionName,
      overdueAfter: overdueOf(this, options.overdueAfter, schedule, startWithin.plus(Duration.days(1))),
      target: options.target ?? id,
      newest: recoveryPoints.newest,
      plan: this.plan,
      planName: this.planName,
      role: this.role,
      site: this.site,
      notify,
    });
  }

  /**
   * Tests that file systems or volumes can be restored: AWS Backup restores and deletes them. What is in them nobody
   * looks at, so this proves less than a database's test; a restore that fails rings the vault's alarm.
   *
   * @param targets of one kind, EFS or EBS, 30 at most
   * @throws Error when the id is taken, or AWS Backup would refuse the test
   */
  public addFileSystems(id: string, targets: BackupTarget[]): backup.CfnRestoreTestingSelection {
    const selectionName = this.select(id);
    const kinds = [...new Set(targets.map(({ kind }) => kind))];
    const problems: string[] = [];
    if (!NAME.test(selectionName)) {
      problems.push(
        `its name '${selectionName}' is longer than 50 characters, so AWS Backup would refuse it; shorten its id`,
      );
    }
    if (kinds.length !== 1 || (kinds[0] !== 'EFS' && kinds[0] !== 'EBS')) {
      problems.push(
        `its targets are of ${kinds.map((kind) => kind ?? 'unknown').join(' and ') || 'no'} kind, and a selection takes one, ` +
          'here EFS or EBS; divide them, and test databases with addDatabase()',
      );
    }
    if (targets.length > MAX_ARNS) {
      problems.push(
        `it names ${targets.length} resources, and AWS Backup takes ${MAX_ARNS} in one selection; divide them`,
      );
    }
    refuseAll(`restore test '${this.node.path}/${id}'`, problems);
    const selection = new backup.CfnRestoreTestingSelection(this, id, {
      restoreTestingPlanName: this.plan.restoreTestingPlanName,
      restoreTestingSelectionName: selectionName,
      iamRoleArn: this.role.roleArn,
      protectedResourceType: String(kinds[0]),
      protectedResourceArns: targets.map(({ arn }) => String(arn)),
      validationWindowHours: 1,
    });
    selection.addResourceDependency(this.plan);
    return selection;
  }

  private select(id: string): string {
    refuseTakenName('test', this, id, ['Plan', 'Role', 'Site']);
    const name = id.replace(/[^A-Za-z0-9_]/g, '_');
    this.selections.push(name);
    return name;
  }

  private nameOfPath(): string {
    const name = pathName(this).replace(/[^A-Za-z0-9_]/g, '_');
    return name.length <= NAME_LENGTH ? name : `${name.slice(0, NAME_LENGTH - 9)}_${this.node.addr.slice(-8)}`;
  }

  private examine(name: string, startWithin: Duration): void {
    const problems: string[] = [];
    if (!Token.isUnresolved(name) && !NAME.test(name)) {
      problems.push(
        `'${name}' is not of 1 to 50 letters, digits and underscores, so AWS Backup would refuse the plan; rename it`,
      );
    }
    if (this.props.vaults.length === 0) {
      problems.push('there is no vault to take recovery points from, so nothing would be tested; name one');
    }
    const hours = known(startWithin.toHours({ integral: false }));
    if (hours !== undefined && !(Number.isInteger(hours) && hours >= 1 && hours <= 168)) {
      problems.push(
        `a start window of ${startWithin.toHumanString()} is not of 1 to 168 whole hours (7 days), so AWS Backup would refuse it; ` +
          'choose one of these',
      );
    }
    refuseAll(`restore testing '${this.node.path}'`, problems);
  }

  private tooMany(): string[] {
    const problems: string[] = [];
    const { environment } = this.plan.stack;
    const plans = this.node.root.node
      .findAll()
      .filter((other) => other instanceof RestoreTesting && other.plan.stack.environment === environment);
    if (plans.length > MAX_PLANS) {
      problems.push(
        `there are ${plans.length} restore testing plans, and AWS Backup takes ${MAX_PLANS} in one region; test several ` +
          'databases in one',
      );
    }
    const { selections } = this;
    if (selections.length > MAX_SELECTIONS) {
      problems.push(
        `it has ${selections.length} tests, and AWS Backup takes ${MAX_SELECTIONS} selections in one plan; divide it`,
      );
    }
    if (selections.length === 0) problems.push('it tests nothing; add a database');
    for (const name of new Set(selections.filter((one, index) => selections.indexOf(one) !== index))) {
      problems.push(
        `several of its tests would be called '${name}' in AWS Backup; give them ids that differ in letters or digits`,
      );
    }
    return problems.map((problem) => `restore testing '${this.node.path}': ${problem}`);
  }
}
