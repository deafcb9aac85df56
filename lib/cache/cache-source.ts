/** What synth knows about a cache. */

import { ArnFormat, CfnResource, Stack, Token } from 'aws-cdk-lib';
import type * as elasticache from 'aws-cdk-lib/aws-elasticache';
import type { aws_elasticache as interfaces } from 'aws-cdk-lib/interfaces';
import type { IConstruct } from 'constructs';
import type { CacheTarget } from '../../lambda/contract';
import { known } from '../synth/tokens';
import { appendOnlyProblems, parameterGroupOf } from './cache-parameters';

/** A cache of this app or an imported one (`CfnReplicationGroup.fromReplicationGroupId(...)` and the like). */
export class CacheSource {
  public static replicationGroup(group: interfaces.IReplicationGroupRef): CacheSource {
    return new CacheSource(group, 'replication-group', group.replicationGroupRef.replicationGroupId);
  }

  /** A cluster outside of a replication group. */
  public static cluster(cluster: interfaces.ICacheClusterRef): CacheSource {
    return new CacheSource(cluster, 'cluster', cluster.cacheClusterRef.clusterName);
  }

  public static serverless(cache: interfaces.IServerlessCacheRef): CacheSource {
    return new CacheSource(cache, 'serverless', cache.serverlessCacheRef.serverlessCacheName);
  }

  private constructor(
    public readonly cache: IConstruct,
    private readonly kind: CacheTarget['kind'],
    private readonly id: string,
  ) {}

  /** ElastiCache keeps names in lower case, and IAM compares those. */
  public get target(): CacheTarget {
    return { kind: this.kind, id: Token.isUnresolved(this.id) ? this.id : this.id.toLowerCase() };
  }

  /** Manual snapshots within 24 hours. https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/backups.html */
  public get dailyQuota(): { readonly count: number; readonly of: string } {
    return this.kind === 'serverless' ? { count: 24, of: 'a serverless cache' } : { count: 20, of: 'a node' };
  }

  public get runsMemcachedOnNodes(): boolean {
    return this.kind === 'cluster' && this.resource<elasticache.CfnCacheCluster>()?.engine === 'memcached';
  }

  /** Whether nodes keep a part of their data on SSD: ElastiCache can't export those. */
  public get tiersData(): boolean {
    const node = this.resource<elasticache.CfnReplicationGroup>();
    if (!node || this.kind === 'serverless') return false;
    return known(node.dataTieringEnabled) === true || String(known(node.cacheNodeType) ?? '').startsWith('cache.r6gd');
  }

  /** Whether synth sees that ElastiCache takes no daily snapshots of it: 0 days is the default of a cache on nodes. */
  public get takesNoSnapshots(): boolean {
    const node = this.kind === 'serverless' ? undefined : this.resource<elasticache.CfnReplicationGroup>();
    const days = node?.snapshotRetentionLimit ?? 0;
    return node !== undefined && known(days) === 0;
  }

  /** Problems of a parameter group that sets an append-only file. */
  public get appendOnlyProblems(): string[] {
    const node = this.kind === 'serverless' ? undefined : this.resource<elasticache.CfnReplicationGroup>();
    const group = node && parameterGroupOf(node);
    return group ? appendOnlyProblems(group) : [];
  }

  /** ARNs that IAM checks when a snapshot of the cache is taken. */
  public arns(scope: IConstruct): string[] {
    const { id } = this.target;
    const arn = (resource: string, resourceName: string) => arnOf(scope, resource, resourceName);
    if (this.kind === 'serverless') return [arn('serverlesscache', id)];
    if (this.kind === 'cluster') return [arn('cluster', id)];
    // Snapshots of a group without shards are taken from one of its nodes.
    return [arn('replicationgroup', id), arn('cluster', `${id}-*`)];
  }

  /** ARNs of the cache's kind of snapshots whose names match a pattern. */
  public snapshotArn(scope: IConstruct, pattern: string): string {
    return arnOf(scope, this.kind === 'serverless' ? 'serverlesscachesnapshot' : 'snapshot', pattern);
  }

  /** Name of an action: serverless caches have their own. */
  public action(verb: 'Create' | 'Delete' | 'Describe'): string {
    const noun = this.kind === 'serverless' ? 'ServerlessCacheSnapshot' : 'Snapshot';
    return `elasticache:${verb}${noun}${verb === 'Describe' ? 's' : ''}`;
  }

  /** The CloudFormation resource, if this app creates it. */
  private resource<T extends CfnResource>(): T | undefined {
    return CfnResource.isCfnResource(this.cache) ? (this.cache as T) : undefined;
  }
}

const arnOf = (scope: IConstruct, resource: string, resourceName: string) =>
  Stack.of(scope).formatArn({
    service: 'elasticache',
    resource,
    resourceName,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
