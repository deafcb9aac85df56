/** Statements shared by roles of several functions. None allows deleting backups or evidence, or shortening a lock. */

import { Stack, Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { type HoldTarget, holdParameter, lastGoodKey, recoveryParameter } from '../../lambda/contract';

export function allow(actions: string[], resources: string[], conditions?: iam.Conditions): iam.PolicyStatement {
  return new iam.PolicyStatement({ actions, resources, conditions });
}

/**
 * @param bucket versioned, so that overwritten objects are kept
 * @param prefixes keys that may be listed, read and written start with one of these
 */
export function backupAccess(bucket: s3.IBucket, ...prefixes: string[]): iam.PolicyStatement[] {
  const statements = [
    // An unfinished upload is billed until it is aborted; that does not affect complete objects.
    allow(
      ['s3:AbortMultipartUpload', 's3:GetObject', 's3:PutObject'],
      prefixes.map((prefix) => bucket.arnForObjects(`${prefix}*`)),
    ),
    allow(['s3:ListBucket'], [bucket.bucketArn], {
      StringLike: { 's3:prefix': prefixes.map((prefix) => `${prefix}*`) },
    }),
    // This action does not support the `s3:prefix` condition.
    allow(['s3:ListBucketMultipartUploads'], [bucket.bucketArn]),
  ];
  return [...statements, ...useOfBucketKey(bucket)];
}

/**
 * Permissions to write a backup's success marker, which is one key.
 *
 * @param prefix of the success marker
 */
export function lastGoodAccess(bucket: s3.IBucket, prefix: string): iam.PolicyStatement[] {
  return [allow(['s3:PutObject'], [bucket.arnForObjects(lastGoodKey(prefix))]), ...useOfBucketKey(bucket)];
}

/** Only through S3, and only for the key known at synth: an imported bucket may have another one. */
function useOfBucketKey(bucket: s3.IBucket): iam.PolicyStatement[] {
  if (!bucket.encryptionKey) return [];
  return [
    allow(['kms:Decrypt', 'kms:GenerateDataKey'], [bucket.encryptionKey.keyArn], {
      StringEquals: { 'kms:ViaService': `s3.${Stack.of(bucket).region}.amazonaws.com` },
    }),
  ];
}

/**
 * Permission to read whether a target is on hold, or being recovered, which everything that prunes reads first.
 *
 * @param regions in which it may be on hold; if none, the stack's own
 */
export function readHold(stack: Stack, target: HoldTarget, ...regions: string[]): iam.PolicyStatement {
  const names = [holdParameter(target), recoveryParameter(target)].map((name) => name.slice(1));
  const arns = [...new Set(regions.length > 0 ? regions : [stack.region])].flatMap((region) =>
    names.map((resourceName) => stack.formatArn({ service: 'ssm', region, resource: 'parameter', resourceName })),
  );
  return allow(['ssm:GetParameter'], arns);
}

/** @throws Error when a prefix is not a folder */
export function refuseOddPrefix(construct: string, prefix: string): void {
  if (/^[^/].*\/$/.test(prefix)) return;
  if (Token.isUnresolved(prefix)) {
    throw new Error(
      `${construct}: 'prefix' is unknown until deployment, so synth can't check that it ends in a slash; append the slash ` +
        'to it here',
    );
  }
  throw new Error(
    `${construct}: 'prefix' is '${prefix}', which ${prefix.startsWith('/') ? 'starts with' : 'does not end in'} a slash, so keys ` +
      `would not be in a folder of that name; write it as in 'system/${prefix.replace(/^\/+|\/+$/g, '') || 'backups'}/'`,
  );
}

/**
 * @param prefix keys that may be listed and read start with this
 * @param written pattern of the keys that may be written
 */
export function evidenceAccess(bucket: s3.IBucket, prefix: string, written: string): iam.PolicyStatement[] {
  const statements = [
    allow(['s3:GetObject'], [bucket.arnForObjects(`${prefix}*`)]),
    // Only new keys: versioning keeps overwritten documents, but readers don't look at older versions.
    allow(['s3:PutObject'], [bucket.arnForObjects(written)], { Null: { 's3:if-none-match': 'false' } }),
    // To find the newest document of a chain.
    allow(['s3:ListBucket'], [bucket.bucketArn], { StringLike: { 's3:prefix': `${prefix}*` } }),
  ];
  return [...statements, ...useOfBucketKey(bucket)];
}

/** IAM path of roles that may sign evidence. A session can't claim a path, as it can a tag. */
export const SIGNERS_PATH = '/lifeboat/evidence/';

/** What RDS does with keys on behalf of the caller of a copy. */
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
 * Allows RDS to use a key on behalf of the caller of a copy or a restore. IAM can't allow use of a key by its alias as
 * a resource, so an alias is a condition on all keys.
 *
 * @param keyArn ARN of the key, or of an alias
 * @param region of the key
 * @param destination region whose RDS also uses this key, to read what it copies
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
