/**
 * Who writes the metrics that alarms read: code of this package, a metric filter of the same template, or AWS, where its
 * documentation names the metric with these dimensions. An alarm on anything else never fires, or always does.
 */
import { METRICS } from '../../lambda/contract';
import { resolved } from './policies';

/** One metric as an alarm reads it, and who writes it. */
export interface WrittenMetric {
  readonly namespace: string;
  readonly metrics: readonly string[];
  readonly dimensions: readonly string[];
  /** A file of this package, or a page of AWS's documentation. */
  readonly writtenBy: string;
}

const { dimensions: of } = METRICS;
const own = (writtenBy: string, dimensions: readonly string[], ...metrics: string[]): WrittenMetric => ({
  namespace: METRICS.namespace,
  metrics,
  dimensions,
  writtenBy,
});
const aws = (page: string, namespace: string, dimensions: readonly string[], ...metrics: string[]): WrittenMetric => ({
  namespace,
  metrics,
  dimensions,
  writtenBy: `https://docs.aws.amazon.com/${page}.html`,
});

const FIREHOSE = 'firehose/latest/dev/monitoring-with-cloudwatch-metrics';
const LOGS = 'AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics';
const BACKUP = 'aws-backup/latest/devguide/cloudwatch';

export const WRITTEN: readonly WrittenMetric[] = [
  own('lambda/evidence/metrics.ts', [of.plan, of.target], METRICS.drillPassed, METRICS.objectivesMissed),
  own('lambda/evidence/metrics.ts', [of.plan, of.target], METRICS.recoveryTime, METRICS.recoveryPoint),
  own('lambda/drill/watch-drills.ts', [of.plan, of.target, of.drill], METRICS.secondsSinceProven),
  own('lambda/drill/watch-drills.ts', [of.bucket], METRICS.evidenceProblems),
  own('lambda/rds/copy-snapshots.ts', [of.plan, of.target, of.copy], METRICS.snapshotCopyAge, METRICS.holdAge),
  own('lambda/rds/watch-database.ts', [of.database], METRICS.recoveryPointAge, METRICS.snapshotAge),
  own('lambda/rds/watch-database.ts', [of.database], METRICS.backupRetention, METRICS.holdAge),
  own('lambda/watch/watch-backups.ts', [of.backup], METRICS.secondsSinceBackup, METRICS.backupSizeChange),
  own('lambda/watch/watch-copies.ts', [of.backup, of.copy], METRICS.secondsSinceCopy),
  own('lambda/cache/snapshot-cache.ts', [of.backup], METRICS.secondsSinceBackup, METRICS.holdAge),
  aws('lambda/latest/dg/monitoring-metrics-types', 'AWS/Lambda', ['FunctionName'], 'Errors'),
  aws(
    'lambda/latest/dg/durable-monitoring',
    'AWS/Lambda',
    ['FunctionName'],
    ...['DurableExecutionFailed', 'DurableExecutionTimedOut'],
  ),
  aws(
    'AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics',
    'AWS/SQS',
    ['QueueName'],
    'ApproximateNumberOfMessagesVisible',
  ),
  aws('eventbridge/latest/userguide/eb-monitoring', 'AWS/Events', ['RuleName'], 'FailedInvocations'),
  aws('AmazonRDS/latest/UserGuide/rds-metrics', 'AWS/RDS', ['DBInstanceIdentifier'], 'FreeStorageSpace', 'ReplicaLag'),
  aws(BACKUP, 'AWS/Backup', ['BackupVaultName'], 'NumberOfBackupJobsFailed', 'NumberOfBackupJobsExpired'),
  aws(BACKUP, 'AWS/Backup', ['BackupVaultName'], 'NumberOfCopyJobsFailed', 'NumberOfBackupJobsCompleted'),
  aws(BACKUP, 'AWS/Backup', ['BackupVaultName', 'ResourceType'], 'NumberOfBackupJobsCompleted'),
  aws(
    'AmazonS3/latest/userguide/metrics-dimensions',
    'AWS/S3',
    ['SourceBucket', 'DestinationBucket', 'RuleId'],
    'OperationsFailedReplication',
  ),
  aws(FIREHOSE, 'AWS/Firehose', ['DeliveryStreamName'], 'DeliveryToS3.DataFreshness', 'ThrottledRecords'),
  aws(FIREHOSE, 'AWS/Firehose', ['DeliveryStreamName'], 'DeliveryToS3.Success', 'IncomingRecords'),
  aws(LOGS, 'AWS/Logs', ['LogGroupName'], 'IncomingLogEvents'),
];

interface Dimension {
  readonly Name: string;
  readonly Value: unknown;
}

interface MetricProperties {
  readonly Namespace?: string;
  readonly MetricName?: string;
  readonly Dimensions?: readonly Dimension[];
}

interface AlarmProperties extends MetricProperties {
  readonly Metrics?: readonly { readonly MetricStat?: { readonly Metric: MetricProperties } }[];
}

interface FilterProperties {
  readonly MetricTransformations: readonly { readonly MetricNamespace: string; readonly MetricName: string }[];
}

interface TemplateJson {
  readonly Resources?: Readonly<Record<string, { readonly Type: string; readonly Properties?: unknown }>>;
}

/** One sentence for each alarm of a template that reads what nobody writes. */
export function deafAlarms({ Resources = {} }: TemplateJson): string[] {
  const all = <T>(type: string): [string, T][] =>
    Object.entries(Resources).flatMap(([id, { Type, Properties }]) => (Type === type ? [[id, Properties as T]] : []));
  const filtered = all<FilterProperties>('AWS::Logs::MetricFilter').flatMap(([, { MetricTransformations }]) =>
    MetricTransformations.map(({ MetricNamespace, MetricName }) => `${MetricNamespace} ${MetricName}`),
  );
  return all<AlarmProperties>('AWS::CloudWatch::Alarm').flatMap(([id, alarm]) => {
    const metrics = alarm.Metrics?.flatMap(({ MetricStat }) => MetricStat?.Metric ?? []) ?? [alarm];
    return metrics.flatMap((metric) => problemsOf(metric, filtered).map((problem) => `${id}: ${problem}`));
  });
}

function problemsOf(
  { Namespace = '', MetricName = '', Dimensions = [] }: MetricProperties,
  filtered: string[],
): string[] {
  const names = Dimensions.map(({ Name }) => Name).sort();
  if (names.length === 0 && filtered.includes(`${Namespace} ${MetricName}`)) return [];
  const writers = WRITTEN.filter(
    ({ namespace, metrics, dimensions }) =>
      namespace === Namespace && metrics.includes(MetricName) && [...dimensions].sort().join() === names.join(),
  );
  if (writers.length === 0)
    return [`nobody writes ${Namespace} ${MetricName} by ${names.join(', ') || 'no dimension'}`];
  // RDS keeps identifiers in lower case, and so does what this package writes of them.
  return Dimensions.filter(({ Name }) => [of.database, 'DBInstanceIdentifier'].includes(Name))
    .filter(({ Value }) => typeof Value === 'string' && Value !== Value.toLowerCase())
    .map(({ Name, Value }) => `RDS keeps ${resolved(Value)} in lower case, and ${Name} has capitals`);
}
