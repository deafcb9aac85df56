import { Annotations, CfnResource, Duration, type IAspect, Stack } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as elasticache from 'aws-cdk-lib/aws-elasticache';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type { IConstruct } from 'constructs';
import { lifecycleProblems, versionsForEver } from '../bucket/lifecycle-limits';
import { cacheWindowProblems } from '../cache/cache-backups';
import { appendOnlyProblems } from '../cache/cache-parameters';
import { validateBackups } from '../database/backup-settings';
import { isDatabase } from '../database/database-resource';
import { coveredBy } from '../synth/coverage';

/**
 * Looks at every database, cache, bucket and alarm of an app, whether Lifeboat looks after it or not, for what AWS would
 * refuse at deployment (errors) and for what would be lost without a word (warnings): windows that overlap, one day of
 * backups, backups that go with their database, append-only files, lifecycles, versions kept for ever, alarms that look
 * back too far.
 *
 * It reads only. Add it last, to the app: `Aspects.of(app).add(new TemplateCheck(), { priority: AspectPriority.READONLY })`.
 *
 * @throws Error at synth that names what AWS would refuse
 */
export class TemplateCheck implements IAspect {
  public visit(node: IConstruct): void {
    if (isDatabase(node)) validateBackups(node);
    else if (CfnResource.isCfnResource(node)) node.node.addValidation({ validate: () => problemsOf(node) });
  }
}

function problemsOf(resource: CfnResource): string[] {
  switch (resource.cfnResourceType) {
    case 'AWS::ElastiCache::ParameterGroup':
      return appendOnlyProblems(resource as elasticache.CfnParameterGroup);
    case 'AWS::ElastiCache::ReplicationGroup':
    case 'AWS::ElastiCache::CacheCluster':
      return unlessCovered(resource, 'CacheBackups', () =>
        cacheWindowProblems(resource as elasticache.CfnReplicationGroup),
      );
    case 'AWS::S3::Bucket':
      return unlessCovered(resource, 'BucketBackups', () => bucketProblems(resource as s3.CfnBucket));
    case 'AWS::CloudWatch::Alarm':
      return alarmProblems(resource as cloudwatch.CfnAlarm);
    default:
      return [];
  }
}

/** What a Mixin looks at already is not told twice. */
function unlessCovered(resource: CfnResource, mixin: string, look: () => string[]): string[] {
  return coveredBy(resource).includes(mixin) ? [] : look();
}

function bucketProblems(bucket: s3.CfnBucket): string[] {
  const stack = Stack.of(bucket);
  const { rules = [] } = stack.resolve(bucket.lifecycleConfiguration) ?? {};
  const { status } = stack.resolve(bucket.versioningConfiguration) ?? {};
  if (!Array.isArray(rules)) return [];
  for (const cost of status === 'Enabled' ? versionsForEver(rules) : []) {
    Annotations.of(bucket).addWarningV2('lifeboat:expired-versions-stay', cost);
  }
  return lifecycleProblems(rules);
}

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html */
const FURTHEST_SECONDS = 7 * 86_400;

function alarmProblems(alarm: cloudwatch.CfnAlarm): string[] {
  const { period, evaluationPeriods, metrics } = Stack.of(alarm).resolve({
    period: alarm.period,
    evaluationPeriods: alarm.evaluationPeriods,
    metrics: alarm.metrics,
  }) as { period?: number; evaluationPeriods?: number; metrics?: { metricStat?: { period?: number } }[] };
  const stated = Array.isArray(metrics) ? metrics.map(({ metricStat }) => metricStat?.period) : [];
  const periods = [period, ...stated].filter((seconds): seconds is number => typeof seconds === 'number');
  if (typeof evaluationPeriods !== 'number' || periods.length === 0) return [];
  const seconds = Math.max(...periods) * evaluationPeriods;
  if (seconds <= FURTHEST_SECONDS) return [];
  return [
    `alarm '${alarm.node.path}' looks back ${Duration.seconds(seconds).toHumanString()}, and CloudWatch takes 7 at most, so it would refuse it; alarm ` +
      'on an age that is published every hour, as secondsSinceProven() is',
  ];
}
