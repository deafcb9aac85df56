import { Annotations, Duration, Stack, Token } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct, type IConstruct } from 'constructs';
import { type CacheExportRequest, SCHEDULED_TIME } from '../../lambda/contract';
import { brokenOffAlarms } from '../alarm/alarm';
import { BackupWatch } from '../alarm/backup-watch';
import { logKey } from '../function/log-key';
import { ScheduleTrigger } from '../function/schedule-trigger';
import { ShippedFunction } from '../function/shipped-function';
import { allow, lastGoodAccess } from '../function/statements';
import { overdueOf } from '../schedule/overdue';
import { Recurrence, Weekday } from '../schedule/recurrence';
import { isBucketOfApp } from '../synth/bucket-resource';
import { coveredBy } from '../synth/coverage';
import { archiveOf } from '../synth/enclosing-plan';
import { Mark } from '../synth/marks';
import { copyPrefix, pathName } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';
import { known } from '../synth/tokens';
import { exportStatements, letsExport, noteExport } from './cache-export-access';
import { ABOUT_PATTERNS, listSnapshots, ownSnapshots } from './cache-permissions';
import type { CacheSource } from './cache-source';

/** What each export decides for itself. */
export interface CacheExportOptions {
  /**
   * Where exports go: a bucket of the cache's region, which lets ElastiCache in (`CacheExportAccess`), encrypted with
   * S3's own keys, since a cache is seeded from those only. Its lifecycle decides how long they are kept:
   * `ArchiveTier.prefixed(prefix, ...)`.
   *
   * @default - the `archive` of the enclosing plan; without one, an error
   */
  readonly bucket?: s3.IBucket;
  /**
   * Prefix of the names of exported files, at the root of the bucket: lower case letters, digits and single hyphens,
   * ending in a hyphen.
   *
   * @default - `lifeboat-`, the id and a hash
   */
  readonly prefix?: string;
  /**
   * When exports are made.
   *
   * @default - every Sunday at 05:30 UTC
   */
  readonly schedule?: Recurrence;
  /**
   * An alarm fires when the newest exported data is older than this.
   *
   * @default - the schedule's longest gap and two days: a day for the snapshot's own age, and a day to export
   */
  readonly overdueAfter?: Duration;
  /**
   * By how many percent an export may be larger or smaller than the median of up to seven before it. Above 0 and below
   * 100.
   *
   * @default 50
   */
  readonly sizeTolerance?: number;
  /**
   * Name in metrics. Printable ASCII.
   *
   * @default - the construct's path
   */
  readonly backupName?: string;
  /**
   * Encrypts the handlers' logs. The policy of a key of another app must allow CloudWatch Logs.
   *
   * @default - a key of its own, rotated yearly
   */
  readonly logEncryptionKey?: kms.IKey;
  /**
   * Topic to notify when exports fail, are overdue or have an unusual size.
   *
   * @default - the `notify` of the enclosing plan; without one, alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

export interface CacheExportProps extends CacheExportOptions {
  /** What is exported. It needs snapshots, unless it is serverless: of those one is taken for each export. */
  readonly cache: CacheSource;
}

const made = new Mark<CacheExport>('CacheExport');

/** All of the app that a construct belongs to, in the order of the tree. */
export const exportsInAppOf = (construct: IConstruct): CacheExport[] => made.inAppOf(construct);

const PROPS: PropsOf<CacheExportProps> = {
  cache: true,
  bucket: true,
  prefix: true,
  schedule: true,
  overdueAfter: true,
  sizeTolerance: true,
  backupName: true,
  logEncryptionKey: true,
  notify: true,
};

/**
 * Exports a cache's newest snapshot to S3 on a schedule, as `.rdb` files that outlive the cache, its snapshots and, if
 * the bucket is replicated, its region.
 *
 * @throws Error when the bucket is in another region, or ElastiCache can't export the cache; at synth when the cache
 * takes no snapshots, or the bucket's policy does not allow ElastiCache
 */
export class CacheExport extends Construct {
  /** Prefix of the names of exported files. */
  public readonly prefix: string;

  /** The serverless cache of which each export takes a snapshot, which counts against its quota. */
  public readonly snapshotsFirst?: IConstruct;

  private readonly watch: BackupWatch;

