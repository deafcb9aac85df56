/** An alarm on an old hold: while it is in force, backups accumulate towards a quota and cost money. */
import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { HOLD_IS_OLD_DAYS, METRICS } from '../../lambda/contract';
import { type AlarmProps, addAlarm } from './alarm';

export interface HoldAlarmProps extends Pick<AlarmProps, 'notify'> {
  /** What is on hold, as in `database orders`. */
  readonly what: string;
  /** Dimensions of the pruning function, which publishes the age of a hold beside that of backups. */
  readonly dimensions: Record<string, string>;
}

export function holdAlarm(
  scope: Construct,
  id: string,
  { what, dimensions, notify }: HoldAlarmProps,
): cloudwatch.Alarm {
  const metric = new cloudwatch.Metric({
    namespace: METRICS.namespace,
    metricName: METRICS.holdAge,
    dimensionsMap: dimensions,
    statistic: cloudwatch.Stats.MAXIMUM,
    // Published every hour; three hours always contain a value.
    period: Duration.hours(3),
  });
  return addAlarm(scope, id, {
    metric,
    threshold: Duration.days(HOLD_IS_OLD_DAYS).toSeconds(),
    description:
      `Backups of ${what} have been on hold for more than ${HOLD_IS_OLD_DAYS} days, so none is pruned. Release the hold, or set it ` +
      'again before it ends if it is still needed. `lifeboat hold list` shows who set it, why, and until when.',
    notify,
  });
}
