/** In which storage class dumps are written, held against how soon they are read, moved and deleted. */
import { Annotations, CfnResource, Stack } from 'aws-cdk-lib';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { leftBeforePaid } from './lifecycle-limits';

/**
 * Classes that have to be brought back before anybody reads them.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html
 */
const NOT_READ_AT_ONCE = ['GLACIER', 'DEEP_ARCHIVE'];

export function classRefusals(storageClass: s3.StorageClass | undefined): string[] {
  if (!storageClass || !NOT_READ_AT_ONCE.includes(storageClass.value)) return [];
  return [
    `it is written to ${storageClass.value}, which nobody reads at once, so no dump could be read back and found good; write it ` +
      "to another class, and let the bucket's lifecycle move it",
  ];
}

interface Written {
  readonly bucket: s3.IBucket;
  /** What keys of dumps start with. */
  readonly prefixes: readonly string[];
  readonly storageClass: s3.StorageClass;
}

/** Once the app is whole: the bucket may still be told more rules. Of one that was made elsewhere nothing is known. */
export function warnOfDaysUnused(dump: Construct, { bucket, prefixes, storageClass }: Written): void {
  dump.node.addValidation({
    validate: () => {
      const resource = bucket.node.defaultChild;
      if (!resource || !CfnResource.isCfnResource(resource) || resource.cfnResourceType !== 'AWS::S3::Bucket')
        return [];
      const { rules = [] } = Stack.of(resource).resolve((resource as s3.CfnBucket).lifecycleConfiguration) ?? {};
      for (const cost of prefixes.flatMap((prefix) => leftBeforePaid(rules, prefix, storageClass.value))) {
        Annotations.of(dump).addWarningV2('lifeboat:paid-storage-unused', cost);
      }
      return [];
    },
  });
}
