import { ArnFormat, Duration, Stack } from 'aws-cdk-lib';
import * as backup from 'aws-cdk-lib/aws-backup';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as events from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import {
  RESTORE_TEST_PREFIX,
  RESTORE_TEST_TAG,
  type ValidationDefinition,
  type ValidationRequest,
  validationDefinition,
} from '../../lambda/contract';
import { addAlarm } from '../alarm/alarm';
import { ObjectiveAlarms } from '../alarm/objective-alarms';
import { objectiveProblems, type RecoveryObjectives } from '../alarm/objectives';
import { RecoveryMetrics, secondsSinceProven } from '../alarm/recovery-metrics';
import { SourceDatabase } from '../database/source-database';
import { warnOfAnotherClass } from '../drill/drill-limits';
import { type ProofOptions, proofOf } from '../drill/proof';
import type { IDrillSite } from '../drill/shared-site';
import { evidencePermissions, sharedPermissions } from '../drill/site-permissions';
import { ShippedFunction } from '../function/shipped-function';
import { allow } from '../function/statements';
import { refusal, refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';
import { parseAtSynth } from '../synth/tokens';
import { BackupTarget } from './backup-target';
import { defaultParameterGroup, testProblems } from './restore-test-limits';

export interface TestedDatabaseOptions extends ProofOptions {
  /** The database whose recovery points are tested: a PostgreSQL instance, of this app or imported. */
  readonly database: rds.IDatabaseInstance;

  /** The objectives that results are compared with. */
  readonly objectives: RecoveryObjectives;

  /**
   * Class of the restored instance.
   *
   * @default - the source's; required for an imported database, since AWS Backup would choose a class
   */
  readonly instanceType?: ec2.InstanceType;

  /**
   * Parameter group of the restored instance.
   *
   * @default - the source's, else RDS's default for the source's version; required for an imported database
   */
  readonly parameterGroupName?: string;

  /**
   * How long AWS Backup keeps the restored instance for its checks, 1 to 168 whole hours.
   *
   * @default Duration.hours(8)
   */
  readonly validationWindow?: Duration;

  /**
   * An alarm fires after this long without a test that passed.
   *
   * @default - the schedule's longest gap, the start window and one day
   */
  readonly overdueAfter?: Duration;

  /**
   * Name of the target, in evidence and metrics. Drills of the same database may use it too, and so share its chain of
   * evidence.
   *
   * @default - the id
   */
  readonly target?: string;
}

export interface RestoreTestProps extends TestedDatabaseOptions {
  /** Name of the selection in AWS Backup. */
  readonly selectionName: string;
  /** Whether the newest recovery point is tested. Its age is then the data that would have been lost. */
  readonly newest: boolean;
  /** The restore testing plan that it is part of. */
  readonly plan: backup.CfnRestoreTestingPlan;
  /** Name of the plan, in evidence and metrics. */
  readonly planName: string;
  /** The role that AWS Backup restores with. */
  readonly role: iam.IRole;
  /** Where restored instances lie. */
  readonly site: IDrillSite;
  /** After how long without a test that passed somebody is told. */
  readonly overdueAfter: Duration;
  /**
   * Topic to notify.
   *
   * @default - the `notify` of the enclosing plan; without one, alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

const PROPS: PropsOf<RestoreTestProps> = {
  selectionName: true,
  newest: true,
  plan: true,
  planName: true,
  role: true,
  site: true,
  overdueAfter: true,
  notify: true,
  database: true,
  objectives: true,
  instanceType: true,
  parameterGroupName: true,
  validationWindow: true,
  target: true,
  checks: true,
  databaseName: true,
  databases: true,
  allowEmpty: true,
};

/**
 * The tests of one database's recovery points. Use `restoreTesting.addDatabase()`.
 *
 * Its validator, a durable function, may modify only instances with the name prefix and the tag that AWS Backup gives
 * to restore tests, and can delete nothing.
 */
export class RestoreTest extends Construct {
  /** Name of the selection in AWS Backup. */
  public readonly selectionName: string;
  /** The definition that is deployed with the validator. */
  public readonly definition: ValidationDefinition;
  /** What the tests measure. */
  public readonly metrics: RecoveryMetrics;

  constructor(scope: Construct, id: string, props: RestoreTestProps) {
    super(scope, id);
    checkProps(this, props, PROPS);
    refuseAll(`restore test '${this.node.path}'`, objectiveProblems(props.objectives));
    const { site } = props;
    const target = props.target ?? id;
    const window = props.validationWindow ?? Duration.hours(8);
    const source = new SourceDatabase(props.database);
    this.selectionName = props.selectionName;
    const restored = this.restoredAs(source, props, window);
    warnOfAnotherClass(this, source.instanceClass, props.instanceType);
    site.network.open(source.port);
    this.select(props, restored, window);

    const what = `restore test '${this.node.path}'`;
    const definition = this.definitionOf(props, { target, test: id, source, window });
    this.definition = parseAtSynth(validationDefinition, definition, what);
    const validator = this.validator(site, target, window);
    this.startOn(validator, props.plan);

    this.metrics = new RecoveryMetrics(this.definition);
    this.addAlarms(props);
  }

  /** Seconds since it last passed. Published every hour; missing data means that the hourly watch stopped. */
  public metricSecondsSinceProven(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return secondsSinceProven(this.definition, options);
  }

  /** What AWS Backup would otherwise fill in with defaults that no drill should run on. */
  private restoredAs(source: SourceDatabase, props: RestoreTestProps, window: Duration): Restored {
    const { resource, engine } = source;
    const instanceClass = props.instanceType ? `db.${props.instanceType}` : source.instanceClass;
    const parameterGroup = props.parameterGroupName ?? resource?.dbParameterGroupName ?? defaultParameterGroup(source);
    const problems = testProblems(this.selectionName, { engine, instanceClass, parameterGroup, window });
    const what = `restore test '${this.node.path}'`;
    if (!instanceClass || !parameterGroup) throw refusal(what, problems);
    refuseAll(what, problems);
    return { instanceClass, parameterGroup };
  }

  private select(props: RestoreTestProps, { instanceClass, parameterGroup }: Restored, window: Duration): void {
    const { plan, site } = props;
    const selection = new backup.CfnRestoreTestingSelection(this, 'Selection', {
      restoreTestingPlanName: plan.restoreTestingPlanName,
      restoreTestingSelectionName: this.selectionName,
      iamRoleArn: props.role.roleArn,
      protectedResourceType: 'RDS',
      protectedResourceArns: [String(BackupTarget.database(props.database).arn)],
      validationWindowHours: window.toHours(),
      // https://docs.aws.amazon.com/aws-backup/latest/devguide/restore-testing-inferred-metadata.html
      restoreMetadataOverrides: {
        dbSubnetGroupName: site.network.subnetGroup.subnetGroupName,
        vpcSecurityGroupIds: JSON.stringify([site.network.copies.securityGroupId]),
        dbParameterGroupName: parameterGroup,
        dbInstanceClass: instanceClass,
      },
    });
    selection.node.addDependency(plan);
  }

  private definitionOf(props: RestoreTestProps, { target, test, source, window }: Settled): ValidationDefinition {
    const { site, objectives } = props;
    return {
      plan: props.planName,
      target,
      drill: test,
      testingPlan: props.plan.attrRestoreTestingPlanArn,
      source: { instance: source.identifier },
      newest: props.newest,
      windowSeconds: window.toSeconds(),
      ...proofOf(site, objectives, props),
    };
  }

  private validator(site: IDrillSite, target: string, window: Duration): ShippedFunction {
    const restored = Stack.of(this).formatArn({
      service: 'rds',
      resource: 'db',
      resourceName: `${RESTORE_TEST_PREFIX}*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    const shared = site.watch.sharedWith(this, sharedPermissions(site));
    const validator = new ShippedFunction(this, 'Validator', {
      entry: 'validate-restore',
      description: `Lifeboat: validates what AWS Backup restored of ${target}`,
      timeout: Duration.minutes(15),
      memorySize: 512,
      encryptionKey: site.encryptionKey,
      logGroup: site.log,
      basics: shared.basics,
      definition: this.definition,
      durableFor: window.plus(Duration.hours(6)),
      deadLetterQueue: site.deadLetterQueue,
      patterns:
        'AWS Backup names restored instances at run time, so they are allowed by the name prefix and the tag of restore ' +
        'tests; restore jobs have no ARN; describing actions can not be narrowed; each run writes a document of evidence ' +
        'under one prefix.',
      statements: [
        allow(['backup:DescribeRestoreJob', 'backup:PutRestoreValidationResult'], ['*']),
        allow(['rds:DescribeDBInstances', 'rds:DescribeDBSnapshots', 'rds:ListTagsForResource'], ['*']),
        allow(['rds:ModifyDBInstance'], [restored], {
          Null: { [`aws:ResourceTag/${RESTORE_TEST_TAG}`]: 'false' },
        }),
      ],
      evidence: evidencePermissions(site, this.definition),
    });
    const { plan, drill } = this.definition;
    site.watch.add(shared, validator.function, { plan, target, drill });
    return validator;
  }

  /** Each restore of the testing plan, of any database: the validator ignores those of other databases. */
  private startOn(validator: ShippedFunction, plan: backup.CfnRestoreTestingPlan): void {
    const live = new lambda.Alias(this, 'Live', { aliasName: 'live', version: validator.function.currentVersion });
    live.node.addDependency(validator);
    const told: ValidationRequest = { restoreJob: events.EventField.fromPath('$.detail.restoreJobId') };
    new events.Rule(this, 'Restored', {
      description: `Lifeboat: validates what AWS Backup restored of ${this.definition.target}`,
      eventPattern: {
        source: ['aws.backup'],
        detailType: ['Restore Job State Change'],
        detail: {
          status: ['COMPLETED', 'FAILED', 'ABORTED'],
          resourceType: ['RDS'],
          restoreTestingPlanArn: [plan.attrRestoreTestingPlanArn],
        },
      },
      targets: [new LambdaFunction(live, { event: events.RuleTargetInput.fromObject(told) })],
    });
  }

  private addAlarms({ objectives, overdueAfter, site, notify }: RestoreTestProps): void {
    const { plan: planName, target, drill } = this.definition;
    new ObjectiveAlarms(this, 'Alarms', { planName, target, objectives, notify });
    const overdue = addAlarm(this, 'Overdue', {
      metric: this.metricSecondsSinceProven(),
      threshold: overdueAfter.toSeconds(),
      description:
        `No restore test ${drill} of ${target} has passed for ${overdueAfter.toHumanString()}, or the hourly watch stopped: ` +
        'its recovery points are unproven',
      treatMissingData: cloudwatch.TreatMissingData.BREACHING,
      notify,
    });
    // The first run of the watch precedes the alarm, so that its metric is not missing.
    overdue.node.addDependency(site.watch);
  }
}

/** Settings of the restored instance. */
interface Restored {
  readonly instanceClass: string;
  readonly parameterGroup: string;
}

interface Settled {
  readonly target: string;
  readonly test: string;
  readonly source: SourceDatabase;
  readonly window: Duration;
}
