/** Statements that several functions' roles share. None of them allows to delete a backup, or evidence, or to shorten a lock. */

import { Stack, Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { type HoldTarget, holdParameter, lastGoodKey } from '../../lambda/contract';

export function allow(actions: string[], resources: string[], conditions?: iam.Conditions): iam.PolicyStatement {
  return new iam.PolicyStatement({ actions, resources, conditions });
}

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
  return [...statements, ...useOfBucketKey(bucket)];
}

/**
 * To write that a backup is good, which is one key.
 *
 * @param prefix where the backup says so
 */
export function lastGoodAccess(bucket: s3.IBucket, prefix: string): iam.PolicyStatement[] {
  return [allow(['s3:PutObject'], [bucket.arnForObjects(lastGoodKey(prefix))]), ...useOfBucketKey(bucket)];
}

/** Through S3, and of the key that synth knows of: an imported bucket may have another one. */
function useOfBucketKey(bucket: s3.IBucket): iam.PolicyStatement[] {
  if (!bucket.encryptionKey) return [];
  return [
    allow(['kms:Decrypt', 'kms:GenerateDataKey'], [bucket.encryptionKey.keyArn], {
      StringEquals: { 'kms:ViaService': `s3.${Stack.of(bucket).region}.amazonaws.com` },
    }),
  ];
}

/**
 * To read whether a target is on hold, which everything that prunes asks first.
 *
 * @param regions in which it may be; the stack's own when none is named
 */
export function readHold(stack: Stack, target: HoldTarget, ...regions: string[]): iam.PolicyStatement {
  const resourceName = holdParameter(target).slice(1);
  const arns = [...new Set(regions.length > 0 ? regions : [stack.region])].map((region) =>
    stack.formatArn({ service: 'ssm', region, resource: 'parameter', resourceName }),
  );
  return allow(['ssm:GetParameter'], arns);
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
  return [...statements, ...useOfBucketKey(bucket)];
}

/** Of roles that may sign evidence. A path can't be claimed by a session, as a tag can. */
export const SIGNERS_PATH = '/lifeboat/evidence/';

/** What RDS does with keys, in the name of who asked for a copy. */
const KEY_USE = [
  'kms:CreateGrant',
  'kms:Decrypt',
  'kms:DescribeKey',
  'kms:Encrypt',
  'kms:GenerateDataKey',
  'kms:GenerateDataKeyWithoutPlaintext',
  'kms:ReEncryptFrom',
  'kms:ReEncryptTo',
];

/**
 * Lets RDS use a key in the name of who asks for a copy or a restore. An alias is no resource of IAM's for the use of a
 * key: it stands in a condition on all keys.
 *
 * @param keyArn ARN of the key, or of an alias
 * @param region the key's
 * @param destination a region that reads with this key what it copies to itself
 */
export function useOfRdsKey(stack: Stack, keyArn: string, region: string, destination?: string): iam.PolicyStatement {
  const [own, other] = [region, destination].map((of) => `rds.${of}.amazonaws.com`);
  const via = { StringEquals: { 'kms:ViaService': destination ? [own, other] : own } };
  const [, alias] = keyArn.split(/:(?=alias\/)/);
  if (!alias) return allow(KEY_USE, [keyArn], via);
  return allow(KEY_USE, [stack.formatArn({ service: 'kms', region, resource: 'key', resourceName: '*' })], {
    ...via,
    'ForAnyValue:StringEquals': { 'kms:ResourceAliases': alias },
  });
}
