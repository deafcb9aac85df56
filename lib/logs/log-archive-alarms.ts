/**
 * Tells when logs don't reach their archive. Firehose keeps for a day what it can't deliver; what a subscription can't hand
 * to it is gone at once, and Firehose never hears of it.
 */
import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as logs from 'aws-cdk-lib/aws-logs';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { addAlarm } from '../alarm/alarm';

export interface ArchivedLogs {
  /** Name in the archive. */
  readonly id: string;
  /** Name of the delivery stream. */
  readonly stream: string;
  readonly logGroup: logs.ILogGroup;
  /**
   * Which events are archived.
   *
   * @default - all
   */
  readonly filter?: logs.IFilterPattern;
  /**
   * Who is told.
   *
   * @default - the topic of the plan around it; else alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

export function ringOnMissingLogs(scope: Construct, { id, stream, logGroup, filter, notify }: ArchivedLogs): void {
  const period = Duration.hours(1);
  const ofStream = (metricName: string, statistic: string) => {
    const dimensionsMap = { DeliveryStreamName: stream };
    return new cloudwatch.Metric({ namespace: 'AWS/Firehose', metricName, dimensionsMap, statistic, period });
  };
  addAlarm(scope, 'Late', {
    metric: ofStream('DeliveryToS3.DataFreshness', cloudwatch.Stats.MAXIMUM),
    threshold: 3600,
    description: `Logs of ${id} have waited for the archive for over an hour, and Firehose gives up after a day: see its error log`,
    notify,
  });
  addAlarm(scope, 'Refused', {
    metric: ofStream('ThrottledRecords', cloudwatch.Stats.MAXIMUM),
    threshold: 0,
    description: `Logs of ${id} come faster than Firehose takes them, so some may be missing in the archive: ask for a higher quota`,
    notify,
  });
  const written = new cloudwatch.Metric({
    namespace: 'AWS/Logs',
    metricName: 'IncomingLogEvents',
    dimensionsMap: { LogGroupName: logGroup.logGroupName },
    statistic: cloudwatch.Stats.SUM,
    period,
  });
  // What a filter leaves out is not missing.
  const all = (filter ?? logs.FilterPattern.allEvents()).logPatternString === '';
  addAlarm(scope, 'Stopped', {
    // Firehose says nothing of how late it is when nothing gets through at all, or nothing comes.
    // https://docs.aws.amazon.com/firehose/latest/dev/data-freshness-metric-not-emitted.html
    metric: new cloudwatch.MathExpression({
      expression: 'IF(FILL(written, 0) > 0 AND FILL(archived, 0) == 0, 1, 0)',
      usingMetrics: {
        written: all ? written : ofStream('IncomingRecords', cloudwatch.Stats.SUM),
        archived: ofStream('DeliveryToS3.Success', cloudwatch.Stats.SUM),
      },
      label: 'Events are written, and none is archived',
      period,
    }),
    threshold: 0,
    // What comes at the end of an hour is archived in the next one.
    periods: 2,
    description:
      `Logs of ${id} are written, and none has reached the archive for two hours: see that its log group still has the ` +
      "subscription, and the stream's error log",
    notify,
  });
}
