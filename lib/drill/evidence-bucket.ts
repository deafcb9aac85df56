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
   * @default - 400 days in governance mode: a full year and the weeks that an audit takes. Anyone with permission to
   * bypass governance can undo it; no one, AWS included, can undo compliance mode
   * (`s3.ObjectLockRetention.compliance(...)`)
   */
  readonly lock?: s3.ObjectLockRetention;

  /**
   * Encrypts documents. Its key policy must delegate to IAM, as policies of CDK's keys do.
   *
   * @default - the key of the enclosing plan; without one, a key of the bucket's own, rotated yearly, retained
   */
  readonly encryptionKey?: kms.IKey;
}

const PROPS: PropsOf<EvidenceBucketProps> = { lock: true, encryptionKey: true };

/**
 * The bucket of evidence: written once, locked, versioned, private, encrypted, and retained when the stack is deleted.
 * No one can hide a document under a delete marker, or overwrite one, without changing the bucket policy first.
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

  /** Lets a grantee read all evidence, and use its key for that. */
  public grantRead(grantee: iam.IGrantable): iam.Grant {
    return grantReadEvidence(this.bucket, grantee);
  }

  /**
   * Object Lock keeps versions, but allows delete markers and newer versions, which readers without a version ID would
   * see. Replication into the bucket uses actions of its own, which are denied, too.
   */
  private denyHidingAndWritingOver(): void {
    const everywhere = { effect: iam.Effect.DENY, principals: [new iam.AnyPrincipal()] };
    const documents = [DRILLS, RECOVERIES].map((keys) => this.bucket.arnForObjects(keys));
    this.bucket.addToResourcePolicy(
      new iam.PolicyStatement({
        ...everywhere,
        sid: 'HideNothing',
        actions: ['s3:DeleteObject', 's3:ReplicateDelete', 's3:ReplicateObject'],
        resources: documents,
      }),
    );
    // S3 itself refuses a write to an existing key. Copies and multipart uploads can't have the condition.
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

/** Keys of documents. */
const DRILLS = 'evidence/*';
const RECOVERIES = 'recoveries/*';

/** Lets a grantee read all evidence in a bucket, and use its key for that. */
export const grantReadEvidence = (bucket: s3.IBucket, grantee: iam.IGrantable): iam.Grant =>
  bucket.grantRead(grantee, DRILLS).combine(
    iam.Grant.addToPrincipalOrResource({
      grantee,
      actions: ['s3:GetObject*'],
      resourceArns: [bucket.arnForObjects(RECOVERIES)],
      resource: bucket,
    }),
  );

/** Warns of a bucket of this app that is not an `EvidenceBucket`. Settings of an imported one are unknown at synth. */
export function warnOfLooseEvidence(scope: IConstruct, bucket: s3.IBucket): void {
  const resource = bucket.node.defaultChild;
  if (!resource || !CfnResource.isCfnResource(resource) || resource.cfnResourceType !== 'AWS::S3::Bucket') return;
  const lock = Stack.of(resource).resolve((resource as s3.CfnBucket).objectLockConfiguration);
  if (lock?.rule !== undefined) return;
  Annotations.of(scope).addWarningV2(
    'lifeboat:evidence-not-locked',
    `'evidence' is bucket '${bucket.node.path}', which has no default Object Lock retention, so evidence could be deleted, and proves ` +
      'nothing; use an EvidenceBucket, or set objectLockDefaultRetention',
  );
}
