import { Annotations, CfnResource, Duration, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { addAlarm } from '../alarm/alarm';
import { removalPolicyOf } from '../synth/enclosing-plan';
import { warnOfFleetingKey } from '../synth/kept-keys';
import { acknowledge } from '../synth/nag-acknowledgements';
import { accountIdProblem } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';
import { accessLogs, logAccess } from './access-logs';
import { BucketBackups, type BucketBackupsProps } from './bucket-backups';
import { REPLICATION_RULE, type ReplicationTarget } from './bucket-replication';

export interface ArchiveBucketProps extends BucketBackupsProps {
  /**
   * Name of the bucket. Both sides of a replication state it.
   *
   * @default - CloudFormation generates one
   */
  readonly bucketName?: string;
  /**
   * Encrypts objects. Its key policy must delegate to IAM, as policies of CDK's keys do.
   *
   * @default - S3's own keys (SSE-S3): ElastiCache seeds a cache only from exports encrypted with those
   */
  readonly encryptionKey?: kms.IKey;
  /**
   * How long each version can't be changed or deleted. Object Lock can't be disabled again on a bucket.
   *
   * `s3.ObjectLockRetention.governance(...)` can be undone by anyone with permission to bypass governance,
   * `compliance(...)` by no one, AWS included.
   *
   * @default - not locked
   */
  readonly lock?: s3.ObjectLockRetention;
  /**
   * Where S3 delivers access logs: a bucket of the same region and account, encrypted with S3's own keys and without a
   * default lock. https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
   *
   * @default - a bucket of its own, kept for 400 days
   */
  readonly accessLogs?: s3.IBucket;
  /**
   * Topic to notify when objects could not be replicated.
   *
   * @default - the `notify` of the enclosing plan; without one, alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

const PROPS: PropsOf<ArchiveBucketProps> = {
  bucketName: true,
  encryptionKey: true,
  lock: true,
  accessLogs: true,
  notify: true,
  tiers: true,
  unfinishedUploads: true,
  replication: true,
};

/**
 * A bucket for backups, exports and logs that are kept for long: versioned, encrypted, private, TLS only, logged, and
 * retained when the stack is deleted. Its lifecycle goes by prefix, so a daily, weekly, monthly or yearly backup must
 * be written under the prefix of its tier.
 *
 * @throws Error that lists all that S3 would refuse: order and days of moves, expiry, overlapping tiers, replication;
 * or when S3 could not deliver access logs
 */
export class ArchiveBucket extends Construct {
  public readonly bucket: s3.IBucket;

  private readonly owned: s3.Bucket;
  private readonly replication?: ReplicationTarget;

  constructor(scope: Construct, id: string, props: ArchiveBucketProps = {}) {
    super(scope, id);
    checkProps(this, props, PROPS);
    const { encryptionKey, lock, replication } = props;
    this.replication = replication;
    warnOfFleetingKey(this, encryptionKey?.keyArn);
    if (props.accessLogs) this.refuseLogsOf(props.accessLogs);
    this.owned = new s3.Bucket(this, 'Bucket', {
      bucketName: props.bucketName,
      encryption: encryptionKey ? s3.BucketEncryption.KMS : s3.BucketEncryption.S3_MANAGED,
      encryptionKey,
      ...(encryptionKey && { bucketKeyEnabled: true }),
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      versioned: true,
      ...(lock && { objectLockEnabled: true, objectLockDefaultRetention: lock }),
      // A first deployment that fails leaves no empty bucket behind, whose name the second one would find taken.
      removalPolicy: removalPolicyOf(this, props.bucketName ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : undefined),
    });
    logAccess(this.owned, props.accessLogs ?? accessLogs(this, 'ArchiveBucket'), `${id}/`);
    this.bucket = this.owned;
    const { tiers, unfinishedUploads } = props;
    this.owned.with(new BucketBackups({ tiers, unfinishedUploads, replication }));
    if (!encryptionKey) acknowledge(this.owned, "S3's own keys");
    if (!replication) acknowledge(this.owned, 'archive in one region');
    if (lock?.mode === s3.ObjectLockMode.COMPLIANCE) {
      Annotations.of(this).addInfoV2(
        'lifeboat:compliance-lock',
        `'lock' is in compliance mode, so no one, AWS included, can delete a version for ${lock.duration.toHumanString()}; ` +
          'objects written by mistake are billed until then',
      );
    }
    if (replication) {
      addAlarm(this, 'ReplicationFailed', {
        metric: this.replicationMetric('OperationsFailedReplication', replication.bucketName),
        threshold: 0,
        description:
          `Objects of the archive ${id} could not be replicated into ${replication.bucketName}, so they are missing in the recovery ` +
          "region. Check the replication role and the target's key, then run S3 Batch Replication on the failed objects.",
        notify: props.notify,
      });
    }
  }

  /**
   * Allows the replication role of another account to write here. Replicas belong to this account.
   *
   * The role need not exist yet: the source creates it, and is deployed after its target.
   *
   * @param account ID of the source's account
   * @param roleName `replication.roleName` of the source
   * @throws Error when the account ID is not valid
   */
  public acceptReplicas(account: string, roleName: string): void {
    const noAccount = accountIdProblem(account, 'S3 would refuse the bucket policy');
    if (noAccount) throw new Error(`archive '${this.node.path}' can't accept replicas: ${noAccount}`);
    const { partition } = Stack.of(this);
    const allowed = (actions: string[], resource: string) =>
      this.owned.addToResourcePolicy(
        new iam.PolicyStatement({
          principals: [new iam.AccountPrincipal(account)],
          actions,
          resources: [resource],
          conditions: { ArnEquals: { 'aws:PrincipalArn': `arn:${partition}:iam::${account}:role/${roleName}` } },
        }),
      );
    const write = [
      's3:ReplicateObject',
      's3:ReplicateDelete',
      's3:ReplicateTags',
      's3:ObjectOwnerOverrideToBucketOwner',
    ];
    allowed(write, this.bucket.arnForObjects('*'));
    allowed(['s3:ListBucket', 's3:GetBucketVersioning'], this.bucket.bucketArn);
  }

  /**
   * Seconds that replicas lag behind. Not published while nothing is written. S3 publishes it in the target's region,
   * so put an alarm on it into a stack there; S3 publishes failed replications in this region.
   * https://docs.aws.amazon.com/AmazonS3/latest/userguide/repl-metrics.html
   */
  public replicationLatency(target: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    const region = this.replication?.bucketName === target ? this.replication.region : undefined;
    return this.replicationMetric('ReplicationLatency', target, {
      statistic: cloudwatch.Stats.MAXIMUM,
      region,
      ...options,
    });
  }

  private replicationMetric(metricName: string, target: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace: 'AWS/S3',
      metricName,
      dimensionsMap: { SourceBucket: this.bucket.bucketName, DestinationBucket: target, RuleId: REPLICATION_RULE },
      statistic: cloudwatch.Stats.SUM,
      period: Duration.minutes(5),
      ...options,
    });
  }

  /** S3 would deliver no logs, without an error. */
  private refuseLogsOf(bucket: s3.IBucket): void {
    const problems: string[] = [];
    const [here, there] = [Stack.of(this).region, bucket.env.region];
    if (![here, there].some((region) => Token.isUnresolved(region)) && here !== there) {
      problems.push(`'accessLogs' is in ${there} and the archive in ${here}; use a bucket in ${here}`);
    }
    const resource = bucket.node.defaultChild;
    const own = resource && CfnResource.isCfnResource(resource) && resource.cfnResourceType === 'AWS::S3::Bucket';
    const { bucketEncryption, objectLockConfiguration } = own ? (resource as s3.CfnBucket) : {};
    const stated = (value: unknown) => JSON.stringify(Stack.of(bucket).resolve(value) ?? {});
    if (bucket.encryptionKey || stated(bucketEncryption).includes('aws:kms')) {
      problems.push("'accessLogs' is encrypted with AWS KMS; encrypt it with S3's own keys (SSE-S3)");
    }
    if (stated(objectLockConfiguration).includes('defaultRetention')) {
      problems.push("'accessLogs' has a default Object Lock retention; remove that");
    }
    refuseAll(`archive '${this.node.path}': S3 would deliver no access logs to '${bucket.node.path}'`, problems);
  }
}
