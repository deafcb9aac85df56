/**
 * Alarms for logs that don't reach their archive. Firehose keeps undelivered events for a day. Events that a
 * subscription can't send to Firehose are lost at once, and no metric of Firehose shows them.
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
   * Topic to notify.
   *
   * @default - the `notify` of the enclosing plan; without one, alarms have no action, and synth warns
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
    description: `Logs of ${id} have waited for over an hour to be archived, and Firehose drops them after a day. See its error log.`,
    notify,
  });
  addAlarm(scope, 'Refused', {
    metric: ofStream('ThrottledRecords', cloudwatch.Stats.MAXIMUM),
    threshold: 0,
    description: `Logs of ${id} arrive faster than Firehose's quota, so some may be missing in the archive. Request a higher quota.`,
    notify,
  });
  const written = new cloudwatch.Metric({
    namespace: 'AWS/Logs',
    metricName: 'IncomingLogEvents',
    dimensionsMap: { LogGroupName: logGroup.logGroupName },
    statistic: cloudwatch.Stats.SUM,
    period,
  });
  // Events that the filter leaves out are not missing.
  const all = (filter ?? logs.FilterPattern.allEvents()).logPatternString === '';
  addAlarm(scope, 'Stopped', {
    // Firehose does not publish its freshness when nothing is delivered, or nothing arrives.
    // https://docs.aws.amazon.com/firehose/latest/dev/data-freshness-metric-not-emitted.html
    metric: new cloudwatch.MathExpression({
      expression: 'IF(FILL(written, 0) > 0 AND FILL(archived, 0) == 0, 1, 0)',
      usingMetrics: {
        written: all ? written : ofStream('IncomingRecords', cloudwatch.Stats.SUM),
        archived: ofStream('DeliveryToS3.Success', cloudwatch.Stats.SUM),
      },
      label: 'Events are written, but none is archived',
      period,
    }),
    threshold: 0,
    // Events of the end of an hour are archived in the next one.
    periods: 2,
    description:
      `Logs of ${id} are written, but none has reached the archive for two hours. Check that the log group still has its ` +
      "subscription, and see the stream's error log.",
    notify,
  });
}
