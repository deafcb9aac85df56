/**
 * Permissions in RDS of the conductor of a drill, or of a recovery of tables, which reads rows from a copy of this kind.
 *
 * It may restore copies of one database, under one prefix, tagged as copies of it; and it may modify instances with that
 * prefix and that tag, which a drill may delete as well. It can't change, delete or tag the source.
 */

import { ArnFormat, Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { automatedSnapshots, type DrillDefinition, snapshotCopies, TAGS } from '../../lambda/contract';
import { allow, useOfRdsKey } from '../function/statements';

/** What is restored, and as what. */
export type RestoredCopy = Pick<DrillDefinition, 'source' | 'copy' | 'restore'>;

/**
 * @param keyArn the customer managed key of the restored backups, if there is one
 * @param then what becomes of a copy: whoever leaves it has the janitor of drills delete it when it expires
 * @param further ARNs of snapshots that may be restored besides those of the definition
 */
export function copyPermissions(
  scope: Construct,
  definition: RestoredCopy,
  keyArn: string | undefined,
  then: 'delete it' | 'leave it',
  further: readonly string[] = [],
): iam.PolicyStatement[] {
  const stack = Stack.of(scope);
  const arn = (resource: string, resourceName: string) =>
    stack.formatArn({ service: 'rds', resource, resourceName, arnFormat: ArnFormat.COLON_RESOURCE_NAME });
  const source = definition.source.instance;
  const copies = arn('db', `${definition.copy.prefix}*`);

  const made = {
    StringEquals: { [`aws:RequestTag/${TAGS.copyOf}`]: source },
    Null: { [`aws:RequestTag/${TAGS.run}`]: 'false', [`aws:RequestTag/${TAGS.expires}`]: 'false' },
    'ForAllValues:StringEquals': { 'aws:TagKeys': Object.values(TAGS) },
  };
  const isPrivate = { BoolIfExists: { 'rds:PubliclyAccessible': 'false' } };
  const isCopy = { StringEquals: { [`aws:ResourceTag/${TAGS.copyOf}`]: source } };

  // A restore refers to these groups and changes none of them. The source's groups are known only at the drill.
  const groups = [arn('pg', '*'), arn('og', '*'), arn('subgrp', definition.copy.subnetGroup)];

  return [
    // Describing can't be narrowed to one database.
    allow(
      [
        'rds:DescribeDBInstanceAutomatedBackups',
        'rds:DescribeDBInstances',
        'rds:DescribeDBSnapshots',
        'rds:DescribeEvents',
        'rds:ListTagsForResource',
      ],
      ['*'],
    ),
    allow(
      ['rds:RestoreDBInstanceFromDBSnapshot'],
      [copies, ...new Set([...snapshots(definition, arn), ...further]), ...groups],
      {
        ...made,
        ...isPrivate,
      },
    ),
    // RDS also checks the source, as `db`. That can't overwrite it: a restore always creates a new instance. RDS names
    // replicated backups at random.
    allow(
      ['rds:RestoreDBInstanceToPointInTime'],
      [copies, definition.source.copied ? arn('auto-backup', 'ab-*') : arn('db', source), ...groups],
      { ...made, ...isPrivate },
    ),
    allow(['rds:AddTagsToResource'], [copies], made),
    // IAM has no condition for PubliclyAccessible here. A copy modified to be public would get an address in subnets
    // without a route to the internet.
    allow(['rds:ModifyDBInstance'], [copies], isCopy),
    ...(then === 'delete it' ? [allow(['rds:DeleteDBInstance'], [copies], isCopy)] : []),
    ...(keyArn ? [useOfRdsKey(stack, keyArn, stack.region)] : []),
  ];
}

/**
 * Automated snapshots are named after their database and the minute, and copies after them; the patterns of `orders`
 * don't match `orders-archive`. Anyone who starts a run may choose among them; another snapshot has to be deployed.
 */
function snapshots({ restore, source }: RestoredCopy, arn: (resource: string, name: string) => string): string[] {
  const { instance, copied } = source;
  const own = arn('snapshot', copied ? snapshotCopies(instance) : automatedSnapshots(instance));
  if (restore.kind !== 'snapshot') return [own];
  return [own, restore.snapshot.startsWith('arn:') ? restore.snapshot : arn('snapshot', restore.snapshot)];
}
