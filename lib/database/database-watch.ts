/** Publishes every hour the ages and the retention of a database's own backups, with alarms on them. */

import { ArnFormat, Duration, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as rds from 'aws-cdk-lib/aws-rds';
import { ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { type DatabaseWatchRequest, METRICS, RDS_LIMITS } from '../../lambda/contract';
import { type AlarmProps, addAlarm } from '../alarm/alarm';
import { deadLetterAlarm, deadLetters } from '../alarm/dead-letters';
import { holdAlarm } from '../alarm/hold-alarm';
import { logKey } from '../function/log-key';
import { ScheduleTrigger } from '../function/schedule-trigger';
import { ShippedFunction } from '../function/shipped-function';
import { allow, readHold } from '../function/statements';
import { refuseOtherUnits } from '../synth/durations';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';
import { SourceDatabase } from './source-database';

export interface DatabaseWatchProps {
  /** An RDS instance of any engine with automated backups, of this app or imported. */
  readonly database: rds.IDatabaseInstance;

  /**
   * An alarm fires when the latest restorable time is longer ago than this: more than 5 minutes, since RDS uploads logs
   * that often. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIT.html
   *
   * @default Duration.minutes(15)
   */
  readonly recoveryPointAge?: Duration;

  /**
   * An alarm fires when the newest automated snapshot is older than this: more than a day.
   *
   * @default - 26 hours: a day, a backup window of an hour, and an hour
   */
  readonly snapshotAge?: Duration;

  /**
   * An alarm fires when the retention of automated backups is shorter than this: 1 to 35 whole days.
   *
   * @default - the database's retention in this app; if unknown, 1 day, so that the alarm fires when backups are
   * switched off
   */
  readonly alarmBelowRetention?: Duration;

  /**
   * Encrypts the log. Its key policy must delegate to IAM, as policies of CDK's keys do.
   *
   * @default - the key of the enclosing plan; without one, a key of its own, rotated yearly, retained
   */
  readonly logEncryptionKey?: kms.IKey;

  /**
   * Topic to notify.
   *
   * @default - the `notify` of the enclosing plan; without one, alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

const LOGS_SHIP = Duration.minutes(5);

const PROPS: PropsOf<DatabaseWatchProps> = {
  database: true,
  recoveryPointAge: true,
  snapshotAge: true,
  alarmBelowRetention: true,
  logEncryptionKey: true,
  notify: true,
};

/**
 * Watches a database's own backups, since RDS does not report a missed nightly backup. It only describes the database
 * and its snapshots, and can't change anything.
 *
 * @throws Error that lists all thresholds at which alarms would fire each day, or never
 */
export class DatabaseWatch extends Construct {
  private readonly identifier: string;

  constructor(scope: Construct, id: string, props: DatabaseWatchProps) {
    super(scope, id);
    checkProps(this, props, PROPS);
    const { recoveryPointAge, snapshotAge, alarmBelowRetention } = props;
    const what = `database watch '${this.node.path}'`;
    refuseOtherUnits(what, {}, { recoveryPointAge, snapshotAge, alarmBelowRetention });
    refuseAll(what, problemsOf(props));
    const source = new SourceDatabase(props.database);
    this.identifier = source.identifier;
    const name = source.name ?? props.database.node.path;
    const hourly = this.startHourly(name, props);
    this.addAlarms(name, source.retentionDays, props, hourly);
  }

  /** Seconds of data that would be lost if the database failed now. Missing when nothing can be restored. */
  public metricRecoveryPointAge(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRICS.recoveryPointAge, cloudwatch.Stats.MAXIMUM, options);
  }

  /** Age in seconds of the newest automated snapshot. Missing when there is none. */
  public metricSnapshotAge(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRICS.snapshotAge, cloudwatch.Stats.MAXIMUM, options);
  }

  /** Days that automated backups are kept; 0 when they are switched off. */
  public metricRetention(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRICS.backupRetention, cloudwatch.Stats.MINIMUM, options);
  }

  private startHourly(name: string, { logEncryptionKey, notify }: DatabaseWatchProps): ScheduleTrigger {
    const instanceArn = Stack.of(this).formatArn({
      service: 'rds',
      resource: 'db',
      resourceName: this.identifier,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    const deadLetterQueue = deadLetters(this, 'NotStarted');
    deadLetterAlarm(this, 'NotStartedAlarm', {
      queue: deadLetterQueue,
      description: `The watch on backups of database ${name} could not be started, or failed. The messages in the queue say why.`,
      notify,
    });
    const handler = new ShippedFunction(this, 'Handler', {
      entry: 'watch-database',
      description: `Lifeboat: publishes the age of backups of database ${name}`,
      timeout: Duration.minutes(5),
      memorySize: 256,
      encryptionKey: logKey(this, logEncryptionKey),
      deadLetterQueue,
      patterns: "Permission to list RDS's snapshots can't be narrowed.",
      statements: [
        allow(['rds:DescribeDBInstances'], [instanceArn]),
        allow(['rds:DescribeDBSnapshots'], ['*']),
        readHold(Stack.of(this), { kind: 'database', id: this.identifier }),
      ],
    });
    const request: DatabaseWatchRequest = { instance: this.identifier };
    const hourly = new ScheduleTrigger(this, 'Hourly', {
      target: handler.function,
      schedule: ScheduleExpression.rate(Duration.hours(1)),
      description: `Lifeboat: publishes the age of backups of database ${name}`,
      request,
      deadLetterQueue,
    });
    hourly.node.addDependency(handler);
    return hourly;
  }

  private addAlarms(
    name: string,
    retentionDays: number | undefined,
    props: DatabaseWatchProps,
    hourly: ScheduleTrigger,
  ): void {
    const alarm = (id: string, alarmProps: Omit<AlarmProps, 'treatMissingData' | 'notify'>) => {
      const treatMissingData = cloudwatch.TreatMissingData.BREACHING;
      // The first run of the watch precedes the alarms, so that its metrics are not missing.
      addAlarm(this, id, { ...alarmProps, treatMissingData, notify: props.notify }).node.addDependency(hourly);
    };
    holdAlarm(this, 'OnHold', {
      what: `database ${name}`,
      dimensions: { [METRICS.dimensions.database]: this.identifier },
      notify: props.notify,
    });
    const { recoveryPointAge = Duration.minutes(15), snapshotAge = Duration.hours(26) } = props;
    const days = props.alarmBelowRetention?.toDays() ?? retentionDays ?? 1;
    alarm('Behind', {
      metric: this.metricRecoveryPointAge(),
      threshold: recoveryPointAge.toSeconds(),
      description:
        `RPO at risk: the latest restorable time of database ${name} is more than ${recoveryPointAge.toHumanString()} ago, or the ` +
        "hourly watch stopped. Check the instance's status and events.",
    });
    alarm('SnapshotMissing', {
      metric: this.metricSnapshotAge(),
      threshold: snapshotAge.toSeconds(),
      description:
        `Database ${name} has no automated snapshot from the last ${snapshotAge.toHumanString()}, or the hourly watch stopped. ` +
        "RDS skips a backup when the instance is stopped, full or busy: check the instance's status and events.",
    });
    alarm('KeptTooShort', {
      metric: this.metricRetention(),
      threshold: days,
      comparison: 'below',
      description:
        `Database ${name} keeps automated backups for less than ${days} days, so older ones were deleted, or the hourly watch ` +
        'stopped. Set its retention again.',
    });
  }

  /** Two hours always contain an hourly value, even a late one. */
  private metric(metricName: string, statistic: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace: METRICS.namespace,
      metricName,
      dimensionsMap: { [METRICS.dimensions.database]: this.identifier },
      statistic,
      period: Duration.hours(2),
      ...options,
    });
  }
}

