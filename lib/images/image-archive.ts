import { Duration, Token } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as ecr from 'aws-cdk-lib/aws-ecr';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { ImageExportRequest } from '../../lambda/contract';
import { brokenOffAlarms } from '../alarm/alarm';
import { BackupWatch } from '../alarm/backup-watch';
import { ArchiveBucket } from '../bucket/archive-bucket';
import { ArchiveTier, StorageTransition } from '../bucket/archive-tier';
import { dataKey } from '../function/log-key';
import { ScheduleTrigger } from '../function/schedule-trigger';
import { ShippedFunction } from '../function/shipped-function';
import { allow, backupAccess, refuseOddPrefix } from '../function/statements';
import { overdueOf } from '../schedule/overdue';
import { Recurrence, Weekday } from '../schedule/recurrence';
import { enclosingPlan } from '../synth/enclosing-plan';
import { pathName } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';

export interface ImageArchiveProps {
  /** The repositories whose images are exported. */
  readonly repositories: ecr.IRepository[];

  /**
   * How many of the newest tagged images of each repository are exported, at least 1.
   *
   * @default 5
   */
  readonly newest?: number;

  /**
   * When new images are exported.
   *
   * @default - Sundays at 03:00 UTC
   */
  readonly schedule?: Recurrence;

  /**
   * Where archives go, as `<prefix><repository>/sha256-<digest>.tar`: a versioned bucket of the same region.
   *
   * @default - the `archive` of the enclosing plan; without one, an `ArchiveBucket` of its own: Glacier Instant
   * Retrieval after 90 days, deleted after a year; what is still among the newest then is exported again
   */
  readonly bucket?: s3.IBucket;

  /**
   * Prefix of keys, ending in a slash.
   *
   * @default 'images/'
   */
  readonly prefix?: string;

  /**
   * Encrypts logs, and the bucket of its own.
   *
   * @default - the key of the enclosing plan; without one, a key of its own, rotated yearly, retained
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * An alarm fires after this long without an export of all images.
   *
   * @default - the schedule's longest gap and 2 days
   */
  readonly overdueAfter?: Duration;

  /**
   * Name in metrics. Printable ASCII.
   *
   * @default - the construct's path
   */
  readonly backupName?: string;

  /**
   * Topic to notify when an image could not be exported, or no export was complete for too long.
   *
   * @default - the `notify` of the enclosing plan; without one, alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

const PROPS: PropsOf<ImageArchiveProps> = {
  repositories: true,
  newest: true,
  schedule: true,
  bucket: true,
  prefix: true,
  encryptionKey: true,
  overdueAfter: true,
  backupName: true,
  notify: true,
};

/**
 * Container images that outlive their registry: the newest ones of each repository, as OCI archives in S3, for all
 * their platforms. Restore with `skopeo copy oci-archive:...`, or `docker load` from Docker 25 on.
 *
 * It reads images and writes archives, and can't change or delete any. Each layer is checked against its digest.
 *
 * @throws Error when no image would be exported
 */
export class ImageArchive extends Construct {
  /** Where archives go. */
  public readonly bucket: s3.IBucket;

  private readonly watch: BackupWatch;

  constructor(scope: Construct, id: string, props: ImageArchiveProps) {
    super(scope, id);
    checkProps(this, props, PROPS);
    const { newest = 5, prefix = 'images/' } = props;
    const what = `image archive '${this.node.path}'`;
    refuseOddPrefix(what, prefix);
    refuseAll(what, problemsOf(props, newest));
    const schedule = props.schedule ?? Recurrence.weekly({ weekday: Weekday.SUNDAY, hour: 3 });
    const encryptionKey = dataKey(this, props.encryptionKey);
    this.bucket = props.bucket ?? enclosingPlan(this)?.archive ?? this.ownBucket(prefix, encryptionKey);
    this.watch = new BackupWatch(this, 'Watch', {
      backup: props.backupName ?? pathName(this),
      bucket: this.bucket,
      prefix,
      encryptionKey,
      overdueAfter: overdueOf(this, props.overdueAfter, schedule, Duration.days(2)),
      overdue: `Images are no longer exported under ${prefix}, so the newest would be lost with their registry`,
      notify: props.notify,
    });
    const handler = this.exporter(props.repositories, prefix, encryptionKey);
    this.startOn(schedule, handler, {
      bucket: this.bucket.bucketName,
      prefix,
      repositories: props.repositories.map(({ repositoryName }) => repositoryName),
      newest,
    });
    brokenOffAlarms(this, handler.function, {
      description: 'An image could not be exported. The others were. The log names it.',
      notify: props.notify,
    });
  }

  /** Seconds since all images were last in the archive, found there or exported. */
  public metricAge(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.watch.metricAge(options);
  }

  private ownBucket(prefix: string, encryptionKey: kms.IKey): s3.IBucket {
    return new ArchiveBucket(this, 'Archive', {
      encryptionKey,
      tiers: [
        ArchiveTier.prefixed(prefix, {
          transitions: [StorageTransition.glacierInstantRetrieval(Duration.days(90))],
          expireAfter: Duration.days(365),
        }),
      ],
    }).bucket;
  }

  private exporter(repositories: readonly ecr.IRepository[], prefix: string, encryptionKey: kms.IKey): ShippedFunction {
    return new ShippedFunction(this, 'Handler', {
      entry: 'export-images',
      description: 'Lifeboat: exports the newest images as OCI archives',
      timeout: Duration.minutes(15),
      memorySize: 1024,
      encryptionKey,
      durableFor: Duration.days(1),
      deadLetterQueue: this.watch.deadLetterQueue,
      patterns: 'Archives are named by the digests of images, under one prefix.',
      statements: [
        allow(
          ['ecr:BatchGetImage', 'ecr:DescribeImages', 'ecr:GetDownloadUrlForLayer'],
          repositories.map(({ repositoryArn }) => repositoryArn),
        ),
        ...backupAccess(this.bucket, prefix),
      ],
    });
  }

  private startOn(schedule: Recurrence, handler: ShippedFunction, request: ImageExportRequest): void {
    const trigger = new ScheduleTrigger(this, 'Schedule', {
      target: new lambda.Alias(this, 'Live', { aliasName: 'live', version: handler.function.currentVersion }),
      schedule: schedule.expression,
      description: 'Lifeboat: exports the newest images',
      request,
      deadLetterQueue: this.watch.deadLetterQueue,
    });
    trigger.node.addDependency(handler);
  }
}

function problemsOf({ repositories }: ImageArchiveProps, newest: number): string[] {
  const problems: string[] = [];
  if (repositories.length === 0) {
    problems.push("'repositories' is empty, so nothing would be exported; name those whose images are deployed");
  }
  if (!Token.isUnresolved(newest) && !(Number.isInteger(newest) && newest >= 1)) {
    problems.push(`'newest' is ${newest}, not a whole number from 1, so nothing would be exported; set 1 or more`);
  }
  return problems;
}
