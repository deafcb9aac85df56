/** Which constructs are buckets. Not by `instanceof`, which fails if CDK is loaded twice. */
import { CfnResource, Resource } from 'aws-cdk-lib';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type { IConstruct } from 'constructs';

export function isBucketResource(construct: IConstruct | undefined): construct is s3.CfnBucket {
  return CfnResource.isCfnResource(construct) && construct.cfnResourceType === 'AWS::S3::Bucket';
}

/** Whether it is a bucket of this app, whose policy can be extended. */
export function isBucketOfApp(construct: IConstruct): construct is s3.Bucket {
  return isBucket(construct) && construct.node.children.some(isBucketResource);
}

/** Whether it is an imported bucket, of which synth knows little but its name. */
export function isImportedBucket(construct: IConstruct): construct is s3.BucketBase {
  return isBucket(construct) && !construct.node.children.some(isBucketResource);
}

function isBucket(construct: IConstruct): boolean {
  return Resource.isResource(construct) && 'bucketArn' in construct && 'arnForObjects' in construct;
}
