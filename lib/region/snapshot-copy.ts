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

/** What each copying decides for itself. */
export interface SnapshotCopyOptions {
  /**
   * How long copies are kept: 1 day or more, counted back from when the newest good copy's snapshot was taken, so that
   * nothing is deleted once nothing newer comes. Where it becomes shorter, the next round after the deployment deletes what is
   * older then, unless the database is on hold. A copy with a tag `lifeboat:bad` counts as no good one, and nothing is
   * deleted while the database is on hold (`lifeboat hold`).
   */
  readonly retention: Duration;

  /**
   * How old the newest copied snapshot may be when the next one is due: 24 hours or more, as RDS takes an automated
   * snapshot a day. The alarm adds the backup window and the time that a copy takes.
   *
   * @default Duration.days(1)
   */
  readonly rpo?: Duration;

  /**
   * How long a copy may take until it is available. RDS gives no promise; the first one into a region is a whole one.
   *
   * @default Duration.hours(4)
   */
  readonly copyTime?: Duration;

  /**
   * Option group of the copies, of the same engine, in the recovery region. Databases with TDE need one.
   *
   * @default - the engine's default one
   */
  readonly optionGroupName?: string;

  /**
   * Accounts of 12 digits that may copy the copies on, with a `SnapshotCopy` of `SnapshotSource.shared()`. The key of the
   * copies must let them: give them to `RecoverySite` as readers. Who is taken off this list keeps what was shared, until it
   * is pruned.
   *
   * @default - none
   */
  readonly shareWith?: string[];
}

export interface SnapshotCopyProps extends SnapshotCopyOptions {
  /** What is copied. */
  readonly source: SnapshotSource;

  /** Where to. */
  readonly destination: RecoveryRegion;

  /**
   * When the daily backup is taken: its length is how much later than a day the next one may come.
   *
   * @default - the window that a database of this app names; else 30 minutes, as RDS picks
   */
  readonly window?: BackupWindow;

  /**
   * The key that encrypts the database. Its policy must let IAM policies of the account decide, as keys made by CDK do.
   *
   * @default - the key that an instance of this app names; else the account's own key for RDS
   */
  readonly storageKey?: kms.IKey;

  /**
   * Name of the plan, in metrics, and with the target's and the copying's id in a tag of each copy: what copies are
   * pruned by. Another name leaves the copies there are to you. Letters, digits, spaces or any of `_.:=+-@`.
   *
   * @default - the plan's around it; else the path of the construct that the copying is in
   */
  readonly planName?: string;

  /**
   * Name of what is copied, in metrics and tags, as the plan's.
   *
   * @default - the copying's id
   */
  readonly target?: string;

  /**
   * Encrypts the handler's log. A key of another app must let CloudWatch Logs use it.
   *
   * @default - the key of the plan around it; else one of its own, rotated yearly, retained
   */
  readonly logEncryptionKey?: kms.IKey;

  /**
   * Who is told when copies are missing or too old.
   *
   * @default - the topic of the plan around it; else alarms have no action, and synth warns
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
 * A round starts with each snapshot's event, and every hour besides: events are delivered by best effort. It copies what
 * is missing, 20 at a time, prunes its own that are over age, and says how old the newest is. The key there is the one
 * of `RecoverySite`, unless the region names another.
 *
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_CopySnapshot.html
 */
export class SnapshotCopy extends Construct {
  /** What is deployed with the handler. Whoever starts a round can change none of it. */
  public readonly definition: SnapshotCopyDefinition;
  /** Starts a round when it is invoked, asynchronously, with `{}`. */
  public readonly function: lambda.IAlias;
  /** Rings when there is no good copy, or none young enough. */
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
        'Snapshots are named after the minute, and copies after them; option groups are only referred to; lists of ' +
        'snapshots can not be narrowed; a key is told by its alias where its ARN is not known.',
      statements: snapshotCopyPermissions(this, source, destination, this.definition, storageKeyArn),
    });
  }

  /** By event where there is one, and every hour. */
  private start(handler: ShippedFunction, deadLetterQueue: sqs.Queue, target: string): void {
    const { source } = this.definition;
    if (source.kind === 'automated') {
      const rule = new events.Rule(this, 'Taken', {
        description: `Lifeboat: an automated snapshot of ${target} is there`,
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
      description: `Lifeboat: copies snapshots of ${target} that no event told of`,
      request: {},
      deadLetterQueue,
    });
    hourly.node.addDependency(handler);
  }

  /** Lets somebody start a round at any time, and nothing else. @throws Error when the grantee is of another region */
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
        `${props.destination} has no good copy of ${target}'s snapshots that is younger than ${allowed.toHumanString()}, or ` +
        `nobody is copying: the log of ${copy}'s handler says why`,
      treatMissingData: TreatMissingData.BREACHING,
      notify: props.notify,
    });
  }

  private alarmOnFailures(props: SnapshotCopyProps, handler: ShippedFunction, deadLetterQueue: sqs.Queue): void {
    const { destination, notify } = props;
    const { target } = this.definition;
    brokenOffAlarms(this, handler.function, {
      description: `A snapshot of ${target} could not be copied to ${destination}, and is tried again: see the handler's log`,
      notify,
    });
    deadLetterAlarm(this, 'NotStartedAlarm', {
      queue: deadLetterQueue,
      description: `Copying snapshots of ${target} could not be started: the messages in the queue say why`,
      notify,
    });
  }
}
