import { Duration } from 'aws-cdk-lib';
import { type Alarm, Metric, type MetricOptions, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import * as events from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { METRICS, type SnapshotCopyDefinition, snapshotCopyDefinition } from '../../lambda/contract';
import { addAlarm, brokenOffAlarms } from '../alarm/alarm';
import { deadLetterAlarm, deadLetters } from '../alarm/dead-letters';
import { holdAlarm } from '../alarm/hold-alarm';
import { grantStart } from '../function/grant-start';
import { logKey } from '../function/log-key';
import { ScheduleTrigger } from '../function/schedule-trigger';
import { ShippedFunction } from '../function/shipped-function';
import type { BackupWindow } from '../schedule/backup-window';
import { enclosingPlan } from '../synth/enclosing-plan';
import { pathName } from '../synth/names';
import { checkProps, type PropsOf } from '../synth/props';
import { parseAtSynth } from '../synth/tokens';
import type { RecoveryRegion } from './recovery-region';
import { allowedAge, refuseUncopyable } from './snapshot-copy-limits';
import { snapshotCopyPermissions } from './snapshot-copy-permissions';
import type { SnapshotSource } from './snapshot-source';

/** Options of each `SnapshotCopy`. */
export interface SnapshotCopyOptions {
  /**
   * How long copies are kept: 1 day or more. Counted back from the snapshot of the newest good copy, so nothing is
   * deleted when copies stop. When you shorten it, the next round after the deployment deletes older copies. A copy
   * with the tag `lifeboat:bad` is not good. Nothing is deleted while the database is on hold (`lifeboat hold`).
   */
  readonly retention: Duration;

  /**
   * How old the newest copied snapshot may be when the next one is due: 24 hours or more, since RDS takes one automated
   * snapshot a day. The alarm adds the backup window and `copyTime`.
   *
   * @default Duration.days(1)
   */
  readonly rpo?: Duration;

  /**
   * How long a copy may take until it is available. RDS does not guarantee a time; the first copy into a region is a
   * full one.
   *
   * @default Duration.hours(4)
   */
  readonly copyTime?: Duration;

  /**
   * Option group of the copies in the recovery region, of the same engine. Databases with TDE need one.
   *
   * @default - the engine's default
   */
  readonly optionGroupName?: string;

  /**
   * 12-digit IDs of accounts that may copy the copies again, with a `SnapshotCopy` of `SnapshotSource.shared()`. The
   * key of the copies must allow them: state them as `readers` of `RecoverySite`. An account removed from this list
   * keeps access to copies already shared, until they are pruned.
   *
   * @default - none
   */
  readonly shareWith?: string[];
}

export interface SnapshotCopyProps extends SnapshotCopyOptions {
  /** The snapshots to copy. */
  readonly source: SnapshotSource;

  /** The region that copies go to. */
  readonly destination: RecoveryRegion;

  /**
   * When the daily backup is taken. The next one may be later than a day by the length of the window.
   *
   * @default - the window of a database of this app; without one, 30 minutes, as RDS picks
   */
  readonly window?: BackupWindow;

  /**
   * The key that encrypts the database. Its key policy must delegate to IAM, as policies of CDK's keys do.
   *
   * @default - the key of an instance of this app; without one, the AWS managed key for RDS
   */
  readonly storageKey?: kms.IKey;

  /**
   * Name of the plan, in metrics, and with the target and this construct's id in a tag of each copy, by which copies
   * are pruned. After a change of the name, earlier copies are no longer pruned. Letters, digits, spaces or any of
   * `_.:=+-@`.
   *
   * @default - the name of the enclosing plan; without one, the path of the parent construct
   */
  readonly planName?: string;

  /**
   * Name of the database, in metrics and tags.
   *
   * @default - this construct's id
   */
  readonly target?: string;

  /**
   * Encrypts the handler's log. The policy of a key of another app must allow CloudWatch Logs.
   *
   * @default - the key of the enclosing plan; without one, a key of its own, rotated yearly, retained
   */
  readonly logEncryptionKey?: kms.IKey;

  /**
   * Topic to notify when copies are missing or too old.
   *
   * @default - the `notify` of the enclosing plan; without one, alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

const PROPS: PropsOf<SnapshotCopyProps> = {
  source: true,
  destination: true,
  window: true,
  storageKey: true,
  planName: true,
  target: true,
  logEncryptionKey: true,
  notify: true,
  retention: true,
  rpo: true,
  copyTime: true,
  optionGroupName: true,
  shareWith: true,
};

/**
 * Copies a database's automated snapshots into another region, where they outlive the database, its region, and its
 * retention.
 *
 * A round starts with each snapshot's event, and also every hour, since delivery of events is best effort. It copies
 * missing snapshots, 20 at a time, prunes its own copies after `retention`, and publishes the age of the newest. Copies
 * are encrypted with the key of `RecoverySite`, unless the region states another.
 *
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_CopySnapshot.html
 */
export class SnapshotCopy extends Construct {
  /** The definition that is deployed with the handler. Anyone who starts a round can't change it. */
  public readonly definition: SnapshotCopyDefinition;
  /** Starts a round when it is invoked, asynchronously, with `{}`. */
  public readonly function: lambda.IAlias;
  /** Fires when there is no good copy, or the newest is too old. */
  public readonly alarm: Alarm;

  constructor(scope: Construct, id: string, props: SnapshotCopyProps) {
    super(scope, id);
    checkProps(this, props, PROPS);
    refuseUncopyable(this, props);
    const encryptionKey = logKey(this, props.logEncryptionKey);
    const plan = props.planName ?? enclosingPlan(this)?.planName ?? pathName(scope);
    this.definition = parseAtSynth(
      snapshotCopyDefinition,
      this.definitionOf(props, plan, id),
      `snapshot copy '${this.node.path}'`,
    );

    const deadLetterQueue = deadLetters(this, 'NotStarted');
    const handler = this.copying(props, encryptionKey, deadLetterQueue);
    this.function = new lambda.Alias(this, 'Live', { aliasName: 'live', version: handler.function.currentVersion });
    this.start(handler, deadLetterQueue, this.definition.target);

    this.alarm = this.overdueAlarm(props);
    const { dimensions: name } = METRICS;
    holdAlarm(this, 'OnHold', {
      what: `database ${this.definition.target} in ${props.destination}`,
      dimensions: { [name.plan]: plan, [name.target]: this.definition.target, [name.copy]: id },
      notify: props.notify,
    });
    this.alarmOnFailures(props, handler, deadLetterQueue);
  }

  private definitionOf(props: SnapshotCopyProps, plan: string, copy: string): SnapshotCopyDefinition {
    const { source, destination, retention, shareWith = [] } = props;
    return {
      plan,
      target: props.target ?? copy,
      copy,
      source: source.request(this),
      destination: {
        region: destination.name,
        key: destination.keyArnFor(this),
        optionGroup: props.optionGroupName,
      },
      keepSeconds: retention.toSeconds(),
      shareWith,
    };
  }

  private copying(props: SnapshotCopyProps, encryptionKey: kms.IKey, deadLetterQueue: sqs.Queue): ShippedFunction {
    const { source, destination } = props;
    const storageKeyArn = props.storageKey?.keyArn ?? source.sourceDatabase?.storageKeyArn;
    return new ShippedFunction(this, 'Handler', {
      entry: 'copy-snapshots',
      description: `Lifeboat: copies snapshots of ${this.definition.target} to ${destination}`,
      timeout: Duration.minutes(15),
      memorySize: 256,
      encryptionKey,
      // The longest wait for copies is a day.
      durableFor: Duration.hours(30),
      definition: this.definition,
      deadLetterQueue,
      patterns:
        'Snapshots are named after the minute, and copies after them; option groups are only referred to; listing of ' +
        'snapshots can not be narrowed; a key is allowed by its alias if its ARN is unknown.',
      statements: snapshotCopyPermissions(this, source, destination, this.definition, storageKeyArn),
    });
  }

  /** By event for automated snapshots, and every hour. */
  private start(handler: ShippedFunction, deadLetterQueue: sqs.Queue, target: string): void {
    const { source } = this.definition;
    if (source.kind === 'automated') {
      const rule = new events.Rule(this, 'Taken', {
        description: `Lifeboat: an automated snapshot of ${target} was taken`,
        eventPattern: {
          source: ['aws.rds'],
          detailType: ['RDS DB Snapshot Event'],
          detail: { EventID: ['RDS-EVENT-0091'], SourceIdentifier: [{ prefix: `rds:${source.instance}-20` }] },
        },
      });
      rule.addTarget(
        new LambdaFunction(this.function, {
          event: events.RuleTargetInput.fromObject({}),
          deadLetterQueue,
          retryAttempts: 2,
          maxEventAge: Duration.hours(1),
        }),
      );
      rule.node.addDependency(handler);
    }
    const hourly = new ScheduleTrigger(this, 'Hourly', {
      target: this.function,
      schedule: ScheduleExpression.rate(Duration.hours(1)),
      description: `Lifeboat: copies snapshots of ${target} without an event`,
      request: {},
      deadLetterQueue,
    });
    hourly.node.addDependency(handler);
  }

  /** Lets a grantee start a round at any time, and nothing else. @throws Error when the grantee is of another region */
  public grantStart(grantee: iam.IGrantable): iam.Grant {
    return grantStart('snapshot copy', this, this.function, grantee);
  }

  /** Seconds since the newest good copy's snapshot was taken. Published every hour; silence means that there is none. */
  public metricAge(options?: MetricOptions): Metric {
    const { plan, target, copy } = this.definition;
    const { dimensions: of } = METRICS;
    return new Metric({
      namespace: METRICS.namespace,
      metricName: METRICS.snapshotCopyAge,
      dimensionsMap: { [of.plan]: plan, [of.target]: target, [of.copy]: copy },
      statistic: Stats.MAXIMUM,
      period: Duration.hours(3),
      ...options,
    });
  }

  private overdueAlarm(props: SnapshotCopyProps): Alarm {
    const { target, copy } = this.definition;
    const allowed = allowedAge(props);
    return addAlarm(this, 'Overdue', {
      metric: this.metricAge(),
      threshold: allowed.toSeconds(),
      description:
        `${props.destination} has no good copy of a snapshot of ${target} from the last ${allowed.toHumanString()}, or ` +
        `copying stopped. The log of ${copy}'s handler says why.`,
      treatMissingData: TreatMissingData.BREACHING,
      notify: props.notify,
    });
  }

  private alarmOnFailures(props: SnapshotCopyProps, handler: ShippedFunction, deadLetterQueue: sqs.Queue): void {
    const { destination, notify } = props;
    const { target } = this.definition;
    brokenOffAlarms(this, handler.function, {
      description: `A snapshot of ${target} could not be copied to ${destination}. The next round retries it. See the handler's log.`,
      notify,
    });
    deadLetterAlarm(this, 'NotStartedAlarm', {
      queue: deadLetterQueue,
      description: `Copying snapshots of ${target} could not be started. The messages in the queue say why.`,
      notify,
    });
  }
}
