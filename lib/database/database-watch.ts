/** Says every hour how old a database's own backups are, and rings when they are too old, or kept for too short. */

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
   * From which age of the newest moment that can be restored somebody is told: over 5 minutes, since RDS ships logs that
   * often. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIT.html
   *
   * @default Duration.minutes(15)
   */
  readonly recoveryPointAge?: Duration;

  /**
   * From which age of the newest automated snapshot somebody is told: over a day.
   *
   * @default - 26 hours: a day, a backup window of an hour, and an hour
   */
  readonly snapshotAge?: Duration;

  /**
   * How long automated backups must be kept, 1 to 35 whole days: less rings.
   *
   * @default - what the database says itself by now, else 1 day, so that backups which are switched off ring
   */
  readonly alarmBelowRetention?: Duration;

  /**
   * Encrypts the log. The key's policy must let IAM policies of the account decide, as keys made by CDK do.
   *
   * @default - the key of the plan around it; else one of its own, rotated yearly, retained
   */
  readonly logEncryptionKey?: kms.IKey;

  /**
   * Who is told.
   *
   * @default - the topic of the plan around it; else alarms have no action, and synth warns
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
 * Watches a database's own backups: RDS tells of no night without one. It reads what RDS says of the database and its
 * snapshots, and can't change anything.
 *
 * @throws Error that names all limits at which it would ring each day, or never
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

  /** Seconds of data that would be lost, had the database failed now. Silence means that nothing can be restored. */
  public metricRecoveryPointAge(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRICS.recoveryPointAge, cloudwatch.Stats.MAXIMUM, options);
  }

  /** Seconds since the newest automated snapshot was taken. Silence means that there is none. */
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
      description: `The watch on backups of database ${name} could not be started, or failed: the messages say why`,
      notify,
    });
    const handler = new ShippedFunction(this, 'Handler', {
      entry: 'watch-database',
      description: `Lifeboat: says how old the backups of database ${name} are`,
      timeout: Duration.minutes(5),
      memorySize: 256,
      encryptionKey: logKey(this, logEncryptionKey),
      deadLetterQueue,
      patterns: "RDS's lists of snapshots are for all or none.",
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
      description: `Lifeboat: says how old the backups of database ${name} are`,
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
      // The first watch comes before an alarm can miss it.
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
        `Had database ${name} failed just now, more than ${recoveryPointAge.toHumanString()} of data would be lost, or nobody ` +
        'is watching: see its state and its events',
    });
    alarm('SnapshotMissing', {
      metric: this.metricSnapshotAge(),
      threshold: snapshotAge.toSeconds(),
      description:
        `Database ${name} has no automated snapshot that is younger than ${snapshotAge.toHumanString()}, or nobody is ` +
        'watching: RDS skips a night when the database is stopped, full or busy, so see its state and its events',
    });
    alarm('KeptTooShort', {
      metric: this.metricRetention(),
      threshold: days,
      comparison: 'below',
      description:
        `Database ${name} keeps its automated backups for less than ${days} days, and older ones are deleted, or nobody is ` +
        'watching: set its retention again',
    });
  }

  /** An hour's value may come a little late, and two hours miss none. */
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
      `a recovery point of ${recoveryPointAge?.toHumanString()} would ring between two logs, which RDS ships every 5 minutes; ` +
        'give it 15 minutes, say',
    );
  }
  if (!beyond(snapshotAge, Duration.days(1))) {
    problems.push(
      `a snapshot is older than ${snapshotAge?.toHumanString()} before each backup window, so it would ring every day; give ` +
        'it a day, the length of the window, and an hour',
    );
  }
  const days = alarmBelowRetention?.isUnresolved() ? undefined : alarmBelowRetention?.toDays({ integral: false });
  if (days !== undefined && !(Number.isInteger(days) && days >= 1 && days <= RDS_LIMITS.retentionDays.max)) {
    problems.push(
      `RDS keeps automated backups for 0 to 35 whole days, so ${alarmBelowRetention?.toHumanString()} would ring always or never; take 1 to 35`,
    );
  }
  return problems;
}
