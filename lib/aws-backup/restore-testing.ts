import { Duration } from 'aws-cdk-lib';
import * as backup from 'aws-cdk-lib/aws-backup';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { DrillSite } from '../drill/drill-site';
import { enclosingSite } from '../drill/enclosing-site';
import type { IDrillSite } from '../drill/shared-site';
import { overdueOf } from '../schedule/overdue';
import type { Recurrence } from '../schedule/recurrence';
import { enclosingPlan } from '../synth/enclosing-plan';
import { Mark } from '../synth/marks';
import { pathName, refuseTakenName } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';
import { BackupRole } from './backup-role';
import type { BackupTarget } from './backup-target';
import { RestoreTest, type TestedDatabaseOptions } from './restore-test';
import { fileSystemsProblems, NAME_LENGTH, testingProblems, warnOfOldRecoveryPoints } from './restore-test-limits';
import { TestedRecoveryPoints } from './tested-recovery-points';

export interface RestoreTestingProps {
  /** The vaults of the recovery points. */
  readonly vaults: backup.IBackupVault[];

  /** When AWS Backup restores. */
  readonly schedule: Recurrence;

  /**
   * Which recovery point is restored. Snapshots only: AWS Backup doesn't report which moment of a continuous recovery
   * point it restored. Use `RestoreDrill` for those.
   *
   * @default TestedRecoveryPoints.newest({ within: Duration.days(30) })
   */
  readonly recoveryPoints?: TestedRecoveryPoints;

  /**
   * How long after its scheduled time a restore may start, 1 to 168 whole hours.
   *
   * @default Duration.hours(24)
   */
  readonly startWithin?: Duration;

  /**
   * Name of the restore testing plan: 1 to 50 letters, digits and underscores. A changed name replaces the plan.
   *
   * @default - derived from the construct path
   */
  readonly testingPlanName?: string;

  /**
   * The role that AWS Backup restores with.
   *
   * @default - a role of its own, with an AWS managed policy
   */
  readonly role?: iam.IRole;

  /**
   * Name of the plan, in evidence and metrics.
   *
   * @default - the name of the enclosing plan; without one, the path of the parent construct
   */
  readonly planName?: string;

  /**
   * Where restored instances are placed and examined.
   *
   * @default - the site of the enclosing plan; without one, one of its own
   */
  readonly site?: IDrillSite;

  /**
   * Topic to notify when a test fails, misses an objective or is overdue.
   *
   * @default - the `notify` of the enclosing plan; without one, alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

/** https://docs.aws.amazon.com/aws-backup/latest/devguide/restore-testing.html#restore-testing-quotas */
const MAX_PLANS = 100;
const MAX_SELECTIONS = 30;
const NEWEST = TestedRecoveryPoints.newest({ within: Duration.days(30) });

const made = new Mark<RestoreTesting>('RestoreTesting');

const PROPS: PropsOf<RestoreTestingProps> = {
  vaults: true,
  schedule: true,
  recoveryPoints: true,
  startWithin: true,
  testingPlanName: true,
  role: true,
  planName: true,
  site: true,
  notify: true,
};

/**
 * Has AWS Backup restore its recovery points on a schedule, checks each restored database as a drill does, reports the
 * result to AWS Backup, and leaves evidence.
 */
export class RestoreTesting extends Construct {
  public readonly plan: backup.CfnRestoreTestingPlan;
  /** Name of the plan in evidence. */
  public readonly planName: string;
  /** Where restored instances lie. */
  public readonly site: IDrillSite;

  private readonly role: iam.IRole;
  private readonly selections: string[] = [];

  constructor(
    scope: Construct,
    id: string,
    private readonly props: RestoreTestingProps,
  ) {
    super(scope, id);
    checkProps(this, props, PROPS);
    made.put(this, this);
    const { schedule, vaults, recoveryPoints = NEWEST } = props;
    const name = props.testingPlanName ?? this.nameOfPath();
    const startWithin = props.startWithin ?? Duration.hours(24);
    refuseAll(`restore testing '${this.node.path}'`, testingProblems(name, vaults, startWithin));
    this.planName = props.planName ?? enclosingPlan(this)?.planName ?? pathName(scope);
    this.site = props.site ?? enclosingSite(this) ?? new DrillSite(this, 'Site', { notify: props.notify });
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
    this.node.addValidation({ validate: () => this.quotaProblems() });
  }

  /**
   * Tests the recovery points of a database.
   *
   * @throws Error when the id is taken, or AWS Backup would refuse the test or restore with defaults
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
   * Tests that file systems or volumes can be restored: AWS Backup restores and deletes them. Their content is not
   * checked, so this proves less than a database's test. `VaultAlarms` reports a restore that fails.
   *
   * @param targets of one kind, EFS or EBS, 30 at most
   * @throws Error when the id is taken, or AWS Backup would refuse the test
   */
  public addFileSystems(id: string, targets: BackupTarget[]): backup.CfnRestoreTestingSelection {
    const selectionName = this.select(id);
    refuseAll(`restore test '${this.node.path}/${id}'`, fileSystemsProblems(selectionName, targets));
    const selection = new backup.CfnRestoreTestingSelection(this, id, {
      restoreTestingPlanName: this.plan.restoreTestingPlanName,
      restoreTestingSelectionName: selectionName,
      iamRoleArn: this.role.roleArn,
      protectedResourceType: String(targets[0]?.kind),
      protectedResourceArns: targets.map(({ arn }) => String(arn)),
      validationWindowHours: 1,
    });
    selection.node.addDependency(this.plan);
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

  private quotaProblems(): string[] {
    const problems: string[] = [];
    const { environment } = this.plan.stack;
    const plans = made.inAppOf(this).filter(({ plan }) => plan.stack.environment === environment);
    if (plans.length > MAX_PLANS) {
      problems.push(
        `there are ${plans.length} restore testing plans, and AWS Backup allows ${MAX_PLANS} in one region; test several ` +
          'databases in one plan',
      );
    }
    const { selections } = this;
    if (selections.length > MAX_SELECTIONS) {
      problems.push(
        `it has ${selections.length} tests, and AWS Backup allows ${MAX_SELECTIONS} selections in one plan; divide them over several plans`,
      );
    }
    if (selections.length === 0) problems.push('it has no test; call addDatabase()');
    for (const name of new Set(selections.filter((one, index) => selections.indexOf(one) !== index))) {
      problems.push(
        `several of its tests would be named '${name}' in AWS Backup; use ids that differ in letters or digits`,
      );
    }
    return problems.map((problem) => `restore testing '${this.node.path}': ${problem}`);
  }
}
