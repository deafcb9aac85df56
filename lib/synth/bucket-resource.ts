/** Which constructs are buckets. Told by what they are made of: `instanceof` fails where CDK is loaded twice. */
import { CfnResource, Resource } from 'aws-cdk-lib';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type { IConstruct } from 'constructs';

export function isBucketResource(construct: IConstruct | undefined): construct is s3.CfnBucket {
  return CfnResource.isCfnResource(construct) && construct.cfnResourceType === 'AWS::S3::Bucket';
}

/** One that this app makes, so that its policy can be added to. */
export function isBucketOfApp(construct: IConstruct): construct is s3.Bucket {
  return isBucket(construct) && construct.node.children.some(isBucketResource);
}

/** One that is imported: synth knows its name and little else. */
export function isImportedBucket(construct: IConstruct): construct is s3.BucketBase {
  return isBucket(construct) && !construct.node.children.some(isBucketResource);
}

function isBucket(construct: IConstruct): boolean {
  return Resource.isResource(construct) && 'bucketArn' in construct && 'arnForObjects' in construct;
}
