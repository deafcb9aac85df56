import { ArnFormat, Duration, Stack, Token } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { automatedSnapshots, parse, type SnapshotExportRequest, snapshotExportRequest } from '../../lambda/contract';
import { brokenOffAlarms } from '../alarm/alarm';
import { BackupWatch } from '../alarm/backup-watch';
import { logKey } from '../function/log-key';
import { ScheduleTrigger } from '../function/schedule-trigger';
import { ShippedFunction } from '../function/shipped-function';
import { allow, lastGoodAccess } from '../function/statements';
import { overdueOf } from '../schedule/overdue';
import { Recurrence, Weekday } from '../schedule/recurrence';
import { acknowledgeWildcards } from '../synth/nag-acknowledgements';
import { pathName } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { known } from '../synth/tokens';
import { SourceDatabase } from './source-database';

/** https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html */
const ENGINES = ['mariadb', 'mysql', 'postgres'];

/**
 * What RDS refuses in a prefix, or writes as underscores.
 * https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-export-snapshot.Considerations.html
 */
const ODD = /[:\\`"\s]/g;

export interface SnapshotExportProps {
  /** An RDS instance with automated backups, of this app or imported: MariaDB, MySQL or PostgreSQL. */
  readonly database: rds.IDatabaseInstance;

  /**
   * Where exports go: a bucket of the database's region. RDS encrypts them with AWS KMS whatever the bucket's own setting,
   * so they are replicated only by a replication that names a key for its replicas (`encryptionKeyArn`).
   */
  readonly bucket: s3.IBucket;

  /**
   * What keys in the bucket start with, as in `exports/orders/`: the same as `ArchiveTier.prefixed()` takes, and the slash at
   * its end may be left out. Each export has a folder of its own under it. That one is good is written under
   * `status/<prefix>/<database>/`.
   *
   * @default - `snapshot-exports/` and the path of the construct, its slashes, and what RDS does not take, as hyphens
   */
  readonly prefix?: string;

  /**
   * Encrypts what is exported, and the log. It must be of the database's region, and its policy must let CloudWatch Logs
   * use it, which is added for keys of the same app, and IAM policies of the account decide, as keys made by CDK do.
   *
   * @default - a key of its own, rotated yearly, retained
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * When.
   *
   * @default - Sundays at 06:00 UTC
   */
  readonly schedule?: Recurrence;

  /**
   * From which age of the exported data on somebody is told. An export takes hours, of a large database more than a day:
   * allow for that.
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
   * Who is told when an export failed or could not be started, the newest is too old, or of an unusual size.
   *
   * @default - whom the plan around it tells; else nobody, and the alarms only show
   */
  readonly notify?: sns.ITopic;
}

/**
 * Exports the newest automated snapshot of a database to S3 as Parquet, weekly, for reading with Athena and the like.
 *
 * An export is no backup: RDS can't restore one. It also leaves out what Parquet has no place for: indexes, constraints,
 * sequences, views, roles. Keep snapshots or a logical dump to restore from.
 *
 * RDS runs five exports of an account at once; this waits for its turn, for half a day.
 *
 * @throws Error when bucket or key are of another region, RDS exports no snapshots of the engine, or takes no such prefix;
 * at synth when another export of the database says in the same place that it is good
 */
export class SnapshotExport extends Construct {
  /** What the runbook is handed at each start. */
  public readonly request: SnapshotExportRequest;
  /** Starts an export when it is invoked, asynchronously, with the request. */
  public readonly exporter: lambda.IAlias;
  /** RDS writes to the bucket as this role. */
  public readonly role: iam.IRole;

  private readonly watch: BackupWatch;

  constructor(scope: Construct, id: string, props: SnapshotExportProps) {
    super(scope, id);
    const { bucket, notify } = props;
    const source = new SourceDatabase(props.database);
    const stated = props.prefix ?? `snapshot-exports/${pathName(this).replace(ODD, '-')}/`;
    // RDS puts a slash behind it.
    const prefix = stated.replace(/\/$/, '');
    this.refuse(props, source, prefix);
    const schedule = props.schedule ?? Recurrence.weekly({ weekday: Weekday.SUNDAY, hour: 6 });
    const encryptionKey = logKey(this, props.encryptionKey);

    // Beside the exports: RDS's role may write over all that is under their prefix, and Athena reads it.
    const statusPrefix = `status/${prefix}/${source.identifier}/`;
    const backup = props.backupName ?? pathName(this);
    this.watch = new BackupWatch(this, 'Watch', {
      backup,
      bucket,
      prefix: statusPrefix,
      overdueAfter: overdueOf(this, props.overdueAfter, schedule, Duration.days(2)),
      sizeTolerance: props.sizeTolerance ?? 50,
      overdue: `The newest export ${backup} of a snapshot to S3 is too old: look at its runbook's executions`,
      encryptionKey,
      notify,
    });
    const { deadLetterQueue } = this.watch;

    const role = new iam.Role(this, 'Role', {
      description: 'Lifeboat: RDS writes exports of snapshots as this role',
      assumedBy: new iam.ServicePrincipal('export.rds.amazonaws.com'),
    });
    this.role = role;
    const writing = new iam.ManagedPolicy(this, 'Writing', {
      roles: [role],
      // As RDS asks for: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.Setup.html
      statements: [
        allow(['s3:DeleteObject*', 's3:GetObject*', 's3:PutObject*'], [bucket.arnForObjects(`${prefix}/*`)]),
        allow(['s3:GetBucketLocation', 's3:ListBucket'], [bucket.bucketArn]),
      ],
    });
    acknowledgeWildcards(writing, 'RDS asks for these actions by pattern, and names the objects of an export itself.');

    this.request = {
      instance: source.identifier,
      bucket: bucket.bucketName,
      prefix,
      statusPrefix,
      role: role.roleArn,
      key: encryptionKey.keyArn,
    };
    const handler = new ShippedFunction(this, 'Exporter', {
      entry: 'export-snapshot',
      description: 'Lifeboat: exports the newest automated snapshot of a database to S3',
      timeout: Duration.minutes(5),
      memorySize: 256,
      encryptionKey,
      durableFor: Duration.days(4),
      deadLetterQueue,
      patterns:
        'Automated snapshots are named by RDS after their database and the minute, and files of exports by RDS alone; what ' +
        'only describes can not be narrowed.',
      statements: [
        ...this.permissions(source.identifier, role, encryptionKey),
        // To measure what is there, and nothing of it is read.
        allow(['s3:ListBucket'], [bucket.bucketArn], { StringLike: { 's3:prefix': `${prefix}/*` } }),
        ...lastGoodAccess(bucket, statusPrefix),
      ],
    });
    handler.node.addDependency(writing);
    this.exporter = new lambda.Alias(this, 'Live', { aliasName: 'live', version: handler.function.currentVersion });
    const trigger = new ScheduleTrigger(this, 'Schedule', {
      target: this.exporter,
      schedule: schedule.expression,
      description: 'Lifeboat: exports the newest automated snapshot of a database to S3',
      request: this.request,
      deadLetterQueue,
    });
    trigger.node.addDependency(handler);
    brokenOffAlarms(this, handler.function, {
      description: `Export ${backup} of a snapshot to S3 did not end well, so there is none of this time: see its log`,
      notify,
    });
  }

  /** Seconds since the newest exported data was snapshotted. Published every hour; silence means that nobody watches. */
  public age(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.watch.age(options);
  }

  /** Bytes of the newest good export. */
  public size(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.watch.size(options);
  }

  /** Percent by which those are more or fewer than usual. Silent until there are two exports. */
  public sizeChange(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.watch.sizeChange(options);
  }

  private permissions(instance: string, role: iam.IRole, key: kms.IKey): iam.PolicyStatement[] {
    const snapshots = Stack.of(this).formatArn({
      service: 'rds',
      resource: 'snapshot',
      // The pattern leaves out the snapshots of a database `orders-archive`.
      resourceName: automatedSnapshots(instance),
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    return [
      allow(['rds:DescribeDBSnapshots', 'rds:DescribeExportTasks', 'rds:ListTagsForResource'], ['*']),
      allow(['rds:StartExportTask'], [snapshots]),
      allow(['iam:PassRole'], [role.roleArn], { StringEquals: { 'iam:PassedToService': 'export.rds.amazonaws.com' } }),
      allow(['kms:DescribeKey'], [key.keyArn]),
      // RDS goes on encrypting after the call, by a grant of the caller's.
      allow(['kms:CreateGrant'], [key.keyArn], { Bool: { 'kms:GrantIsForAWSResource': 'true' } }),
    ];
  }

  private refuse(props: SnapshotExportProps, source: SourceDatabase, prefix: string): void {
    const { database, bucket, encryptionKey } = props;
    const problems: string[] = [];
    const here = Stack.of(this).region;
    for (const [what, there, remedy] of [
      ['the bucket', bucket.env.region, 'export to a bucket of the database, and replicate that one'],
      ['the key', encryptionKey?.env.region ?? here, 'give a key of the database, or leave it out'],
      ['the database', database.env.region, 'put the export into a stack of the database'],
    ] as const) {
      if ([here, there].some((region) => Token.isUnresolved(region)) || here === there) continue;
      problems.push(`${what} is in ${there} and the export in ${here}, so RDS would refuse it; ${remedy}'s region`);
    }
    const engine = known(source.engine);
    if (engine !== undefined && !ENGINES.includes(engine)) {
      problems.push(
        `it runs ${engine}, and RDS exports snapshots of ${ENGINES.join(', ')} only; take the export off it`,
      );
    }
    if (source.retentionDays === 0) {
      problems.push(
        'its backup retention is 0 days, so there is never a snapshot to export; keep backups for at least 1 day',
      );
    }
    if (!Token.isUnresolved(prefix) && (prefix === '' || /^\/|\/$|\/\//.test(prefix))) {
      problems.push(
        `the prefix '${props.prefix}' has a folder without a name, so exports would not lie where who reads them looks; write it as in ` +
          "'exports/orders/'",
      );
    }
    const odd = Token.isUnresolved(prefix) ? null : prefix.match(ODD);
    if (odd) {
      problems.push(
        `the prefix '${props.prefix}' has ${odd.map((one) => JSON.stringify(one)).join(', ')} in it, and RDS takes no colons, and makes ` +
          'underscores of backslashes, quotes and spaces, so that its role may not write there; leave those out',
      );
    }
    refuseAll(`snapshot export '${this.node.path}'`, problems);
    const tokens = {
      bucket: 'known-at-deployment',
      role: 'known-at-deployment',
      key: 'known-at-deployment',
      statusPrefix: 'known-at-deployment/',
    };
    const { identifier } = source;
    const instance = Token.isUnresolved(identifier) ? 'known-at-deployment' : identifier;
    parse(snapshotExportRequest, { ...tokens, instance, prefix }, `snapshot export '${this.node.path}'`);
  }
}
