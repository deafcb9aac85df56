/** Who may read and write which backups in a bucket. Nobody is ever given leave to delete any. */
import { Stack, Token } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { lastGoodKey } from '../lambda/contract';
import { allow } from './handler';

/**
 * @param bucket versioned, so that what is written over is kept
 * @param prefixes keys that may be listed, read and written start with one of these
 */
export function backupAccess(bucket: s3.IBucket, ...prefixes: string[]): iam.PolicyStatement[] {
  const statements = [
    // An upload that broke off is billed until somebody aborts it; what is complete is not touched by that.
    allow(
      ['s3:AbortMultipartUpload', 's3:GetObject', 's3:PutObject'],
      prefixes.map((prefix) => bucket.arnForObjects(`${prefix}*`)),
    ),
    allow(['s3:ListBucket'], [bucket.bucketArn], {
      StringLike: { 's3:prefix': prefixes.map((prefix) => `${prefix}*`) },
    }),
    // It knows no condition on prefixes.
    allow(['s3:ListBucketMultipartUploads'], [bucket.bucketArn]),
  ];
  return [...statements, ...useOfKey(bucket)];
}

/**
 * To write that a backup is good, which is one key.
 *
 * @param prefix where the backup says so
 */
export function lastGoodAccess(bucket: s3.IBucket, prefix: string): iam.PolicyStatement[] {
  return [allow(['s3:PutObject'], [bucket.arnForObjects(lastGoodKey(prefix))]), ...useOfKey(bucket)];
}

/** Through S3, and of the key that synth knows of: an imported bucket may have another one. */
function useOfKey(bucket: s3.IBucket): iam.PolicyStatement[] {
  if (!bucket.encryptionKey) return [];
  return [
    allow(['kms:Decrypt', 'kms:GenerateDataKey'], [bucket.encryptionKey.keyArn], {
      StringEquals: { 'kms:ViaService': `s3.${Stack.of(bucket).region}.amazonaws.com` },
    }),
  ];
}

/** @throws Error when a prefix would put keys where no reader looks for them */
export function refuseOddPrefix(construct: string, prefix: string): void {
  if (/^[^/].*\/$/.test(prefix)) return;
  if (Token.isUnresolved(prefix)) {
    throw new Error(
      `${construct}: the prefix is only known at deployment, so nobody could say whether it ends in a slash, as a folder's name ` +
        'does; put the slash behind it here',
    );
  }
  throw new Error(
    `${construct}: the prefix '${prefix}' ${prefix.startsWith('/') ? 'starts with' : 'does not end in'} a slash, so keys ` +
      `would not lie in a folder of that name; write it as in 'system/${prefix.replace(/^\/+|\/+$/g, '') || 'backups'}/'`,
  );
}
