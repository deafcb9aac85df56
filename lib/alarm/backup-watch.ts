/**
 * Publishes every hour the age and size of a backup in a bucket, with alarms on them, since CloudWatch alarms look back
 * at most seven days.
 */

import { Duration, Token } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import {
  type BackupState,
  type BackupWatchRequest,
  backupSizesKey,
  backupWatchedSinceKey,
  METRICS,
} from '../../lambda/contract';
import { ScheduleTrigger } from '../function/schedule-trigger';
import { ShippedFunction } from '../function/shipped-function';
import { allow, evidenceAccess } from '../function/statements';
import { Mark } from '../synth/marks';
import { addAlarm } from './alarm';
import { deadLetterAlarm, deadLetters } from './dead-letters';

export interface BackupWatchProps {
  /** Name of the backup, in metrics. */
  readonly backup: string;
  readonly bucket: s3.IBucket;
  /** Prefix of the backup's success markers. */
  readonly prefix: string;
  /**
   * What a success marker proves.
   *
   * @default 'good'
   */
  readonly state?: BackupState;
  /** An alarm fires when the newest backup is older than this. */
  readonly overdueAfter: Duration;
  /** What an operator reads when it is too old: the consequence, and where to look. Without a period at the end. */
  readonly overdue: string;
  /**
   * By how many percent its size may differ from usual.
   *
   * @default - no alarm on the size
   */
  readonly sizeTolerance?: number;
  readonly encryptionKey: kms.IKey;
  /**
   * Topic to notify.
   *
   * @default - the `notify` of the enclosing plan; without one, alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

const made = new Mark<BackupWatch>('BackupWatch');

/**
 * @throws Error when the tolerance would let a backup shrink to nothing, or its alarm would always fire; at synth when
 * another backup has the same success marker
 */
export class BackupWatch extends Construct {
  /** Holds what could not be started: the watch, and the backup if a Lambda function makes it. */
  public readonly deadLetterQueue: sqs.IQueue;

  private readonly backup: string;
  private readonly state: BackupState;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: BackupWatchProps,
  ) {
    super(scope, id);
    made.put(this, this);
    this.node.addValidation({ validate: () => this.sharesItsPlace() });
    const { backup, bucket, prefix, encryptionKey, overdueAfter, sizeTolerance, notify } = props;
    this.backup = backup;
    this.state = props.state ?? 'good';
    if (sizeTolerance !== undefined) this.ringOnUnusualSize(sizeTolerance, notify);
    const deadLetterQueue = deadLetters(this, 'NotStarted');
    this.deadLetterQueue = deadLetterQueue;
    deadLetterAlarm(this, 'NotStartedAlarm', {
      queue: deadLetterQueue,
      description: `Backup ${backup} or its watch could not be started, or failed. The messages in the queue say why.`,
      notify,
    });

    const handler = new ShippedFunction(this, 'Handler', {
      entry: 'watch-backups',
      description: `Lifeboat: publishes the age of backup ${backup}`,
      timeout: Duration.minutes(5),
      memorySize: 256,
      encryptionKey,
      deadLetterQueue,
      patterns: 'It reads success markers under one prefix.',
      statements: [
        ...evidenceAccess(bucket, prefix, backupWatchedSinceKey(prefix)),
        allow(['s3:PutObject'], [bucket.arnForObjects(backupSizesKey(prefix))]),
      ],
    });
    const request: BackupWatchRequest = { bucket: bucket.bucketName, backups: [{ backup, prefix, state: this.state }] };
    const hourly = new ScheduleTrigger(this, 'Hourly', {
      target: handler.function,
      schedule: ScheduleExpression.rate(Duration.hours(1)),
      description: `Lifeboat: publishes the age of backup ${backup}`,
      request,
      deadLetterQueue,
    });
    hourly.node.addDependency(handler);
    const alarm = addAlarm(this, 'Overdue', {
      metric: this.metricAge(),
      threshold: overdueAfter.toSeconds(),
      description: `${props.overdue} (older than ${overdueAfter.toHumanString()}, or the hourly watch stopped).`,
      treatMissingData: cloudwatch.TreatMissingData.BREACHING,
      notify,
    });
    // The first run of the watch precedes the alarm, so that its metric is not missing.
    alarm.node.addDependency(hourly);
  }

  /** Seconds since the last success marker. Published every hour; missing when the watch stopped. */
  public metricAge(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRICS.secondsSinceBackup, options);
  }

  /** Bytes of the newest backup with a success marker. */
  public metricSize(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRICS.backupBytes, options);
  }

  /** Percent by which its size differs from usual. Not published until there are two backups. */
  public metricSizeChange(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRICS.backupSizeChange, options);
  }

  /** With a shared success marker, a failed backup would be taken for the other. The second in the app reports it. */
  private sharesItsPlace(): string[] {
    const { bucket, prefix } = this.props;
    const same = ({ props }: BackupWatch) => props.prefix === prefix && props.bucket.bucketName === bucket.bucketName;
    const first = made.inAppOf(this).find(same);
    if (!first || first === this) return [];
    const path = (watch: BackupWatch) => `'${watch.node.scope?.node.path}'`;
    return [
      `${path(this)} and ${path(first)} both write success markers under '${prefix}' of one bucket, so the success of one would hide a ` +
        'failure of the other; give one of them another name, prefix or bucket',
    ];
  }

  private ringOnUnusualSize(tolerance: number, notify?: sns.ITopic): void {
    if (!Token.isUnresolved(tolerance) && !(tolerance > 0 && tolerance < 100)) {
      throw new Error(
        `backup '${this.node.scope?.node.path}': 'sizeTolerance' is ${tolerance} %, so ` +
          (tolerance < 100 ? 'the alarm would fire for every backup' : 'an empty backup would not fire the alarm') +
          '; set percent above 0 and below 100',
      );
    }
    addAlarm(this, 'UnusualSize', {
      metric: this.metricSizeChange(),
      threshold: tolerance,
      description:
        `The newest ${this.state} backup ${this.backup} is more than ${tolerance} % larger or smaller than usual, so part of its data ` +
        'may be missing or duplicated. Compare it with the backup before. The alarm clears once four backups have the new size.',
      // The alarm on the age shows that the watch stopped.
      treatMissingData: cloudwatch.TreatMissingData.IGNORE,
      notify,
    });
  }

  private metric(metricName: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace: METRICS.namespace,
      metricName,
      dimensionsMap: { [METRICS.dimensions.backup]: this.backup },
      statistic: cloudwatch.Stats.MAXIMUM,
      period: Duration.hours(6),
      ...options,
    });
  }
}
