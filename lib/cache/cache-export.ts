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
   * @default - the archive of the plan around it; without one, an error
   */
  readonly bucket?: s3.IBucket;
  /**
   * What names of the exported files start with, at the root of the bucket: lower case letters, digits and single
   * hyphens, ending in a hyphen.
   *
   * @default - `lifeboat-`, the id and a hash
   */
  readonly prefix?: string;
  /**
   * When.
   *
   * @default - every Sunday at 05:30 UTC
   */
  readonly schedule?: Recurrence;
  /**
   * From which age of the exported data on somebody is told.
   *
   * @default - the schedule's longest gap and two days: a day for the snapshot's own age, and a day to export
   */
  readonly overdueAfter?: Duration;
  /**
   * By how many percent an export may be larger or smaller than usual, which is the median of up to seven before. Above
   * 0 and below 100.
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
   * Encrypts the handlers' logs. A key of another app must let CloudWatch Logs use it.
   *
   * @default - a key of its own, rotated yearly
   */
  readonly logEncryptionKey?: kms.IKey;
  /**
   * Who is told when exports fail, are overdue, or of an unusual size.
   *
   * @default - the topic of the plan around it; else alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

export interface CacheExportProps extends CacheExportOptions {
  /** What is exported. It needs snapshots, unless it is serverless: of those one is taken for each export. */
  readonly cache: CacheSource;
}

const made = new Mark<CacheExport>('CacheExport');

/** All that the app of a construct has, in the order of the tree. */
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
 * Exports a cache's newest snapshot to S3 on a schedule, as `.rdb` files that outlive the cache, its region's snapshots and,
 * replicated, its region.
 *
 * @throws Error when the bucket is in another region, or the cache is one that ElastiCache exports nothing of; at synth when
 * the cache takes no snapshots, or the bucket does not let ElastiCache in
 */
export class CacheExport extends Construct {
  /** What names of the exported files start with. */
  public readonly prefix: string;

  /** The cache that a snapshot is taken of for each export, which counts against its quota; only serverless ones. */
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
      overdue: `The newest export ${backup} of a cache is too old, so the archive falls behind: look at its runbook's executions`,
      encryptionKey,
      notify,
    });
    const handler = new ShippedFunction(this, 'Conductor', {
      entry: 'export-cache',
      description: `Lifeboat: exports ${id} of a cache to S3`,
      timeout: Duration.minutes(15),
      memorySize: 256,
      encryptionKey,
      // All that it waits for, one after the other.
      durableFor: Duration.hours(36),
      deadLetterQueue: this.watch.deadLetterQueue,
      patterns: `${ABOUT_PATTERNS} ElastiCache checks that who exports may list all buckets, and write, read and delete its files.`,
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
      description: `Export ${backup} of a cache did not end well, so there is none of this time: see its log`,
      notify,
    });
  }

  /** Seconds since the newest exported data was read. Published every hour; silence means that nobody watches. */
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
        `the bucket is in ${bucket.env.region} and the cache in ${region}, and ElastiCache exports within a region only; ` +
          `export into a bucket in ${region}, and replicate that`,
      );
    }
    if (cache.tiersData) {
      problems.push(
        'its nodes tier data to SSD (r6gd), and ElastiCache exports nothing of those; keep its snapshots, or use other nodes',
      );
    }
    if (cache.runsMemcachedOnNodes) {
      problems.push(
        'it runs Memcached on nodes of its own, which has no snapshots to export; use a serverless cache or Valkey',
      );
    }
    if (!/^[a-z](-?[a-z0-9])*-$/.test(this.prefix) || this.prefix.length > 63) {
      problems.push(
        `the prefix '${this.prefix}' can not start names of exports: up to 63 lower case letters, digits and single hyphens, ` +
          "ending in a hyphen; write it as in 'weekly-sessions-'",
      );
    }
    return problems;
  }

  private withoutSnapshots(cache: CacheSource): string[] {
    if (!cache.takesNoSnapshots || coveredBy(cache.cache).includes('CacheSnapshots')) return [];
    return [
      `cache '${cache.cache.node.path}' takes no snapshots, which is ElastiCache's default, so there is never one to export; ` +
        'apply CacheBackups to it, or add CacheSnapshots',
    ];
  }

  /** Without leave ElastiCache fails the first export, days after the deployment. */
  private warnOfMissingAccess(bucket: s3.IBucket): void {
    if (bucket.encryptionKey) {
      Annotations.of(this).addWarningV2(
        'lifeboat:export-can-not-seed',
        "the bucket is encrypted with AWS KMS, and a cache is seeded from files encrypted with S3's own keys only, so an export " +
          "would have to be copied before it can be restored; export into a bucket with S3's own keys (SSE-S3)",
      );
    }
    if (!isBucketOfApp(bucket)) {
      Annotations.of(this).addWarningV2(
        'lifeboat:export-bucket-made-elsewhere',
        `bucket '${known(bucket.bucketName) ?? bucket.node.path}' is made elsewhere, so nothing here says that ElastiCache may write to it; its policy ` +
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
              `bucket '${bucket.node.path}' does not let ElastiCache in, so every export would fail; apply ` +
                'bucket.with(new CacheExportAccess())',
            ],
    });
  }
}