function problemsOf({ recoveryPointAge, snapshotAge, alarmBelowRetention }: DatabaseWatchProps): string[] {
  const problems: string[] = [];
  const beyond = (age: Duration | undefined, least: Duration) =>
    age === undefined || age.isUnresolved() || age.toMilliseconds() > least.toMilliseconds();
  if (!beyond(recoveryPointAge, LOGS_SHIP)) {
    problems.push(
      `'recoveryPointAge' is ${recoveryPointAge?.toHumanString()}, and RDS uploads logs every 5 minutes, so the alarm would fire ` +
        'between two uploads; set 15 minutes, for example',
    );
  }
  if (!beyond(snapshotAge, Duration.days(1))) {
    problems.push(
      `'snapshotAge' is ${snapshotAge?.toHumanString()}, and RDS takes one automated snapshot a day, so the alarm would fire every ` +
        'day; set a day plus the length of the backup window plus an hour',
    );
  }
  const days = alarmBelowRetention?.isUnresolved() ? undefined : alarmBelowRetention?.toDays({ integral: false });
  if (days !== undefined && !(Number.isInteger(days) && days >= 1 && days <= RDS_LIMITS.retentionDays.max)) {
    problems.push(
      `'alarmBelowRetention' is ${alarmBelowRetention?.toHumanString()}, and RDS keeps automated backups for 0 to 35 whole days, so the alarm ` +
        'would fire always or never; set 1 to 35',
    );
  }
  return problems;
}
