import { Annotations, CfnResource, Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct, type IConstruct } from 'constructs';
import { accessLogs, logAccess } from '../bucket/access-logs';
import { ownKey } from '../function/log-key';
import { markCovered } from '../synth/coverage';
import { enclosingPlan, removalPolicyOf } from '../synth/enclosing-plan';
import { warnOfFleetingKey } from '../synth/kept-keys';
import { acknowledge } from '../synth/nag-acknowledgements';
import { checkProps, type PropsOf } from '../synth/props';

export interface EvidenceBucketProps {
  /**
   * How long each document can't be changed or deleted.
   *
   * @default - 400 days in governance mode: a full year and the weeks an audit takes; who may bypass governance can undo
   * it. Compliance mode nobody can undo, AWS included: `s3.ObjectLockRetention.compliance(...)`
   */
  readonly lock?: s3.ObjectLockRetention;

  /**
   * Encrypts documents. The key's policy must let IAM policies of the account decide, as keys made by CDK do.
   *
   * @default - the key of the plan around it; else one of the bucket's own, rotated yearly, retained
   */
  readonly encryptionKey?: kms.IKey;
}

const PROPS: PropsOf<EvidenceBucketProps> = { lock: true, encryptionKey: true };

/**
 * Where evidence lies: written once, locked, versioned, private, encrypted, and kept when the stack goes. Nobody hides a
 * document under a delete marker, or writes over one, without changing the bucket's policy first.
 */
export class EvidenceBucket extends Construct {
  public readonly bucket: s3.IBucket;

  constructor(scope: Construct, id: string, props: EvidenceBucketProps = {}) {
    super(scope, id);
    checkProps(this, props, PROPS);
    warnOfFleetingKey(this, props.encryptionKey?.keyArn);
    const bucket = new s3.Bucket(this, 'Bucket', {
      encryption: s3.BucketEncryption.KMS,
      encryptionKey: props.encryptionKey ?? enclosingPlan(this)?.encryptionKey ?? ownKey(this),
      bucketKeyEnabled: true,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      versioned: true,
      objectLockEnabled: true,
      objectLockDefaultRetention: props.lock ?? s3.ObjectLockRetention.governance(Duration.days(400)),
      removalPolicy: removalPolicyOf(this),
    });
    logAccess(bucket, accessLogs(this, 'EvidenceBucket'), 'evidence/');
    this.bucket = bucket;
    this.denyHidingAndWritingOver();
    markCovered(this.bucket, 'EvidenceBucket');
    acknowledge(this.bucket, 'replication');
  }

  /** Lets somebody read all evidence, and use its key for that. */
  public grantRead(grantee: iam.IGrantable): iam.Grant {
    return this.bucket.grantRead(grantee, 'evidence/*');
  }

  /**
   * Object Lock keeps versions. It doesn't keep anyone from laying a delete marker on a document, or a newer version, and
   * readers who name no version would see that. What a replication brings are other actions than those of people.
   */
  private denyHidingAndWritingOver(): void {
    const everywhere = { effect: iam.Effect.DENY, principals: [new iam.AnyPrincipal()] };
    const documents = [this.bucket.arnForObjects('evidence/*')];
    this.bucket.addToResourcePolicy(
      new iam.PolicyStatement({
        ...everywhere,
        sid: 'HideNothing',
        actions: ['s3:DeleteObject', 's3:ReplicateDelete', 's3:ReplicateObject'],
        resources: documents,
      }),
    );
    // Where the key is taken, S3 refuses the write itself. Copies and multipart uploads can't carry the condition.
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
    this.bucket.addToResourcePolicy(
      new iam.PolicyStatement({
        ...everywhere,
        sid: 'WriteOnce',
        actions: ['s3:PutObject'],
        resources: documents,
        conditions: { Null: { 's3:if-none-match': 'true' } },
      }),
    );
  }
}

/** Of a bucket of this app that is no `EvidenceBucket`. One that was made elsewhere, synth can't look into. */
export function warnOfLooseEvidence(scope: IConstruct, bucket: s3.IBucket): void {
  const resource = bucket.node.defaultChild;
  if (!resource || !CfnResource.isCfnResource(resource) || resource.cfnResourceType !== 'AWS::S3::Bucket') return;
  const lock = Stack.of(resource).resolve((resource as s3.CfnBucket).objectLockConfiguration);
  if (lock?.rule !== undefined) return;
  Annotations.of(scope).addWarningV2(
    'lifeboat:evidence-not-locked',
    `evidence goes to bucket '${bucket.node.path}', which locks nothing by default, so it can be deleted, and proves nothing then; ` +
      'use an EvidenceBucket, or give it objectLockDefaultRetention',
  );
}
