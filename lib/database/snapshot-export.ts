import { Duration } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { type SnapshotExportRequest, snapshotExportRequest } from '../../lambda/contract';
import { brokenOffAlarms } from '../alarm/alarm';
import { BackupWatch } from '../alarm/backup-watch';
import { grantStart } from '../function/grant-start';
import { dataKey } from '../function/log-key';
import { ScheduleTrigger } from '../function/schedule-trigger';
import { ShippedFunction } from '../function/shipped-function';
import { allow, lastGoodAccess } from '../function/statements';
import { overdueOf } from '../schedule/overdue';
import { Recurrence, Weekday } from '../schedule/recurrence';
import { archiveOf } from '../synth/enclosing-plan';
import { acknowledgeWildcards } from '../synth/nag-acknowledgements';
import { pathName } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';
import { parseAtSynth } from '../synth/tokens';
import { exportProblems, ODD } from './snapshot-export-limits';
import { exportPermissions } from './snapshot-export-permissions';
import { SourceDatabase } from './source-database';

export interface SnapshotExportProps {
  /** An RDS instance with automated backups, of this app or imported: MariaDB, MySQL or PostgreSQL. */
  readonly database: rds.IDatabaseInstance;

  /**
   * Where exports go: a bucket of the database's region. RDS encrypts them with AWS KMS whatever the bucket's own
   * setting, so they are replicated only by a replication that names a key for its replicas (`encryptionKeyArn`).
   *
   * @default - the `archive` of the enclosing plan; without one, an error
   */
  readonly bucket?: s3.IBucket;

  /**
   * Prefix of keys in the bucket, as in `exports/orders/`: the same as for `ArchiveTier.prefixed()`; the slash at its
   * end may be left out. Each export has a folder of its own under it. Success markers are written under
   * `status/<prefix>/<database>/`.
   *
   * @default - `snapshot-exports/` and the path of the construct, with hyphens for slashes and for characters that RDS
   * refuses
   */
  readonly prefix?: string;

  /**
   * Encrypts exports and the log. It must be in the database's region. Its key policy must delegate to IAM, as policies
   * of CDK's keys do, and allow CloudWatch Logs, which is added for keys of the same app.
   *
   * @default - the key of the enclosing plan; without one, a key of its own, rotated yearly, retained
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * When exports are made.
   *
   * @default - Sundays at 06:00 UTC
   */
  readonly schedule?: Recurrence;

  /**
   * An alarm fires when the newest exported data is older than this. An export takes hours, for a large database more
   * than a day.
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
   * Topic to notify when an export failed or could not be started, or the newest is too old or has an unusual size.
   *
   * @default - the `notify` of the enclosing plan; without one, alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

const PROPS: PropsOf<SnapshotExportProps> = {
  database: true,
  bucket: true,
  prefix: true,
  encryptionKey: true,
  schedule: true,
  overdueAfter: true,
  sizeTolerance: true,
  backupName: true,
  notify: true,
};

/**
 * Exports the newest automated snapshot of a database to S3 as Parquet, weekly, for Athena and similar tools.
 *
 * An export is not a backup: RDS can't restore it. It contains no indexes, constraints, sequences, views or roles. Keep
 * snapshots or a logical dump to restore from.
 *
 * RDS runs five exports of an account at once; this waits for its turn for up to half a day.
 *
 * @throws Error when bucket or key are in another region, or RDS would refuse the engine or the prefix; at synth when
 * another export of the database has the same success marker
 */
export class SnapshotExport extends Construct {
  /** The input of the runbook at each start. */
  public readonly request: SnapshotExportRequest;
  /** Starts an export when it is invoked, asynchronously, with the request. */
  public readonly function: lambda.IAlias;
  /** RDS writes to the bucket as this role. */
  public readonly role: iam.IRole;

  private readonly watch: BackupWatch;

