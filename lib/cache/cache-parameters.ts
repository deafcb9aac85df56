/** Parameter groups that set an append-only file, which ElastiCache does not support. */
import { CfnResource, Stack, Token } from 'aws-cdk-lib';
import type * as elasticache from 'aws-cdk-lib/aws-elasticache';

/** The last family of engines with one. https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/RedisAOF.html */
const WITH_APPEND_ONLY_FILE = 'redis2.6';

/** The group of this app that a cache names. */
export function parameterGroupOf(
  cache: elasticache.CfnReplicationGroup | elasticache.CfnCacheCluster,
): elasticache.CfnParameterGroup | undefined {
  const name = cache.cacheParameterGroupName;
  // A name without a reference is that of an existing group.
  if (name === undefined || !Token.isUnresolved(name)) return undefined;
  const stack = Stack.of(cache);
  const referred = JSON.stringify(stack.resolve(name));
  return stack.node
    .findAll()
    .find(
      (other): other is elasticache.CfnParameterGroup =>
        CfnResource.isCfnResource(other) &&
        other.cfnResourceType === 'AWS::ElastiCache::ParameterGroup' &&
        JSON.stringify(stack.resolve(other.ref)) === referred,
    );
}

export function appendOnlyProblems(group: elasticache.CfnParameterGroup): string[] {
  if (
    Token.isUnresolved(group.cacheParameterGroupFamily) ||
    group.cacheParameterGroupFamily === WITH_APPEND_ONLY_FILE
  ) {
    return [];
  }
  const parameters: Record<string, unknown> = Stack.of(group).resolve(group.properties) ?? {};
  const appendOnly = Object.entries(parameters)
    .filter(([name, value]) =>
      name === 'appendonly' ? value === 'yes' : /^(appendfsync|save|(auto-)?aof-.+)$/.test(name),
    )
    .map(([name, value]) => `${name} ${value}`);
  if (appendOnly.length === 0) return [];
  return [
    `parameter group '${group.node.path}' sets ${appendOnly.join(', ')}, and since engine 2.8.22 ElastiCache supports neither append-only ` +
      'files nor save lines, so nothing would be durable; for durable writes, create the cache with Durability (Valkey 9 or ' +
      'later, cluster mode, Multi-AZ with a replica, TLS) or use MemoryDB, and take snapshots more often with CacheSnapshots',
  ];
}
