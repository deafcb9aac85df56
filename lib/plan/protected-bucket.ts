import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { alarmsUnder } from '../alarm/unheard-alarms';
import { BucketBackups, type BucketBackupsProps } from '../bucket/bucket-backups';
import { checkProps, type PropsOf, requireKind } from '../synth/props';

export interface ProtectedBucketOptions extends BucketBackupsProps {
  /** What is protected: of this app; of an imported one, synth says what its owner has to do. */
  readonly bucket: s3.IBucket;
}

const PROPS: PropsOf<ProtectedBucketOptions> = {
  bucket: true,
  tiers: true,
  unfinishedUploads: true,
  replication: true,
};

/** A bucket under a plan. */
export class ProtectedBucket extends Construct {
  /** What is protected. */
  public readonly bucket: s3.IBucket;

  /** Use `plan.addBucket()`. */
  constructor(scope: Construct, id: string, options: ProtectedBucketOptions) {
    super(scope, id);
    checkProps(this, options, PROPS);
    requireKind(
      `bucket '${this.node.path}'`,
      'bucket',
      options?.bucket,
      'bucketArn',
      'nothing would be protected; pass an s3.Bucket (an ArchiveBucket needs no more protection)',
    );
    const { bucket, ...backups } = options;
    this.bucket = bucket;
    bucket.with(new BucketBackups(backups));
  }

  /** Alarms of all that lies under it. */
  public get alarms(): cloudwatch.Alarm[] {
    return alarmsUnder(this);
  }
}
