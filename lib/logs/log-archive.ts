import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as firehose from 'aws-cdk-lib/aws-kinesisfirehose';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { ArchiveBucket } from '../bucket/archive-bucket';
import { ArchiveTier, StorageTransition } from '../bucket/archive-tier';
import { dataKey } from '../function/log-key';
import { allow, refuseOddPrefix } from '../function/statements';
import { enclosingPlan, removalPolicyOf } from '../synth/enclosing-plan';
import { acknowledgeWildcards } from '../synth/nag-acknowledgements';
import { refuseTakenName } from '../synth/names';
import { checkProps, type PropsOf } from '../synth/props';
import { ringOnMissingLogs } from './log-archive-alarms';
import { refuseUnsubscribable, tooManySubscriptions } from './log-group-limits';

export interface LogArchiveProps {
  /**
   * Where logs are archived: a bucket of the same region. Its lifecycle decides for how long, by prefix.
   *
   * @default - the `archive` of the enclosing plan; without one, an `ArchiveBucket` of its own: Glacier Instant
   * Retrieval after 90 days, deleted after a year
   */
  readonly bucket?: s3.IBucket;

  /**
   * Prefix of keys, ending in a slash. Each log group's name in the archive and the date follow.
   *
   * @default 'logs/'
   */
  readonly prefix?: string;

  /**
   * How long Firehose buffers before it writes: 0 seconds to 15 minutes. Meanwhile events are still in CloudWatch.
   *
   * @default - 5 minutes, or 5 MiB
   */
  readonly bufferingInterval?: Duration;

  /**
   * Encrypts log groups created here, and the bucket of its own. Its key policy must delegate to IAM, as policies of
   * CDK's keys do.
   *
   * @default - the key of the enclosing plan; without one, a key of its own, rotated yearly, retained
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * Topic to notify when logs don't reach the archive.
   *
   * @default - the `notify` of the enclosing plan; without one, alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

export interface ArchivedLogGroupOptions {
  /**
   * How long CloudWatch keeps events. The archive keeps them longer.
   *
   * @default logs.RetentionDays.ONE_MONTH
   */
  readonly retention?: logs.RetentionDays;

  /**
   * Name of the log group.
   *
   * @default - CloudFormation generates one
   */
  readonly logGroupName?: string;

  /**
   * Which events are archived.
   *
   * @default - all
   */
  readonly filter?: logs.IFilterPattern;
}

export interface SubscriptionOptions {
  /** A log group of the same region, in the class STANDARD, with fewer than two subscriptions. */
  readonly logGroup: logs.ILogGroup;

  /**
   * Which events are archived.
   *
   * @default - all
   */
  readonly filter?: logs.IFilterPattern;
}

const PROPS: PropsOf<LogArchiveProps> = {
  bucket: true,
  prefix: true,
  bufferingInterval: true,
  encryptionKey: true,
  notify: true,
};

/**
 * Logs that outlive CloudWatch's retention: each event is in S3 minutes after it was written.
 *
 * It doesn't use export tasks: those lag by up to 12 hours, one runs at a time, and AWS advises against them for
 * archives.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/S3Export.html
 *
 * In the bucket, each log group has a folder for each day with gzipped JSON lines. Each line is a batch with log group,
 * stream, and events with their times.
 */
export class LogArchive extends Construct {
  /** Where logs are archived. */
  public readonly bucket: s3.IBucket;