  constructor(scope: Construct, id: string, props: SnapshotExportProps) {
    super(scope, id);
    checkProps(this, props, PROPS);
    const bucket = archiveOf(this, props.bucket);
    const source = new SourceDatabase(props.database);
    const stated = props.prefix ?? `snapshot-exports/${pathName(this).replace(ODD, '-')}/`;
    // RDS appends a slash.
    const prefix = stated.replace(/\/$/, '');
    refuseAll(this.what, exportProblems(this, { ...props, bucket }, source, prefix));
    const schedule = props.schedule ?? Recurrence.weekly({ weekday: Weekday.SUNDAY, hour: 6 });
    const encryptionKey = dataKey(this, props.encryptionKey);

    // Not under the prefix of exports: RDS's role may overwrite everything there, and Athena reads it.
    const statusPrefix = `status/${prefix}/${source.identifier}/`;
    const backup = props.backupName ?? pathName(this);
    this.watch = this.watchOf(props, { backup, bucket, statusPrefix, schedule, encryptionKey });
    this.role = new iam.Role(this, 'Role', {
      description: 'Lifeboat: RDS writes exports of snapshots as this role',
      assumedBy: new iam.ServicePrincipal('export.rds.amazonaws.com'),
    });
    const writing = this.letWrite(bucket, prefix);

    this.request = parseAtSynth(
      snapshotExportRequest,
      {
        instance: source.identifier,
        bucket: bucket.bucketName,
        prefix,
        statusPrefix,
        role: this.role.roleArn,
        key: encryptionKey.keyArn,
      },
      this.what,
    );
    const runbook = this.runbook(bucket, encryptionKey);
    runbook.node.addDependency(writing);
    this.function = new lambda.Alias(this, 'Live', { aliasName: 'live', version: runbook.function.currentVersion });
    this.startOn(schedule, runbook);
    brokenOffAlarms(this, runbook.function, {
      description: `Export ${backup} of a snapshot to S3 failed, so this export is missing. See its log.`,
      notify: props.notify,
    });
  }

  /**
   * Lets a grantee start an export at any time, and nothing else.
   *
   * @throws Error when the grantee lies in a stack of another region, whose policies can't refer to it
   */
  public grantStart(grantee: iam.IGrantable): iam.Grant {
    return grantStart('snapshot export', this, this.function, grantee);
  }

  /** Seconds since the newest exported data was snapshotted. Published every hour; silence means that nobody watches. */
  public metricAge(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.watch.metricAge(options);
  }

  /** Bytes of the newest good export. */
  public metricSize(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.watch.metricSize(options);
  }

  /** Percent by which its size differs from usual. Not published until there are two exports. */
  public metricSizeChange(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.watch.metricSizeChange(options);
  }

  private watchOf(
    props: SnapshotExportProps,
    { backup, bucket, statusPrefix, schedule, encryptionKey }: Settled,
  ): BackupWatch {
    return new BackupWatch(this, 'Watch', {
      backup,
      bucket,
      prefix: statusPrefix,
      overdueAfter: overdueOf(this, props.overdueAfter, schedule, Duration.days(2)),
      sizeTolerance: props.sizeTolerance ?? 50,
      overdue: `The newest export ${backup} of a snapshot to S3 is too old. See the executions of its runbook`,
      encryptionKey,
      notify: props.notify,
    });
  }

  /** Permissions of the role that RDS writes as. */
  private letWrite(bucket: s3.IBucket, prefix: string): iam.ManagedPolicy {
    const writing = new iam.ManagedPolicy(this, 'Writing', {
      roles: [this.role],
      // As RDS requires: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.Setup.html
      statements: [
        allow(['s3:DeleteObject*', 's3:GetObject*', 's3:PutObject*'], [bucket.arnForObjects(`${prefix}/*`)]),
        allow(['s3:GetBucketLocation', 's3:ListBucket'], [bucket.bucketArn]),
      ],
    });
    acknowledgeWildcards(writing, 'RDS requires these actions by pattern, and names the objects of an export itself.');
    return writing;
  }

  private runbook(bucket: s3.IBucket, encryptionKey: kms.IKey): ShippedFunction {
    const { instance, prefix, statusPrefix } = this.request;
    return new ShippedFunction(this, 'Exporter', {
      entry: 'export-snapshot',
      description: 'Lifeboat: exports the newest automated snapshot of a database to S3',
      timeout: Duration.minutes(5),
      memorySize: 256,
      encryptionKey,
      durableFor: Duration.days(4),
      deadLetterQueue: this.watch.deadLetterQueue,
      patterns:
        'RDS names automated snapshots after their database and the minute, and files of exports by its own rules; ' +
        'describing actions can not be narrowed.',
      statements: [
        ...exportPermissions(this, instance, this.role, encryptionKey),
        // To measure what is there, and nothing of it is read.
        allow(['s3:ListBucket'], [bucket.bucketArn], { StringLike: { 's3:prefix': `${prefix}/*` } }),
        ...lastGoodAccess(bucket, statusPrefix),
      ],
    });
  }

  private startOn(schedule: Recurrence, runbook: ShippedFunction): void {
    const trigger = new ScheduleTrigger(this, 'Schedule', {
      target: this.function,
      schedule: schedule.expression,
      description: 'Lifeboat: exports the newest automated snapshot of a database to S3',
      request: this.request,
      deadLetterQueue: this.watch.deadLetterQueue,
    });
    trigger.node.addDependency(runbook);
  }

  private get what(): string {
    return `snapshot export '${this.node.path}'`;
  }
}

/** An export's props with their defaults. */
interface Settled {
  readonly backup: string;
  readonly statusPrefix: string;
  readonly schedule: Recurrence;
  readonly bucket: s3.IBucket;
  readonly encryptionKey: kms.IKey;
}
