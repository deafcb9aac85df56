/**
 * Says every hour how old and how large a backup in a bucket is, and rings when it is too old, or of an unusual size:
 * alarms alone look back seven days.
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
  /** Where the backup says that it was made, and found so. */
  readonly prefix: string;
  /**
   * What is known of it then.
   *
   * @default 'good'
   */
  readonly state?: BackupState;
  /** From which age on somebody is told. */
  readonly overdueAfter: Duration;
  /** What an operator reads when it is too old: what is at stake, and where to look. */
  readonly overdue: string;
  /**
   * By how many percent its size may differ from the usual.
   *
   * @default - as much as it likes
   */
  readonly sizeTolerance?: number;
  readonly encryptionKey: kms.IKey;
  /**
   * Who is told.
   *
   * @default - the topic of the plan around it; else alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

const made = new Mark<BackupWatch>('BackupWatch');

/**
 * @throws Error when the tolerance would let a backup shrink to nothing, or ring for each; at synth when another backup says
 * in the same place that it is good
 */
export class BackupWatch extends Construct {
  /** Holds what could not be started: the watch, and the backup where Lambda makes it. */
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
      description: `Backup ${backup} or its watch could not be started, or failed: the messages in the queue say why`,
      notify,
    });

    const handler = new ShippedFunction(this, 'Handler', {
      entry: 'watch-backups',
      description: `Lifeboat: says how old backup ${backup} is`,
      timeout: Duration.minutes(5),
      memorySize: 256,
      encryptionKey,
      deadLetterQueue,
      patterns: 'It reads what a backup says of itself, under one prefix.',
      statements: [
        ...evidenceAccess(bucket, prefix, backupWatchedSinceKey(prefix)),
        allow(['s3:PutObject'], [bucket.arnForObjects(backupSizesKey(prefix))]),
      ],
    });
    const request: BackupWatchRequest = { bucket: bucket.bucketName, backups: [{ backup, prefix, state: this.state }] };
    const hourly = new ScheduleTrigger(this, 'Hourly', {
      target: handler.function,
      schedule: ScheduleExpression.rate(Duration.hours(1)),
      description: `Lifeboat: says how old backup ${backup} is`,
      request,
      deadLetterQueue,
    });
    hourly.node.addDependency(handler);
    const alarm = addAlarm(this, 'Overdue', {
      metric: this.metricAge(),
      threshold: overdueAfter.toSeconds(),
      description: `${props.overdue} (older than ${overdueAfter.toHumanString()}, or nobody is watching)`,
      treatMissingData: cloudwatch.TreatMissingData.BREACHING,
      notify,
    });
    // The first watch comes before the alarm can miss it.
    alarm.node.addDependency(hourly);
  }

  /** Seconds since the backup was last made and found so. Published every hour; silence means that nobody watches. */
  public metricAge(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRICS.secondsSinceBackup, options);
  }

  /** Bytes of the newest backup that was found so. */
  public metricSize(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRICS.backupBytes, options);
  }

  /** Percent by which it is larger or smaller than usual. Silent until there are two. */
  public metricSizeChange(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRICS.backupSizeChange, options);
  }

  /** One that fails would be taken for good as long as the other is. The second in the app tells. */
  private sharesItsPlace(): string[] {
    const { bucket, prefix } = this.props;
    const same = ({ props }: BackupWatch) => props.prefix === prefix && props.bucket.bucketName === bucket.bucketName;
    const first = made.inAppOf(this).find(same);
    if (!first || first === this) return [];
    const path = (watch: BackupWatch) => `'${watch.node.scope?.node.path}'`;
    return [
      `${path(this)} and ${path(first)} both keep backups under '${prefix}' of one bucket, so one that fails would be taken for ` +
        'the other, which is good; give one of them another name, prefix or bucket',
    ];
  }

  private ringOnUnusualSize(tolerance: number, notify?: sns.ITopic): void {
    if (!Token.isUnresolved(tolerance) && !(tolerance > 0 && tolerance < 100)) {
      throw new Error(
        `backup '${this.node.scope?.node.path}': with a size tolerance of ${tolerance} %, ` +
          (tolerance < 100 ? 'every backup would ring' : 'one that has lost all would be taken for good') +
          '; give it percent above 0 and below 100',
      );
    }
    addAlarm(this, 'UnusualSize', {
      metric: this.metricSizeChange(),
      threshold: tolerance,
      description:
        `The newest ${this.state} backup ${this.backup} is more than ${tolerance} % larger or smaller than usual, so part of what it ` +
        'held may be gone, or there twice: compare it with the one before. Once four are of that size, that is usual',
      // That nobody is watching is told by its age.
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
