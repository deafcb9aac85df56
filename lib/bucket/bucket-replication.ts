/**
 * Replication of a bucket into one of another region. Both sides state the name, without a reference, since the
 * recovery region's stack must deploy even when the primary's is lost.
 */

import { Arn, ArnFormat, Stack, Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { allow } from '../function/statements';
import { acknowledgeWildcards } from '../synth/nag-acknowledgements';
import { accountIdProblem, regionNameProblem } from '../synth/names';

/** Whether S3 replicates delete markers. Deletions of single versions are never replicated. */
export enum DeleteMarkers {
  /** Objects deleted in the source stay in the replica, so a wrong deletion does no harm there. */
  NOT_REPLICATED = 'Disabled',
  /** Objects deleted in the source are hidden in the replica. Their versions remain there. */
  REPLICATED = 'Enabled',
}

/** How soon objects are replicated. */
export enum ReplicationTiming {
  /** Usually within minutes, without a guarantee; the latency is a metric. */
  BEST_EFFORT = 'best effort',
  /** S3 Replication Time Control: 99.9 % within 15 minutes by agreement, for about $0.015 a GB more. */
  WITHIN_15_MINUTES = 'within 15 minutes',
}

/** The bucket that holds the replicas. It must be versioned, and exist before the source is deployed. */
export interface ReplicationTarget {
  /** Its name, the same as in the stack of the recovery region. */
  readonly bucketName: string;
  /** Its region, different from the source's. */
  readonly region: string;
  /**
   * Its account. Replicas there belong to that account, and the bucket's policy must allow the source's role:
   * `ArchiveBucket.acceptReplicas()`.
   *
   * @default - the source's
   */
  readonly account?: string;
  /**
   * Name of the replication role. The policies of another account's bucket and key allow it by this name before it
   * exists.
   *
   * @default - CloudFormation generates one; required if `account` is stated
   */
  readonly roleName?: string;
  /**
   * ARN of the key in its region that encrypts replicas. With it, objects encrypted with AWS KMS are replicated, too,
   * whether the bucket encrypts them or their writer does, as RDS does with exports.
   *
   * @default - objects encrypted with AWS KMS are not replicated; required if the source has a key
   */
  readonly encryptionKeyArn?: string;
  /**
   * Whether deletions are replicated.
   *
   * @default DeleteMarkers.NOT_REPLICATED
   */
  readonly deleteMarkers?: DeleteMarkers;
  /**
   * How soon objects are replicated. Replication is asynchronous in any case, so the newest objects may be lost.
   *
   * @default ReplicationTiming.BEST_EFFORT
   */
  readonly timing?: ReplicationTiming;
}

export const REPLICATION_RULE = 'recovery-region';

/** What synth knows of the source. */
export interface ReplicationSource {
  readonly bucket: s3.CfnBucket;
  /** Whether objects are encrypted with AWS KMS. */
  readonly usesKms: boolean;
  /**
   * The key that objects are encrypted with.
   *
   * @default - the bucket names none
   */
  readonly keyArn?: string;
  readonly locked: boolean;
}

/** What S3 would refuse, or silently not do; one sentence each. */
export function replicationProblems(source: ReplicationSource, target: ReplicationTarget): string[] {
  const { region } = Stack.of(source.bucket);
  const problems: string[] = [];
  const unknown = regionNameProblem(target.region);
  if (unknown) problems.push(unknown);
  if (!Token.isUnresolved(region) && region === target.region) {
    problems.push(
      `'replication.region' is ${target.region}, the region of the bucket itself, so replicas would be lost with it; use another region`,
    );
  }
  const noAccount = accountIdProblem(target.account, 'no replica would ever get there');
  if (noAccount) problems.push(noAccount);
  if (target.account && !target.roleName) {
    problems.push(
      `'replication.roleName' is missing, and account ${target.account} of '${target.bucketName}' can allow the role only by its name, so ` +
        'nothing would be replicated; state it, and pass it to acceptReplicas() there',
    );
  }
  if (source.usesKms && !target.encryptionKeyArn) {
    problems.push(
      `'replication.encryptionKeyArn' is missing, and objects are encrypted with AWS KMS, so S3 would replicate none; state ` +
        `a key in ${target.region}`,
    );
  }
  const keyRegion = keyRegionOf(target.encryptionKeyArn);
  if (keyRegion && !Token.isUnresolved(target.region) && keyRegion !== target.region) {
    problems.push(
      `'replication.encryptionKeyArn' is in ${keyRegion} and '${target.bucketName}' in ${target.region}, so replication would fail; use a ` +
        `key in ${target.region}`,
    );
  }
  return problems;
}

/** The gaps of replication, since 'replicated' suggests that nothing can be lost. */
export function whatReplicasLack({ region, timing, deleteMarkers }: ReplicationTarget): string {
  const soon =
    timing === ReplicationTiming.WITHIN_15_MINUTES
      ? '99.9 % of them within 15 minutes'
      : 'usually within minutes, which S3 does not promise';
  const markers = deleteMarkers === DeleteMarkers.REPLICATED ? 'are replicated' : 'are not replicated';
  return (
    `objects reach ${region} asynchronously, ${soon}, so the newest are lost with this region; objects from before replication ` +
    `are not replicated (run S3 Batch Replication once), and delete markers ${markers}`
  );
}

/** The replication role, and the rule that it serves. */
export class BucketReplication extends Construct {
  public readonly configuration: s3.CfnBucket.ReplicationConfigurationProperty;
  public readonly role: iam.Role;

  constructor(scope: Construct, id: string, source: ReplicationSource, target: ReplicationTarget) {
    super(scope, id);
    const { partition } = Stack.of(this);
    const targetArn = `arn:${partition}:s3:::${target.bucketName}`;
    const markers = target.deleteMarkers ?? DeleteMarkers.NOT_REPLICATED;
    this.role = new iam.Role(this, 'Role', {
      roleName: target.roleName,
      assumedBy: new iam.ServicePrincipal('s3.amazonaws.com'),
    });
    const policy = new iam.ManagedPolicy(this, 'Policy', {
      roles: [this.role],
      statements: permissions(source, target, targetArn),
    });
    acknowledgeWildcards(policy, 'It replicates every object of one bucket, with any key, into one other bucket.');
    const timed = target.timing === ReplicationTiming.WITHIN_15_MINUTES;
    this.configuration = {
      role: this.role.roleArn,
      rules: [
        {
          id: REPLICATION_RULE,
          priority: 0,
          status: 'Enabled',
          filter: { prefix: '' },
          deleteMarkerReplication: { status: markers },
          // S3 accepts only both together, whatever the source's own encryption.
          // https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html
          ...(target.encryptionKeyArn && {
            sourceSelectionCriteria: { sseKmsEncryptedObjects: { status: 'Enabled' } },
          }),
          destination: {
            bucket: targetArn,
            metrics: { status: 'Enabled', ...(timed && { eventThreshold: { minutes: 15 } }) },
            ...(timed && { replicationTime: { status: 'Enabled', time: { minutes: 15 } } }),
            ...(target.account && { account: target.account, accessControlTranslation: { owner: 'Destination' } }),
            ...(target.encryptionKeyArn && {
              encryptionConfiguration: { replicaKmsKeyId: target.encryptionKeyArn },
            }),
          },
        },
      ],
    };
  }
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html */
function permissions(source: ReplicationSource, target: ReplicationTarget, targetArn: string): iam.PolicyStatement[] {
  const { region } = Stack.of(source.bucket);
  const read = ['s3:GetObjectVersionForReplication', 's3:GetObjectVersionAcl', 's3:GetObjectVersionTagging'];
  if (source.locked) read.push('s3:GetObjectRetention', 's3:GetObjectLegalHold');
  const write = ['s3:ReplicateObject', 's3:ReplicateTags'];
  if (target.deleteMarkers === DeleteMarkers.REPLICATED) write.push('s3:ReplicateDelete');
  if (target.account) write.push('s3:ObjectOwnerOverrideToBucketOwner');
  const statements = [
    allow(['s3:GetReplicationConfiguration', 's3:ListBucket'], [source.bucket.attrArn]),
    allow(read, [`${source.bucket.attrArn}/*`]),
    allow(write, [`${targetArn}/*`]),
  ];
  if (target.encryptionKeyArn) {
    const key =
      source.keyArn ?? Stack.of(source.bucket).formatArn({ service: 'kms', resource: 'key', resourceName: '*' });
    statements.push(
      allow(['kms:Decrypt'], [key], { StringEquals: { 'kms:ViaService': `s3.${region}.amazonaws.com` } }),
    );
  }
  if (target.encryptionKeyArn) {
    statements.push(
      allow(['kms:Encrypt', 'kms:GenerateDataKey'], [target.encryptionKeyArn], {
        StringEquals: { 'kms:ViaService': `s3.${target.region}.amazonaws.com` },
      }),
    );
  }
  return statements;
}

function keyRegionOf(arn: string | undefined): string | undefined {
  if (!arn || Token.isUnresolved(arn)) return undefined;
  return Arn.split(arn, ArnFormat.SLASH_RESOURCE_NAME).region;
}
