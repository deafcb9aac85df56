import { Duration } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { BackupWatch } from '../alarm/backup-watch';
import { ArchiveBucket } from '../bucket/archive-bucket';
import { dataKey } from '../function/log-key';
import { overdueOf } from '../schedule/overdue';
import { Recurrence } from '../schedule/recurrence';
import { markCovered } from '../synth/coverage';
import { enclosingPlan } from '../synth/enclosing-plan';
import { pathName } from '../synth/names';
import { checkProps, type PropsOf } from '../synth/props';
import { dumpSettings, warnIfUnencrypted, warnOfDaysUnused, warnOfMissingIngress } from './dump-limits';
import { scheduleDump } from './dump-schedule';
import type { DumpSource } from './dump-source';
import { DumpTask, ringOnFailedDump } from './dump-task';
import { type DumpTier, dumpLifecycle, rarestFirst } from './dump-tier';

export interface LogicalDumpProps {
  /** The database to dump, and how to connect. Its security groups must allow the dump's `connections`. */
  readonly source: DumpSource;

  /** The VPC of the source, or one that can reach it. */
  readonly vpc: ec2.IVpc;

  /**
   * Subnets of the task. It pulls its images from public.ecr.aws and writes to S3, so they need egress.
   *
   * @default - the VPC's private subnets with egress
   */
  readonly subnets?: ec2.SubnetSelection;

  /**
   * When dumps are made.
   *
   * @default - every day at 02:00 UTC
   */
  readonly schedule?: Recurrence;

  /**
   * The tiers to use. Each dump goes to the rarest tier that has no readable dump of this year, month or week yet.
   *
   * @default - all four
   */
  readonly tiers?: DumpTier[];

  /**
   * Where dumps go: a versioned bucket of the same region. Keys are `<tier>/<name>/<period>/<time>.dump`, so
   * `ArchiveTier.daily()` and the like decide how long each is kept.
   *
   * @default - the `archive` of the enclosing plan; without one, an `ArchiveBucket` of its own: daily dumps are kept
   * 30 days, weekly 90, monthly a year (Glacier Instant Retrieval after 30 days), yearly seven years (Deep Archive
   * after 90 days)
   */
  readonly bucket?: s3.IBucket;

  /**
   * The storage class that dumps are written to. Each dump is read back once, which other classes than S3 Standard
   * charge for. They are also billed for a minimum of days; synth warns if the bucket's lifecycle is shorter. Classes
   * that can't be read at once are refused.
   * https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html
   *
   * @default - S3 Standard
   */
  readonly storageClass?: s3.StorageClass;

  /**
   * Name of the dump in its keys.
   *
   * @default - the construct's id
   */
  readonly backupName?: string;

  /**
   * After how long a dump is canceled: 1 minute to 24 hours.
   *
   * @default - 6 hours
   */
  readonly timeout?: Duration;

  /**
   * CPU units of the task: 1,024 are one vCPU, and pg_dump compresses on one.
   *
   * @default 1024
   */
  readonly cpu?: number;

  /**
   * Memory of the task in MiB, in a size that Fargate has for `cpu`. The upload holds several parts in memory, and S3
   * allows 10,000 parts: add 1,024 for each TiB of the database.
   *
   * @default 2048
   */
  readonly memoryMiB?: number;

  /**
   * Cluster of the task.
   *
   * @default - a cluster of its own, which costs nothing by itself
   */
  readonly cluster?: ecs.ICluster;

  /**
   * Image with bash, GNU coreutils, psql, pg_dump and pg_restore.
   *
   * @default - the official one of the major version: public.ecr.aws/docker/library/postgres
   */
  readonly postgresImage?: ecs.ContainerImage;

  /**
   * Image with bash, GNU coreutils and version 2 of the AWS CLI.
   *
   * @default - the official one: public.ecr.aws/aws-cli/aws-cli
   */
  readonly awsCliImage?: ecs.ContainerImage;

  /**
   * Encrypts logs, and the bucket of its own.
   *
   * @default - the key of the enclosing plan; without one, a key of its own, rotated yearly, retained
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * An alarm fires when the newest readable dump is older than this.
   *
   * @default - the schedule's longest gap, the timeout, and 1 hour
   */
  readonly overdueAfter?: Duration;

  /**
   * By how many percent a dump may be larger or smaller than the median of up to seven before it. Above 0 and below
   * 100.
   *
   * @default 50
   */
  readonly sizeTolerance?: number;

