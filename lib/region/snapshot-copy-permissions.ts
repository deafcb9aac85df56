/**
 * Permissions of a copy handler: to copy one database's snapshots, to describe snapshots, to read the database's hold,
 * and to share and delete copies with both tags of this `SnapshotCopy`. It can't change the database, its snapshots, or
 * other copies.
 */

import { ArnFormat, Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { copiedBy, SNAPSHOT_TAGS, type SnapshotCopyDefinition, snapshotCopies } from '../../lambda/contract';
import { allow, readHold, useOfRdsKey } from '../function/statements';
import type { RecoveryRegion } from './recovery-region';
import type { SnapshotSource } from './snapshot-source';

/** @param storageKeyArn the customer managed key that encrypts the source, if one does */
export function snapshotCopyPermissions(
  scope: Construct,
  source: SnapshotSource,
  destination: RecoveryRegion,
  request: SnapshotCopyDefinition,
  storageKeyArn: string | undefined,
): iam.PolicyStatement[] {
  const stack = Stack.of(scope);
  const there = (resource: string, resourceName: string) =>
    stack.formatArn({
      service: 'rds',
      region: destination.name,
      resource,
      resourceName,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
  // Named at run time: a hash of the source and this SnapshotCopy, the database and the minute.
  const copies = there('snapshot', snapshotCopies(source.instance));
  const tags = { [SNAPSHOT_TAGS.snapshotOf]: request.source.arn, [SNAPSHOT_TAGS.copiedBy]: copiedBy(request) };
  const at = (where: string) =>
    Object.fromEntries(Object.entries(tags).map(([tag, value]) => [`aws:${where}/${tag}`, value]));
  const tagged = (where: string) => ({ StringEquals: at(where) });
  return [
    // All snapshots are listed, since all copies in progress count against one quota.
    allow(['rds:DescribeDBSnapshots', 'rds:ListTagsForResource'], ['*']),
    // In the source's region, RDS checks the source without the tags that the copy will have.
    allow(['rds:CopyDBSnapshot'], [source.snapshots(scope)]),
    allow(['rds:CopyDBSnapshot'], [copies], tagged('RequestTag')),
    // Only at creation, so that copies of another SnapshotCopy can't be tagged as its own.
    allow(['rds:AddTagsToResource'], [copies], { ...tagged('RequestTag'), StringEqualsIfExists: at('ResourceTag') }),
    allow(['rds:DeleteDBSnapshot'], [copies], tagged('ResourceTag')),
    readHold(stack, { kind: 'database', id: source.instance }, request.source.region, destination.name),
    ...(request.shareWith.length > 0
      ? [allow(['rds:ModifyDBSnapshotAttribute'], [copies], tagged('ResourceTag'))]
      : []),
    useOfRdsKey(stack, destination.keyArnFor(scope), destination.name),
    ...sourceKeys(stack, source, destination, storageKeyArn),
  ];
}

/**
 * The AWS managed key for RDS needs no permission. Another account chooses the key of the copies that it shares. RDS of
 * both regions uses the key: in the destination for the copy, in the source's region to read the snapshot.
 */
function sourceKeys(
  stack: Stack,
  source: SnapshotSource,
  destination: RecoveryRegion,
  storageKeyArn: string | undefined,
): iam.PolicyStatement[] {
  const keys = source.account ? `arn:${stack.partition}:kms:${stack.region}:${source.account}:key/*` : storageKeyArn;
  if (!keys) return [];
  return [useOfRdsKey(stack, keys, stack.region, destination.name)];
}
