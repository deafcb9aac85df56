import { ArnFormat, Duration, Stack, Token } from 'aws-cdk-lib';
import * as backup from 'aws-cdk-lib/aws-backup';
import { TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import * as events from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import {
  parse,
  RESTORE_TEST_PREFIX,
  RESTORE_TEST_TAG,
  type ValidationDefinition,
  type ValidationRequest,
  validationDefinition,
} from '../../lambda/contract';
import { addAlarm, brokenOffAlarms } from '../alarm/alarm';
import { ObjectiveAlarms } from '../alarm/objective-alarms';
import { RecoveryMetrics } from '../alarm/recovery-metrics';
import { SourceDatabase } from '../database/source-database';
import { warnOfAnotherClass } from '../drill/drill-limits';
import type { DrillSite } from '../drill/drill-site';
import { ShippedFunction } from '../function/shipped-function';
import { allow } from '../function/statements';
import { known } from '../synth/tokens';
import type { TestedDatabaseOptions } from './restore-testing';

export interface RestoreTestProps extends TestedDatabaseOptions {
  /** Name of the selection in AWS Backup. */
  readonly selectionName: string;
  /** Whether the newest recovery point is tested: its age is then what would have been lost. */
  readonly newest: boolean;
  /** The plan that it is part of. */
  readonly plan: backup.CfnRestoreTestingPlan;
  /** Name of the plan, in evidence and metrics. */
  readonly planName: string;
  /** What AWS Backup restores under. */
  readonly role: iam.IRole;
  /** Where restored instances lie. */
  readonly site: DrillSite;
  /** After how long without a test that passed somebody is told. */
  readonly overdueAfter: Duration;
  /**
   * Who is told.
   *
   * @default - whom the plan around it tells; else nobody, and the alarms only show
   */
  readonly notify?: sns.ITopic;
}

const MAX_WINDOW_HOURS = 168;

/**
 * The tests of one database's recovery points. Use `restoreTesting.addDatabase()`.
 *
 * Its validator, a durable function, may change only what has the name and the tag that AWS Backup gives to restore
 * tests, and can delete nothing.
 */
export class RestoreTest extends Construct {
  /** Name of the selection in AWS Backup. */
  public readonly selectionName: string;
  /** What is deployed with the validator. */
  public readonly definition: ValidationDefinition;
  /** What the tests measure. */
  public readonly metrics: RecoveryMetrics;

  constructor(scope: Construct, id: string, props: RestoreTestProps) {
    super(scope, id);
    const { site, plan, planName, objectives, notify } = props;
    const target = props.target ?? id;
    const window = props.validationWindow ?? Duration.hours(8);
    const source = new SourceDatabase(props.database);
    this.selectionName = props.selectionName;
    const { instanceClass, parameterGroup } = this.settled(source, props, window);
    warnOfAnotherClass(this, source.instanceClass, props.instanceClass);
    site.network.open(source.port);

    const selection = new backup.CfnRestoreTestingSelection(this, 'Selection', {
      restoreTestingPlanName: plan.restoreTestingPlanName,
      restoreTestingSelectionName: this.selectionName,
      iamRoleArn: props.role.roleArn,
      protectedResourceType: 'RDS',
      protectedResourceArns: [props.database.instanceArn],
      validationWindowHours: window.toHours(),
      // https://docs.aws.amazon.com/aws-backup/latest/devguide/restore-testing-inferred-metadata.html
      restoreMetadataOverrides: {
        dbSubnetGroupName: site.network.subnetGroup.subnetGroupName,
        vpcSecurityGroupIds: JSON.stringify([site.network.copies.securityGroupId]),
        dbParameterGroupName: parameterGroup,
        dbInstanceClass: instanceClass,
      },
    });
    selection.addResourceDependency(plan);

    this.definition = this.checked(source, {
      plan: planName,
      target,
      drill: id,
      testingPlan: plan.attrRestoreTestingPlanArn,
      source: { instance: source.identifier },
      newest: props.newest,
      windowSeconds: window.toSeconds(),
      database: props.databaseName,
      checks: (props.checks ?? []).map((check) => check.contract),
      objectives: { rpoSeconds: objectives.rpo.toSeconds(), rtoSeconds: objectives.rto.toSeconds() },
      examiner: site.examiner.functionArn,
      passwordKey: site.passwordKey.secretArn,
      evidenceBucket: site.evidence.bucketName,
      signingKey: site.signingKey.keyArn,
    });
    const validator = this.validator(site, target, window);
    const live = new lambda.Alias(this, 'Live', { aliasName: 'live', version: validator.function.currentVersion });
    live.node.addDependency(validator);
    const told: ValidationRequest = { restoreJob: events.EventField.fromPath('$.detail.restoreJobId') };
    new events.Rule(this, 'Restored', {
      description: `Lifeboat: validates what AWS Backup restored of ${target}`,
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

    this.metrics = new RecoveryMetrics(planName);
    new ObjectiveAlarms(this, 'Alarms', { planName, target, objectives, notify });
    site.watch.add({ plan: planName, target, drill: id });
    const { overdueAfter } = props;
    const overdue = addAlarm(this, 'Overdue', {
      metric: this.metrics.secondsSinceProven(target, id),
      threshold: overdueAfter.toSeconds(),
      description:
        `No restore test ${id} of ${target} has passed for ${overdueAfter.toHumanString()}, or nobody is watching: ` +
        'its recovery points are unproven',
      treatMissingData: TreatMissingData.BREACHING,
      notify,
    });
    // The first watch comes before the alarm can miss it.
    overdue.node.addDependency(site.watch);
    brokenOffAlarms(this, validator.function, {
      description:
        `The validator of restore test ${id} of ${target} broke off, so AWS Backup has no result from it and there may be ` +
        'no evidence: see its log',
      notify,
    });
  }

  private validator(site: DrillSite, target: string, window: Duration): ShippedFunction {
    const restored = Stack.of(this).formatArn({
      service: 'rds',
      resource: 'db',
      resourceName: `${RESTORE_TEST_PREFIX}*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    return new ShippedFunction(this, 'Validator', {
      entry: 'validate-restore',
      description: `Lifeboat: validates what AWS Backup restored of ${target}`,
      timeout: Duration.minutes(15),
      memorySize: 512,
      encryptionKey: site.encryptionKey,
      definition: this.definition,
      durableFor: window.plus(Duration.hours(6)),
      deadLetterQueue: site.deadLetterQueue,
      patterns:
        'AWS Backup names what it restores at run time, so it is allowed by the name and the tag that restore tests ' +
        'give; restore jobs have no ARN to name, and what only describes can not be narrowed; evidence is a document a ' +
        'run under one prefix.',
      statements: [
        allow(['backup:DescribeRestoreJob', 'backup:PutRestoreValidationResult'], ['*']),
        allow(['rds:DescribeDBInstances', 'rds:DescribeDBSnapshots', 'rds:ListTagsForResource'], ['*']),
        allow(['rds:ModifyDBInstance'], [restored], {
          Null: { [`aws:ResourceTag/${RESTORE_TEST_TAG}`]: 'false' },
          // A second line only: IAM's reference of RDS names this key for restores, and not for what is modified.
          BoolIfExists: { 'rds:PubliclyAccessible': 'false' },
        }),
        ...site.permissions(),
      ],
      evidence: site.evidencePermissions(this.definition),
    });
  }

  /** What AWS Backup would otherwise fill in with defaults that no drill should run on. */
  private settled(source: SourceDatabase, props: RestoreTestProps, window: Duration) {
    const { resource, engine } = source;
    const instanceClass = props.instanceClass ? `db.${props.instanceClass}` : source.instanceClass;
    const parameterGroup = props.parameterGroupName ?? resource?.dbParameterGroupName ?? defaultParameterGroup(source);
    const problems: string[] = [];
    if (engine !== undefined && engine !== 'postgres') {
      problems.push(`it runs ${engine}, and only PostgreSQL can be examined; test a PostgreSQL instance`);
    }
    if (!instanceClass)
      problems.push(`its class is unknown at synth, so AWS Backup would choose one; state 'instanceClass'`);
    if (!parameterGroup) {
      problems.push(
        `its parameter group is unknown at synth, so RDS would take its default one; state 'parameterGroupName'`,
      );
    }
    if (!/^[A-Za-z0-9_]{1,50}$/.test(this.selectionName)) {
      problems.push(
        `its name '${this.selectionName}' is longer than 50 characters, so AWS Backup would refuse it; give it a shorter id`,
      );
    }
    const hours = known(window.toHours({ integral: false }));
    if (hours !== undefined && !(Number.isInteger(hours) && hours >= 1 && hours <= MAX_WINDOW_HOURS)) {
      problems.push(
        `a validation window of ${window.toHumanString()} is not of 1 to ${MAX_WINDOW_HOURS} whole hours (7 days), so AWS Backup ` +
          'would refuse it; choose one of these',
      );
    }
    if (problems.length > 0) {
      throw new Error(`restore test '${this.node.path}' can't work on its database:\n  ${problems.join('\n  ')}`);
    }
    return { instanceClass: String(instanceClass), parameterGroup: String(parameterGroup) };
  }

  /** @throws Error that names all that the validator would refuse */
  private checked(source: SourceDatabase, definition: ValidationDefinition): ValidationDefinition {
    const instance = Token.isUnresolved(source.identifier) ? 'known-at-deployment' : source.identifier;
    parse(validationDefinition, { ...definition, source: { instance } }, `restore test '${this.node.path}'`);
    return definition;
  }
}

/** RDS names them after the engine's major version. */
function defaultParameterGroup({ resource }: SourceDatabase): string | undefined {
  const [major] = String(known(resource?.engineVersion) ?? '').split('.');
  return resource && major ? `default.postgres${major}` : undefined;
}