  /**
   * Topic to notify when a dump failed, or the newest readable one is too old or has an unusual size.
   *
   * @default - the `notify` of the enclosing plan; without one, alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

/** Dumps do not depend on its version, so it need not follow each release. */
const AWS_CLI = 'public.ecr.aws/aws-cli/aws-cli:2.36.44';

const PROPS: PropsOf<LogicalDumpProps> = {
  source: true,
  vpc: true,
  subnets: true,
  schedule: true,
  tiers: true,
  bucket: true,
  storageClass: true,
  backupName: true,
  timeout: true,
  cpu: true,
  memoryMiB: true,
  cluster: true,
  postgresImage: true,
  awsCliImage: true,
  encryptionKey: true,
  overdueAfter: true,
  sizeTolerance: true,
  notify: true,
};

/**
 * Scheduled dumps of a PostgreSQL database into S3 by pg_dump, of RDS or of a server of your own: copies that can be
 * read without either. They don't replace physical backups, since rows written after the last dump are not in it.
 *
 * A dump goes to S3 without touching a disk, and is then read back as a whole. Only a dump that came back as it was
 * sent, could be read to its last row, and has every table that it lists, gets a manifest (`<time>.manifest.json`, with
 * size, SHA-256, server version and rows of each table). A dump without a manifest is not a backup.
 *
 * Such a dump is readable, but a restore may still fail: pg_dump writes duplicate rows of a unique index, rows without
 * their parent, and functions that need a search_path as they are. Roles are stored beside it, without passwords
 * (`<time>.roles.sql`): run that with psql first, then `pg_restore --create`, and set passwords.
 *
 * @throws Error that lists all problems that synth can find
 */
export class LogicalDump extends Construct implements ec2.IConnectable {
  /**
   * Allow these to connect: `dump.connections.allowToDefaultPort(database)` puts the rule into the dump's stack.
   * `database.connections.allowDefaultPortFrom(dump)` puts it into the database's stack; if that is another one, the
   * two stacks would depend on each other.
   */
  public readonly connections: ec2.Connections;
  /** Where dumps go. */
  public readonly bucket: s3.IBucket;

  private readonly watch: BackupWatch;

  constructor(scope: Construct, id: string, props: LogicalDumpProps) {
    super(scope, id);
    checkProps(this, props, PROPS);
    const { source, notify, backupName = id, storageClass, timeout = Duration.hours(6) } = props;
    const settings = dumpSettings(this, props, backupName, timeout);
    const tiers = rarestFirst(props.tiers);
    const schedule = props.schedule ?? Recurrence.daily({ hour: 2 });
    if (source.database) markCovered(source.database, 'LogicalDump');

    const encryptionKey = dataKey(this, props.encryptionKey);
    this.bucket =
      props.bucket ??
      enclosingPlan(this)?.archive ??
      new ArchiveBucket(this, 'Archive', { encryptionKey, tiers: dumpLifecycle(tiers) }).bucket;
    const markers = `dumps/${backupName}/`;

    const securityGroup = this.securityGroup(props);
    this.connections = new ec2.Connections({ securityGroups: [securityGroup] });
    warnOfMissingIngress(this, securityGroup, source);
    warnIfUnencrypted(this, source);
    if (storageClass) {
      const prefixes = tiers.map((tier) => `${tier}/${backupName}/`);
      warnOfDaysUnused(this, { bucket: this.bucket, prefixes, storageClass });
    }
    const task = new DumpTask(this, 'Task', {
      ...settings,
      backupName,
      bucket: this.bucket,
      tiers,
      markers,
      source,
      storageClass,
      awsCli: props.awsCliImage ?? ecs.ContainerImage.fromRegistry(AWS_CLI),
      timeout,
      encryptionKey,
    });
    this.watch = new BackupWatch(this, 'Watch', {
      backup: pathName(this),
      bucket: this.bucket,
      prefix: markers,
      state: 'readable',
      encryptionKey,
      overdueAfter: overdueOf(this, props.overdueAfter, schedule, timeout.plus(Duration.hours(1))),
      sizeTolerance: props.sizeTolerance ?? 50,
      overdue: `The newest readable dump of ${backupName} is too old. The task's log says why later ones failed`,
      notify,
    });
    scheduleDump(this, {
      task,
      schedule: schedule.expression,
      cluster:
        props.cluster ??
        new ecs.Cluster(this, 'Cluster', { vpc: props.vpc, containerInsightsV2: ecs.ContainerInsights.ENABLED }),
      subnets: props.subnets,
      securityGroups: this.connections.securityGroups,
      deadLetterQueue: this.watch.deadLetterQueue,
    });
    ringOnFailedDump(this, { log: task.log, backupName, notify });
  }

  /** Seconds since the newest readable dump was finished. */
  public metricAge(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.watch.metricAge(options);
  }

  /** Bytes of the newest readable dump. */
  public metricSize(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.watch.metricSize(options);
  }

  /** Percent by which its size differs from usual. Not published until there are two dumps. */
  public metricSizeChange(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.watch.metricSizeChange(options);
  }

  private securityGroup({ vpc, source }: LogicalDumpProps): ec2.SecurityGroup {
    const group = new ec2.SecurityGroup(this, 'SecurityGroup', {
      vpc,
      description: 'Lifeboat: logical dump',
      allowAllOutbound: false,
    });
    group.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), 'S3, Secrets Manager, logs and images');
    group.addEgressRule(source.peer, source.tcp, 'the database');
    return group;
  }
}
