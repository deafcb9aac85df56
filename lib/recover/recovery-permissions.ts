/**
 * Permissions of the conductor of a database's recoveries.
 *
 * It may restore the deployed database under one prefix, with the tags of recoveries and none of drills; modify and
 * rename the deployed identifier and what carries its own two prefixes; and take snapshots. It may delete nothing: a
 * recovery leaves both sides standing, and a drill's restored instances are out of its reach.
 */
import { ArnFormat, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import {
  automatedSnapshots,
  type DatabaseRecoveryDefinition,
  RECOVERY_TAGS,
  snapshotCopies,
  snapshotPrefix,
  TAGS,
} from '../../lambda/contract';
import { allow, useOfRdsKey } from '../function/statements';
import type { LiveDatabase } from './live-database';

type Arn = (resource: string, resourceName: string) => string;

/** ARNs in RDS, in the region and the account of a construct. */
export const rdsArn =
  (scope: Construct): Arn =>
  (resource, resourceName) =>
    Stack.of(scope).formatArn({ service: 'rds', resource, resourceName, arnFormat: ArnFormat.COLON_RESOURCE_NAME });

/** What describes, and can't be narrowed to one database. */
export const DESCRIBES = [
  'rds:DescribeDBInstanceAutomatedBackups',
  'rds:DescribeDBInstances',
  'rds:DescribeDBSnapshots',
  'rds:DescribeEvents',
  'rds:ListTagsForResource',
];

/** For what breaks silently when applications move: alarms and subscriptions that follow the name, targets of proxies. */
const DESCRIBES_AROUND = [
  'cloudwatch:DescribeAlarms',
  'rds:DescribeDBProxies',
  'rds:DescribeDBProxyTargets',
  'rds:DescribeEventSubscriptions',
];

export interface RecoveryPermissions {
  readonly definition: DatabaseRecoveryDefinition;
  readonly database: LiveDatabase;
  /** Identifiers of further snapshots. */
  readonly snapshots: readonly string[];
  /** ARN of the key that a database without encryption is recovered with. */
  readonly newKeyArn: string | undefined;
}

export function recoveryPermissions(scope: Construct, of: RecoveryPermissions): iam.PolicyStatement[] {
  const { definition, database, newKeyArn } = of;
  const { source, recovered } = definition;
  const stack = Stack.of(scope);
  const arn = rdsArn(scope);
  const live = arn('db', source.instance);
  const made = arn('db', `${recovered.prefix}*`);
  const replaced = arn('db', `${recovered.replacedPrefix}*`);
  const ownSnapshots = [recovered.prefix, recovered.replacedPrefix].map((prefix) => arn('snapshot', `${prefix}*`));
  const snapshots = [...restorableSnapshots(source.instance, of.snapshots, arn), ...ownSnapshots];
  const groups = [arn('pg', '*'), arn('og', '*'), arn('subgrp', recovered.subnetGroup ?? database.subnetGroup ?? '*')];
  const restoring = { ...asRecovered, ...(database.isPrivate ? { BoolIfExists: STAYS_PRIVATE } : {}) };

  return [
    allow([...DESCRIBES, ...DESCRIBES_AROUND], ['*']),
    allow(['rds:RestoreDBInstanceFromDBSnapshot'], [made, ...snapshots, ...groups], restoring),
    // RDS also checks the source, as `db`. That can't overwrite it: a restore always creates a new instance. RDS names
    // retained and replicated backups at random.
    allow(
      ['rds:RestoreDBInstanceToPointInTime'],
      [made, ...(source.copied ? [] : [live]), arn('auto-backup', 'ab-*'), ...groups],
      restoring,
    ),
    allow(['rds:AddTagsToResource'], [made, ...ownSnapshots], asRecovered),
    // A rename moves identifiers between these. The code reads the DbiResourceId before each act, which IAM doesn't know.
    allow(['rds:ModifyDBInstance'], [live, replaced, arn('pg', '*'), arn('og', '*')]),
    allow(['rds:ModifyDBInstance'], [made], { Null: { [`aws:ResourceTag/${RECOVERY_TAGS.recovery}`]: 'false' } }),
    // A safety copy of the damaged database, and of the recovered one before a rollback.
    allow(['rds:CreateDBSnapshot'], [live, made, replaced, ...ownSnapshots]),
    ...(newKeyArn ? [allow(['rds:CopyDBSnapshot'], snapshots), useOfRdsKey(stack, newKeyArn, stack.region)] : []),
    ...database.keyArns.map((keyArn) => useOfRdsKey(stack, keyArn, stack.region)),
    ...database.passedRoles.map((role) =>
      allow(['iam:PassRole'], [role], { StringEquals: { 'iam:PassedToService': 'monitoring.rds.amazonaws.com' } }),
    ),
    deleteNothing(['*']),
  ];
}

/** Whatever else is attached to the role. */
export const deleteNothing = (resources: string[]) =>
  new iam.PolicyStatement({ effect: iam.Effect.DENY, actions: ['rds:Delete*'], resources });

/** A recovered database has the tags of recoveries, and not those by which the janitor of drills deletes. */
const asRecovered = {
  Null: {
    [`aws:RequestTag/${RECOVERY_TAGS.recoveredFrom}`]: 'false',
    [`aws:RequestTag/${RECOVERY_TAGS.recovery}`]: 'false',
    [`aws:RequestTag/${TAGS.copyOf}`]: 'true',
    [`aws:RequestTag/${TAGS.expires}`]: 'true',
  },
};

const STAYS_PRIVATE = { 'rds:PubliclyAccessible': 'false' };

/** The patterns of `orders` don't match snapshots of `orders-archive`, but for those that people name alike. */
export function restorableSnapshots(instance: string, further: readonly string[], arn: Arn): string[] {
  const own = [automatedSnapshots(instance), snapshotCopies(instance), `${snapshotPrefix(instance)}*`];
  return [...own, ...further].map((name) => (name.startsWith('arn:') ? name : arn('snapshot', name)));
}
