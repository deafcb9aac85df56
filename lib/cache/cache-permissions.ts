/**
 * Permissions to take, list and delete snapshots of one cache: of no other cache, and no deletion of foreign snapshots.
 */

import { Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type { IConstruct } from 'constructs';
import { CACHE_SNAPSHOT_TAGS } from '../../lambda/contract';
import { allow, readHold } from '../function/statements';
import type { CacheSource } from './cache-source';

const CARRIES_TAGS = {
  Null: Object.fromEntries(Object.values(CACHE_SNAPSHOT_TAGS).map((tag) => [`aws:ResourceTag/${tag}`, 'false'])),
};

export const ABOUT_PATTERNS =
  'Snapshots are named at run time, so they are allowed by prefix, and deleted only with the tags that they are created ' +
  'with; nodes of a group are named after it; describing actions can not be narrowed.';

/** Listing reads names and times of all snapshots of the region, but no data. */
export function listSnapshots(source: CacheSource): iam.PolicyStatement[] {
  return [allow([source.action('Describe'), 'elasticache:DescribeReplicationGroups'], ['*'])];
}

/** @param prefix of the names of snapshots */
export function ownSnapshots(scope: IConstruct, source: CacheSource, prefix: string): iam.PolicyStatement[] {
  const own = source.snapshotArn(scope, `${prefix}*`);
  return [
    allow([source.action('Create')], [...source.arns(scope), own]),
    allow(['elasticache:AddTagsToResource'], [own], {
      'ForAllValues:StringEquals': { 'aws:TagKeys': Object.values(CACHE_SNAPSHOT_TAGS) },
    }),
    allow(['elasticache:ListTagsForResource'], [own]),
    allow([source.action('Delete')], [own], CARRIES_TAGS),
    readHold(Stack.of(scope), { kind: 'cache', id: source.target.id }),
  ];
}
