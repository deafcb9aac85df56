/** Who may read and write which evidence. Nobody is ever given leave to delete it, or to shorten its lock. */
import { Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { allow } from './handler';

/**
 * @param prefix keys that may be listed and read start with this
 * @param written pattern of the keys that may be written
 */
export function evidenceAccess(bucket: s3.IBucket, prefix: string, written: string): iam.PolicyStatement[] {
  const statements = [
    allow(['s3:GetObject'], [bucket.arnForObjects(`${prefix}*`)]),
    // Only where nothing is yet: versions keep what was there, but nobody looks at an older version.
    allow(['s3:PutObject'], [bucket.arnForObjects(written)], { Null: { 's3:if-none-match': 'false' } }),
    // To find the newest document of a chain.
    allow(['s3:ListBucket'], [bucket.bucketArn], { StringLike: { 's3:prefix': `${prefix}*` } }),
  ];
  if (bucket.encryptionKey) {
    const service = `s3.${Stack.of(bucket).region}.amazonaws.com`;
    statements.push(
      allow(['kms:Decrypt', 'kms:GenerateDataKey'], [bucket.encryptionKey.keyArn], {
        StringEquals: { 'kms:ViaService': service },
      }),
    );
  }
  return statements;
}
