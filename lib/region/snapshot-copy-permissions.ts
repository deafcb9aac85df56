/**
 * All that a copy handler may do: copy one database's snapshots, read everything's descriptions and the database's hold,
 * and share and delete what carries both tags of its own copying. It can't touch the database, its snapshots, or anybody else's copies.
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
  // Named by hash of source and copying, at run time; then after the database and the minute.
  const copies = there('snapshot', snapshotCopies(source.instance));
  const tags = { [SNAPSHOT_TAGS.snapshotOf]: request.source.arn, [SNAPSHOT_TAGS.copiedBy]: copiedBy(request) };
  const at = (where: string) =>
    Object.fromEntries(Object.entries(tags).map(([tag, value]) => [`aws:${where}/${tag}`, value]));
  const tagged = (where: string) => ({ StringEquals: at(where) });
  return [
    // Lists ask for all snapshots: all copies in progress count against one limit.
    allow(['rds:DescribeDBSnapshots', 'rds:ListTagsForResource'], ['*']),
    // In the source's region, RDS asks for the source without the tags that the copy will have.
    allow(['rds:CopyDBSnapshot'], [source.snapshots(scope)]),
    allow(['rds:CopyDBSnapshot'], [copies], tagged('RequestTag')),
    // Only while they are made: another copying's can't be made to look like its own.
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
 * The account's own key for RDS needs no permission; which key another account shares under, it decides itself. RDS of
 * both regions uses it: the destination's is asked for the copy, and the source's reads what is copied.
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
