import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { accessLogs } from './access-logs';
import { acknowledge } from './acknowledgement';
import { cover } from './covered';

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
   * @default - a key of the bucket's own, rotated yearly, retained
   */
  readonly encryptionKey?: kms.IKey;
}

/** Where evidence lies: written once, locked, versioned, private, encrypted, and kept when the stack goes. */
export class EvidenceBucket extends Construct {
  public readonly bucket: s3.IBucket;

  constructor(scope: Construct, id: string, props: EvidenceBucketProps = {}) {
    super(scope, id);
    this.bucket = new s3.Bucket(this, 'Bucket', {
      encryption: s3.BucketEncryption.KMS,
      encryptionKey: props.encryptionKey ?? new kms.Key(this, 'Key', { enableKeyRotation: true }),
      bucketKeyEnabled: true,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      versioned: true,
      objectLockEnabled: true,
      objectLockDefaultRetention: props.lock ?? s3.ObjectLockRetention.governance(Duration.days(400)),
      serverAccessLogsBucket: accessLogs(this, 'EvidenceBucket'),
      serverAccessLogsPrefix: 'evidence/',
      removalPolicy: RemovalPolicy.RETAIN,
    });
    cover(this.bucket, 'EvidenceBucket');
    acknowledge(this.bucket, 'replication');
  }
}
