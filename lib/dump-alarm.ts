import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as logs from 'aws-cdk-lib/aws-logs';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { METRICS } from '../lambda/contract';
import { drillAlarm } from './drill-alarm';
import { pathName } from './drill-request';

/** Rings when the log of a dump's task says that it failed: a task has no other way to tell. */
export function ringOnFailedDump(
  scope: Construct,
  { log, dumpName, notify }: { log: logs.ILogGroup; dumpName: string; notify?: sns.ITopic },
): void {
  const metricName = `DumpFailed-${pathName(scope)}`;
  new logs.MetricFilter(scope, 'Failures', {
    logGroup: log,
    filterPattern: logs.FilterPattern.literal('"lifeboat: failed"'),
    metricNamespace: METRICS.namespace,
    metricName,
    metricValue: '1',
  });
  drillAlarm(scope, 'Failed', {
    metric: new cloudwatch.Metric({
      namespace: METRICS.namespace,
      metricName,
      statistic: cloudwatch.Stats.SUM,
      period: Duration.hours(1),
    }),
    limit: 0,
    description: `A dump of ${dumpName} failed and is no backup; those before it are as good as they were: see its log`,
    notify,
  });
}