  private readonly prefix: string;
  private readonly encryptionKey: kms.IKey;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: LogArchiveProps = {},
  ) {
    super(scope, id);
    checkProps(this, props, PROPS);
    this.prefix = props.prefix ?? 'logs/';
    refuseOddPrefix(`log archive '${this.node.path}'`, this.prefix);
    const { bufferingInterval } = props;
    if (bufferingInterval && !bufferingInterval.isUnresolved() && bufferingInterval.toSeconds() > 900) {
      throw new Error(
        `log archive '${this.node.path}': 'bufferingInterval' is ${bufferingInterval.toSeconds()} seconds, and Firehose buffers for ` +
          'at most 900; set 15 minutes or less',
      );
    }
    this.encryptionKey = dataKey(this, props.encryptionKey);
    this.bucket =
      props.bucket ??
      enclosingPlan(this)?.archive ??
      new ArchiveBucket(this, 'Files', {
        encryptionKey: this.encryptionKey,
        tiers: [
          ArchiveTier.prefixed(this.prefix, {
            transitions: [StorageTransition.glacierInstantRetrieval(Duration.days(90))],
            expireAfter: Duration.days(365),
          }),
        ],
      }).bucket;
  }

  /**
   * Creates a log group whose events are archived. It is retained when the stack is deleted.
   *
   * @param id also its name in the archive
   * @throws Error when the id is taken
   */
  public addLogGroup(id: string, options: ArchivedLogGroupOptions = {}): logs.LogGroup {
    const logGroup = new logs.LogGroup(this, `${id}Log`, {
      logGroupName: options.logGroupName,
      retention: options.retention ?? logs.RetentionDays.ONE_MONTH,
      encryptionKey: this.encryptionKey,
      // A first deployment that fails leaves no group behind, whose name the second one would find taken.
      removalPolicy: removalPolicyOf(this, options.logGroupName ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : undefined),
    });
    this.subscribe(id, { logGroup, filter: options.filter });
    return logGroup;
  }

  /**
   * Archives new events of an existing log group. Its retention does not change.
   *
   * @param id also its name in the archive
   * @throws Error when the id is taken, there is no such log group, or its class has no subscriptions; at synth when it
   * has more than two subscriptions in the app
   */
  public subscribe(id: string, { logGroup, filter }: SubscriptionOptions): void {
    refuseTakenName('log', this, id, ['Files', 'Key']);
    refuseUnsubscribable(this, id, logGroup);
    const scope = new Construct(this, id);
    const stream = this.stream(scope, id);
    const role = new iam.Role(scope, 'Subscriber', {
      assumedBy: new iam.ServicePrincipal('logs.amazonaws.com', {
        conditions: {
          StringLike: {
            'aws:SourceArn': Stack.of(this).formatArn({ service: 'logs', resource: '*' }),
          },
        },
      }),
    });
    const policy = new iam.ManagedPolicy(scope, 'SubscriberPolicy', {
      roles: [role],
      statements: [allow(['firehose:PutRecord', 'firehose:PutRecordBatch'], [stream.attrArn])],
    });
    const subscription = new logs.SubscriptionFilter(scope, 'Subscription', {
      logGroup,
      filterPattern: filter ?? logs.FilterPattern.allEvents(),
      destination: { bind: () => ({ arn: stream.attrArn, role: role.withoutPolicyUpdates() }) },
    });
    subscription.node.addValidation({ validate: () => tooManySubscriptions(subscription) });
    // CloudWatch Logs tests the role before it accepts the subscription.
    subscription.node.addDependency(policy);
    ringOnMissingLogs(scope, { id, stream: stream.ref, logGroup, filter, notify: this.props.notify });
  }

  private stream(scope: Construct, id: string): firehose.CfnDeliveryStream {
    const { bucket, encryptionKey } = this;
    const errors = new logs.LogGroup(scope, 'Errors', {
      retention: logs.RetentionDays.ONE_MONTH,
      encryptionKey,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new iam.Role(scope, 'Role', { assumedBy: new iam.ServicePrincipal('firehose.amazonaws.com') });
    const viaS3 = { StringEquals: { 'kms:ViaService': `s3.${Stack.of(this).region}.amazonaws.com` } };
    const policy = new iam.ManagedPolicy(scope, 'Policy', {
      roles: [role],
      statements: [
        allow(['s3:AbortMultipartUpload', 's3:PutObject'], [bucket.arnForObjects(`${this.prefix}${id}/*`)]),
        allow(['s3:GetBucketLocation', 's3:ListBucket', 's3:ListBucketMultipartUploads'], [bucket.bucketArn]),
        allow(['logs:PutLogEvents'], [errors.logGroupArn]),
        ...(bucket.encryptionKey
          ? [allow(['kms:Decrypt', 'kms:GenerateDataKey'], [bucket.encryptionKey.keyArn], viaS3)]
          : []),
      ],
    });
    acknowledgeWildcards(policy, 'Firehose writes files that it names itself, under one prefix.');
    const stream = new firehose.CfnDeliveryStream(scope, 'Stream', {
      deliveryStreamType: 'DirectPut',
      // The stream holds data for minutes. A customer managed key would need grants by each deployer.
      deliveryStreamEncryptionConfigurationInput: { keyType: 'AWS_OWNED_CMK' },
      extendedS3DestinationConfiguration: {
        roleArn: role.roleArn,
        bucketArn: bucket.bucketArn,
        prefix: `${this.prefix}${id}/!{timestamp:yyyy/MM/dd}/`,
        errorOutputPrefix: `${this.prefix}${id}/failed/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/`,
        compressionFormat: 'GZIP',
        bufferingHints: {
          intervalInSeconds: (this.props.bufferingInterval ?? Duration.minutes(5)).toSeconds(),
          sizeInMBs: 5,
        },
        // CloudWatch Logs sends gzipped batches without an end of line; tools that read the archive want lines.
        // https://docs.aws.amazon.com/firehose/latest/dev/writing-with-cloudwatch-logs-decompression.html
        processingConfiguration: {
          enabled: true,
          processors: [
            { type: 'Decompression', parameters: [{ parameterName: 'CompressionFormat', parameterValue: 'GZIP' }] },
            { type: 'AppendDelimiterToRecord', parameters: [] },
          ],
        },
        cloudWatchLoggingOptions: {
          enabled: true,
          logGroupName: errors.logGroupName,
          logStreamName: errors.addStream('Delivery').logStreamName,
        },
      },
    });
    stream.node.addDependency(policy);
    return stream;
  }
}
