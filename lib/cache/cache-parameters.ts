/** Parameter groups that ask ElastiCache for what it doesn't do: keep an append-only file. */
import { CfnResource, Stack, Token } from 'aws-cdk-lib';
import type * as elasticache from 'aws-cdk-lib/aws-elasticache';

/** The last family of engines that had one. https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/RedisAOF.html */
const WITH_APPEND_ONLY_FILE = 'redis2.6';

/** The group of this app that a cache names. */
export function parameterGroupOf(
  cache: elasticache.CfnReplicationGroup | elasticache.CfnCacheCluster,
): elasticache.CfnParameterGroup | undefined {
  const name = cache.cacheParameterGroupName;
  // Other than by reference a cache can name only groups that exist already.
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
    `parameter group '${group.node.path}' asks for ${appendOnly.join(', ')}, and ElastiCache keeps no append-only file and follows ` +
      'no save lines since engine 2.8.22, so nothing would be durable; for writes that survive, create the cache with Durability ' +
      '(Valkey 9 or later, cluster mode, Multi-AZ with a replica, TLS) or use MemoryDB, and take snapshots more often with ' +
      'CacheSnapshots',
  ];
}
