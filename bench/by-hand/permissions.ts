/** What the conductor written by hand may do in RDS. */
import { ArnFormat, type Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as rds from 'aws-cdk-lib/aws-rds';
import { allow } from './functions';

export const PREFIX = 'lifeboat-polls-';
export const TAGS = ['lifeboat:copy-of', 'lifeboat:run', 'lifeboat:expires'];

/** Copies of this database only, told by their names and tags. */
export function copyPermissions(
  stack: Stack,
  database: rds.DatabaseInstance,
  subnetGroup: rds.ISubnetGroup,
): iam.PolicyStatement[] {
  const source = database.instanceIdentifier;
  const copies = rdsArn(stack, 'db', `${PREFIX}*`);
  const groups = [
    rdsArn(stack, 'pg', '*'),
    rdsArn(stack, 'og', '*'),
    rdsArn(stack, 'subgrp', subnetGroup.subnetGroupName),
  ];
  const made = {
    StringEquals: { 'aws:RequestTag/lifeboat:copy-of': source },
    Null: { 'aws:RequestTag/lifeboat:run': 'false', 'aws:RequestTag/lifeboat:expires': 'false' },
    'ForAllValues:StringEquals': { 'aws:TagKeys': TAGS },
  };
  const isPrivate = { BoolIfExists: { 'rds:PubliclyAccessible': 'false' } };
  const isCopy = { StringEquals: { 'aws:ResourceTag/lifeboat:copy-of': source } };
  return [
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
      [copies, rdsArn(stack, 'snapshot', `rds:${source}-20??-??-??-??-??`), ...groups],
      { ...made, ...isPrivate },
    ),
    allow(['rds:RestoreDBInstanceToPointInTime'], [copies, rdsArn(stack, 'db', source), ...groups], {
      ...made,
      ...isPrivate,
    }),
    allow(['rds:AddTagsToResource'], [copies], made),
    allow(['rds:ModifyDBInstance'], [copies], { ...isCopy, ...isPrivate }),
    allow(['rds:DeleteDBInstance'], [copies], isCopy),
  ];
}

export const rdsArn = (stack: Stack, resource: string, resourceName: string) =>
  stack.formatArn({ service: 'rds', resource, resourceName, arnFormat: ArnFormat.COLON_RESOURCE_NAME });