  constructor(scope: Construct, id: string, props: CacheExportProps) {
    super(scope, id);
    checkProps(this, props, PROPS);
    made.put(this, this);
    const { cache, notify } = props;
    const bucket = archiveOf(this, props.bucket);
    const schedule = props.schedule ?? Recurrence.weekly({ weekday: Weekday.SUNDAY, hour: 5, minute: 30 });
    this.prefix = props.prefix ?? copyPrefix(this, id);
    refuseAll(`cache export '${this.node.path}'`, this.problemsOf(cache, bucket));
    this.warnOfMissingAccess(bucket);
    if (cache.target.kind === 'serverless') this.snapshotsFirst = cache.cache;
    // Mixins may still turn snapshots on.
    this.node.addValidation({ validate: () => this.withoutSnapshots(cache) });
    const encryptionKey = logKey(this, props.logEncryptionKey);

    const statusPrefix = `status/${this.prefix.replace(/-$/, '')}/`;
    const backup = props.backupName ?? pathName(this);
    this.watch = new BackupWatch(this, 'Watch', {
      backup,
      bucket,
      prefix: statusPrefix,
      overdueAfter: overdueOf(this, props.overdueAfter, schedule, Duration.days(2)),
      sizeTolerance: props.sizeTolerance ?? 50,
      overdue: `The newest export ${backup} of a cache is too old. See the executions of its runbook`,
      encryptionKey,
      notify,
    });
    const handler = new ShippedFunction(this, 'Conductor', {
      entry: 'export-cache',
      description: `Lifeboat: exports ${id} of a cache to S3`,
      timeout: Duration.minutes(15),
      memorySize: 256,
      encryptionKey,
      // The sum of all waits.
      durableFor: Duration.hours(36),
      deadLetterQueue: this.watch.deadLetterQueue,
      patterns: `${ABOUT_PATTERNS} ElastiCache checks that the caller may list all buckets, and write, read and delete its files.`,
      statements: this.statements(cache, bucket, statusPrefix),
    });
    const conductor = new lambda.Alias(this, 'Live', { aliasName: 'live', version: handler.function.currentVersion });
    const request: CacheExportRequest = {
      cache: cache.target,
      bucket: bucket.bucketName,
      prefix: this.prefix,
      statusPrefix,
      due: SCHEDULED_TIME,
    };
    const trigger = new ScheduleTrigger(this, 'Schedule', {
      target: conductor,
      schedule: schedule.expression,
      description: `Lifeboat: exports ${id} of a cache to S3`,
      request,
      deadLetterQueue: this.watch.deadLetterQueue,
    });
    trigger.node.addDependency(handler);
    brokenOffAlarms(this, handler.function, {
      description: `Export ${backup} of a cache failed, so this export is missing. See its log.`,
      notify,
    });
  }

  /** Age in seconds of the newest exported data. Published every hour; missing when the watch stopped. */
  public metricAge(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.watch.metricAge(options);
  }

  private statements(cache: CacheSource, bucket: s3.IBucket, statusPrefix: string): iam.PolicyStatement[] {
    const { kind } = cache.target;
    const files = bucket.arnForObjects(`${this.prefix}*`);
    return [
      ...listSnapshots(cache),
      ...(kind === 'serverless'
        ? [
            ...ownSnapshots(this, cache, this.prefix),
            allow(['elasticache:ExportServerlessCacheSnapshot'], [cache.snapshotArn(this, `${this.prefix}*`)]),
          ]
        : [allow(['elasticache:CopySnapshot'], [cache.snapshotArn(this, '*')])]),
      // https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/backups-exporting.html
      allow(['s3:ListAllMyBuckets'], ['*']),
      allow(['s3:GetBucketLocation', 's3:ListBucket'], [bucket.bucketArn]),
      allow(['s3:PutObject', 's3:GetObject', 's3:DeleteObject'], [files]),
      ...lastGoodAccess(bucket, statusPrefix),
    ];
  }

  private problemsOf(cache: CacheSource, bucket: s3.IBucket): string[] {
    const problems: string[] = [];
    const { region } = Stack.of(this);
    if (![region, bucket.env.region].some((one) => Token.isUnresolved(one)) && region !== bucket.env.region) {
      problems.push(
        `'bucket' is in ${bucket.env.region} and the cache in ${region}, and ElastiCache exports only within a region; ` +
          `use a bucket in ${region}, and replicate that`,
      );
    }
    if (cache.tiersData) {
      problems.push(
        "'cache' has nodes with data tiering (r6gd), which ElastiCache can't export; keep its snapshots, or use other nodes",
      );
    }
    if (cache.runsMemcachedOnNodes) {
      problems.push(
        "'cache' runs Memcached on nodes, which has no snapshots to export; use a serverless cache or Valkey",
      );
    }
    if (!/^[a-z](-?[a-z0-9])*-$/.test(this.prefix) || this.prefix.length > 63) {
      problems.push(
        `'prefix' is '${this.prefix}', not up to 63 lower case letters, digits and single hyphens ending in a hyphen, so ElastiCache ` +
          "would refuse the names of exports; write it as in 'weekly-sessions-'",
      );
    }
    return problems;
  }

  private withoutSnapshots(cache: CacheSource): string[] {
    if (!cache.takesNoSnapshots || coveredBy(cache.cache).includes('CacheSnapshots')) return [];
    return [
      `cache '${cache.cache.node.path}' takes no snapshots, as is ElastiCache's default, so there would be none to export; ` +
        'apply CacheBackups to it, or add CacheSnapshots',
    ];
  }

  /** Without permission the first export fails, days after the deployment. */
  private warnOfMissingAccess(bucket: s3.IBucket): void {
    if (bucket.encryptionKey) {
      Annotations.of(this).addWarningV2(
        'lifeboat:export-can-not-seed',
        "'bucket' is encrypted with AWS KMS, and ElastiCache seeds a cache only from files encrypted with S3's own keys, so an export " +
          "would have to be copied before it can be restored; use a bucket with S3's own keys (SSE-S3)",
      );
    }
    if (!isBucketOfApp(bucket)) {
      Annotations.of(this).addWarningV2(
        'lifeboat:export-bucket-made-elsewhere',
        `bucket '${known(bucket.bucketName) ?? bucket.node.path}' is imported, so synth can't see whether ElastiCache may write to it; its policy ` +
          `needs the statements ${JSON.stringify(
            Stack.of(this).resolve(exportStatements(bucket, this.prefix).map((one) => one.toStatementJson())),
          )}`,
      );
      return;
    }
    noteExport(bucket, this.prefix);
    this.node.addValidation({
      validate: () =>
        letsExport(bucket, this.prefix)
          ? []
          : [
              `the policy of bucket '${bucket.node.path}' does not allow ElastiCache, so every export would fail; apply ` +
                'bucket.with(new CacheExportAccess())',
            ],
    });
  }
}
