/** Tells somebody of a hold that is old: while it is in force, backups pile up towards a quota and cost money. */
import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { HOLD_IS_OLD_DAYS, METRICS } from '../../lambda/contract';
import { type AlarmProps, addAlarm } from './alarm';

export interface HoldAlarmProps extends Pick<AlarmProps, 'notify'> {
  /** What is on hold, as in `database orders`. */
  readonly what: string;
  /** Of the function that prunes, which says the age of a hold beside that of backups. */
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
    // Said every hour, and three hours miss none.
    period: Duration.hours(3),
  });
  return addAlarm(scope, id, {
    metric,
    threshold: Duration.days(HOLD_IS_OLD_DAYS).toSeconds(),
    description:
      `The backups of ${what} have been on hold for more than ${HOLD_IS_OLD_DAYS} days, so none is pruned: release the hold, or ` +
      'set it again before it ends if it is still needed; `lifeboat hold list` says who set it, why, and until when',
    notify,
  });
}
