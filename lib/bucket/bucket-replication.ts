/**
 * Replication of a bucket into another region's, which is named, not referenced: the recovery region's stack must
 * deploy while the primary's is gone, so both sides state the name.
 */

import { Arn, ArnFormat, Stack, Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { allow } from '../function/statements';
import { acknowledgeWildcards } from '../synth/nag-acknowledgements';
import { accountIdProblem, regionNameProblem } from '../synth/names';

/** What S3 does about delete markers. Deletions of single versions are never replicated. */
export enum DeleteMarkers {
  /** What is deleted in the source stays in the replica: a wrong deletion does no harm there. */
  NOT_REPLICATED = 'Disabled',
  /** The replica hides what the source hides. Its versions still lie there. */
  REPLICATED = 'Enabled',
}

/** How soon a replica has an object. */
export enum ReplicationTiming {
  /** Usually within minutes; nothing is promised, and latency is measured. */
  BEST_EFFORT = 'best effort',
  /** S3 Replication Time Control: 99.9 % within 15 minutes by agreement, for about $0.015 a GB more. */
  WITHIN_15_MINUTES = 'within 15 minutes',
}

/** The bucket that holds the replicas. It must be versioned, and exist before the source is deployed. */
export interface ReplicationTarget {
  /** Its name, as the stack of the recovery region states it. */
  readonly bucketName: string;
  /** Its region, another one than the source's. */
  readonly region: string;
  /**
   * Its account. Replicas there belong to that account, and its bucket must let the source's role in:
   * `ArchiveBucket.acceptReplicas()`.
   *
   * @default - the source's
   */
  readonly account?: string;
  /**
   * Name of the role that replicates. Another account's bucket lets it in by this name, before it exists; and so does the
   * policy of that account's key.
   *
   * @default - CloudFormation makes one up; refused where `account` is stated
   */
  readonly roleName?: string;
  /**
   * ARN of the key in its region that encrypts replicas. With it, objects that AWS KMS encrypts are replicated, too,
   * whether they are by the source's own setting or by who wrote them, as RDS does with exports.
   *
   * @default - objects that AWS KMS encrypts are not replicated; refused where the source has a key
   */
  readonly encryptionKeyArn?: string;
  /**
   * What becomes of deletions.
   *
   * @default DeleteMarkers.NOT_REPLICATED
   */
  readonly deleteMarkers?: DeleteMarkers;
  /**
   * How soon replicas are there. Replication is asynchronous in any case: what was written last may be lost.
   *
   * @default ReplicationTiming.BEST_EFFORT
   */
  readonly timing?: ReplicationTiming;
}

export const REPLICATION_RULE = 'recovery-region';

/** What synth knows of the source. */
export interface ReplicationSource {
  readonly bucket: s3.CfnBucket;
  /** True where objects are encrypted with AWS KMS. */
  readonly usesKms: boolean;
  /**
   * The key that objects are encrypted with.
   *
   * @default - the bucket names none
   */
  readonly keyArn?: string;
  readonly locked: boolean;
}

/** What S3 would refuse, or do otherwise than it reads; one sentence each. */
export function replicationProblems(source: ReplicationSource, target: ReplicationTarget): string[] {
  const { region } = Stack.of(source.bucket);
  const problems: string[] = [];
  const unknown = regionNameProblem(target.region);
  if (unknown) problems.push(unknown);
  if (!Token.isUnresolved(region) && region === target.region) {
    problems.push(
      `replicas would lie in ${target.region}, where the bucket is, and be lost with the region; name a bucket in another one`,
    );
  }
  const noAccount = accountIdProblem(target.account, 'no replica would ever get there');
  if (noAccount) problems.push(noAccount);
  if (target.account && !target.roleName) {
    problems.push(
      `'${target.bucketName}' is in account ${target.account}, which can let in a role only by its name, so nothing would be ` +
        'replicated; state roleName, and acceptReplicas() with it there',
    );
  }
  if (source.usesKms && !target.encryptionKeyArn) {
    problems.push(
      `its objects are encrypted with AWS KMS and '${target.bucketName}' is given no key, so S3 would replicate none; state ` +
        `encryptionKeyArn, a key in ${target.region}`,
    );
  }
  const keyRegion = keyRegionOf(target.encryptionKeyArn);
  if (keyRegion && !Token.isUnresolved(target.region) && keyRegion !== target.region) {
    problems.push(
      `the replicas' key is in ${keyRegion} and '${target.bucketName}' in ${target.region}, so replication would fail; name a ` +
        `key in ${target.region}`,
    );
  }
  return problems;
}

/** No recovery point of zero: what a reader of 'replicated' would otherwise believe. */
export function whatReplicasLack({ region, timing, deleteMarkers }: ReplicationTarget): string {
  const soon =
    timing === ReplicationTiming.WITHIN_15_MINUTES
      ? '99.9 % of them within 15 minutes'
      : 'usually within minutes, which S3 does not promise';
  const markers = deleteMarkers === DeleteMarkers.REPLICATED ? 'are replicated' : 'are not';
  return (
    `objects reach ${region} asynchronously, ${soon}, so the newest are lost with the region; those from before replication are ` +
    `not brought there (S3 Batch Replication does, once), and delete markers ${markers}`
  );
}

/** The role that replicates, and nothing but that. */
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
    acknowledgeWildcards(policy, 'It replicates every object of one bucket into one other bucket, whatever its key.');
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
          // S3 takes neither without the other, whatever the source's own encryption.
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
