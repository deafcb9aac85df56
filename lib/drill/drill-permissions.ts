/**
 * All that a drill's conductor may do in RDS.
 *
 * It may make copies of one database, under one prefix, tagged as copies of it; and it may modify and delete what
 * carries that prefix and that tag. Nothing here lets it change, delete or tag the source.
 */

import { ArnFormat, Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { automatedSnapshots, type DrillDefinition, snapshotCopies, TAGS } from '../../lambda/contract';
import { allow, useOfRdsKey } from '../function/statements';

/** @param keyArn the customer managed key that encrypts what is restored, if one does */
export function copyPermissions(
  scope: Construct,
  definition: DrillDefinition,
  keyArn: string | undefined,
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

  // A restore refers to these groups and changes none of them. Which ones the source has, it says at the drill.
  const groups = [arn('pg', '*'), arn('og', '*'), arn('subgrp', definition.copy.subnetGroup)];

  return [
    // Descriptions can't be narrowed to one database throughout: lists ask for all.
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
    allow(['rds:RestoreDBInstanceFromDBSnapshot'], [copies, ...snapshots(definition, arn), ...groups], {
      ...made,
      ...isPrivate,
    }),
    // RDS asks for the source as `db` too. That doesn't let it be overwritten: a restore only ever makes a new instance.
    // Replicated backups are named by RDS, at random.
    allow(
      ['rds:RestoreDBInstanceToPointInTime'],
      [copies, definition.source.copied ? arn('auto-backup', 'ab-*') : arn('db', source), ...groups],
      { ...made, ...isPrivate },
    ),
    allow(['rds:AddTagsToResource'], [copies], made),
    // IAM has no key for PubliclyAccessible here. A copy that was modified to be public would get an address in subnets
    // that have no route to the internet.
    allow(['rds:ModifyDBInstance'], [copies], isCopy),
    allow(['rds:DeleteDBInstance'], [copies], isCopy),
    ...(keyArn ? [useOfRdsKey(stack, keyArn, stack.region)] : []),
  ];
}

/**
 * Automated snapshots are named after their database and the minute, and copies after them; the patterns leave out those
 * of `orders-archive`. Whoever starts a run may choose among them; another snapshot has to be deployed.
 */
function snapshots({ restore, source }: DrillDefinition, arn: (resource: string, name: string) => string): string[] {
  const { instance, copied } = source;
  const own = arn('snapshot', copied ? snapshotCopies(instance) : automatedSnapshots(instance));
  if (restore.kind !== 'snapshot') return [own];
  return [own, restore.snapshot.startsWith('arn:') ? restore.snapshot : arn('snapshot', restore.snapshot)];
}
