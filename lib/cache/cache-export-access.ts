import { Mixin, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type { IConstruct } from 'constructs';
import { isBucketOfApp } from '../synth/bucket-resource';

/** https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/backups-exporting.html */
const ACTIONS = [
  's3:PutObject',
  's3:GetObject',
  's3:ListBucket',
  's3:GetBucketAcl',
  's3:ListMultipartUploadParts',
  's3:ListBucketMultipartUploads',
];

/**
 * Lets ElastiCache put exports into a bucket, for its owner to apply: `bucket.with(new CacheExportAccess())`.
 *
 * ElastiCache writes as a service principal of the bucket's region, and into buckets of that region only.
 */
export class CacheExportAccess extends Mixin {
  public supports(construct: IConstruct): construct is s3.Bucket {
    return isBucketOfApp(construct);
  }

  public applyTo(construct: IConstruct): void {
    if (this.supports(construct)) construct.addToResourcePolicy(exportStatement(construct));
  }
}

export function exportStatement(bucket: s3.IBucket): iam.PolicyStatement {
  return new iam.PolicyStatement({
    principals: [exporter(bucket)],
    actions: ACTIONS,
    resources: [bucket.bucketArn, bucket.arnForObjects('*')],
  });
}

/** Whether the bucket's policy, as far as this app writes it, lets ElastiCache in. */
export function letsExport(bucket: s3.Bucket): boolean {
  const stack = Stack.of(bucket);
  const { Statement: statements = [] } = stack.resolve(bucket.policy?.document) ?? {};
  return (statements as { Effect: string; Principal?: unknown }[]).some(
    ({ Effect, Principal }) =>
      Effect === 'Allow' && JSON.stringify(Principal ?? '').includes('elasticache-snapshot.amazonaws.com'),
  );
}

const exporter = (bucket: s3.IBucket) =>
  new iam.ServicePrincipal(`${Stack.of(bucket).region}.elasticache-snapshot.amazonaws.com`);
