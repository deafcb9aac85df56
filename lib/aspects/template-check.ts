import { Annotations, CfnResource, Duration, type IAspect, Stack } from 'aws-cdk-lib';
import type * as backup from 'aws-cdk-lib/aws-backup';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as elasticache from 'aws-cdk-lib/aws-elasticache';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type { IConstruct } from 'constructs';
import { retentionProblems } from '../aws-backup/tier-limits';
import { lifecycleProblems, rulesOfNothing, versionsForEver } from '../bucket/lifecycle-limits';
import { cacheWindowProblems } from '../cache/cache-backups';
import { appendOnlyProblems } from '../cache/cache-parameters';
import { validateBackups } from '../database/backup-settings';
import { isDatabase } from '../database/database-resource';
import { coveredBy } from '../synth/coverage';
import { isMemcached } from './data-stores';

/**
 * Checks every database, cache, bucket, AWS Backup plan and alarm of an app, also those that Lifeboat does not protect,
 * for what AWS would refuse at deployment (errors) and for silent data loss (warnings): windows that overlap,
 * retentions out of range, one day of backups, backups that are deleted with their database, snapshots of Memcached,
 * append-only files, lifecycles, versions kept forever, alarms that look back too far.
 *
 * It changes nothing. Add it last, to the app:
 * `Aspects.of(app).add(new TemplateCheck(), { priority: AspectPriority.READONLY })`.
 *
 * @throws Error at synth that lists what AWS would refuse
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
    case 'AWS::Backup::BackupPlan':
      return planProblems(resource as backup.CfnBackupPlan);
    case 'AWS::ElastiCache::ReplicationGroup':
      return unlessCovered(resource, 'CacheBackups', () =>
        cacheWindowProblems(resource as elasticache.CfnReplicationGroup),
      );
    case 'AWS::ElastiCache::CacheCluster':
      return cacheClusterProblems(resource as elasticache.CfnCacheCluster);
    case 'AWS::S3::Bucket':
      return unlessCovered(resource, 'BucketBackups', () => bucketProblems(resource as s3.CfnBucket));
    case 'AWS::CloudWatch::Alarm':
      return alarmProblems(resource as cloudwatch.CfnAlarm);
    default:
      return [];
  }
}

/** Problems that a Mixin already reports are not reported twice. */
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
  for (const nothing of rulesOfNothing(rules)) {
    Annotations.of(bucket).addWarningV2('lifeboat:lifecycle-matches-nothing', nothing);
  }
  return lifecycleProblems(rules);
}

function cacheClusterProblems(cache: elasticache.CfnCacheCluster): string[] {
  const { snapshotRetentionLimit, snapshotWindow, snapshotName, snapshotArns } = cache;
  const stated = { snapshotRetentionLimit, snapshotWindow, snapshotName, snapshotArns };
  const snapshots = Object.entries(stated).flatMap(([name, value]) => (value ? [name] : []));
  // https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/backups.html
  if (isMemcached(cache) && snapshots.length > 0) {
    return [
      `cache '${cache.node.path}': '${snapshots.join("', '")}' ${snapshots.length > 1 ? 'are' : 'is'} stated, and ElastiCache ` +
        'takes no snapshots of Memcached on nodes, so it would refuse this; leave it out, or use a serverless cache',
    ];
  }
  return unlessCovered(cache, 'CacheBackups', () => cacheWindowProblems(cache));
}

function planProblems(plan: backup.CfnBackupPlan): string[] {
  const { backupPlanRule } = Stack.of(plan).resolve(plan.backupPlan) ?? {};
  const rules: readonly backup.CfnBackupPlan.BackupRuleResourceTypeProperty[] = Array.isArray(backupPlanRule)
    ? backupPlanRule
    : [];
  return rules.flatMap(({ ruleName, lifecycle, copyActions }) => {
    const copies = Array.isArray(copyActions) ? copyActions : [];
    const rule = `rule ${ruleName} of plan '${plan.node.path}'`;
    return [
      ...lifeProblems(rule, lifecycle),
      ...copies.flatMap((copy) =>
        lifeProblems(`the copy by ${rule}`, 'lifecycle' in copy ? copy.lifecycle : undefined),
      ),
    ];
  });
}

/** Values unknown at synth don't resolve to numbers, and are not compared. */
function lifeProblems(what: string, lifecycle: unknown): string[] {
  const { deleteAfterDays, moveToColdStorageAfterDays } = (lifecycle ??
    {}) as backup.CfnBackupPlan.LifecycleResourceTypeProperty;
  const [kept, cold] = [deleteAfterDays, moveToColdStorageAfterDays].map((days) =>
    typeof days === 'number' ? days : undefined,
  );
  return retentionProblems(what, kept, cold);
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
    `alarm '${alarm.node.path}' looks back ${Duration.seconds(seconds).toHumanString()}, and CloudWatch allows at most 7 days, so it would refuse it; use ` +
      'an age that is published every hour, such as secondsSinceProven()',
  ];
}
