import { CfnDeletionPolicy, CfnResource, Duration, Mixin, Stack, Token } from 'aws-cdk-lib';
import type * as elasticache from 'aws-cdk-lib/aws-elasticache';
import type { IConstruct } from 'constructs';
import { BackupWindow, maintenanceProblems } from '../schedule/backup-window';
import { markCovered } from '../synth/coverage';
import { warnOfFleetingKey } from '../synth/kept-keys';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';
import { known } from '../synth/tokens';
import { appendOnlyProblems, parameterGroupOf } from './cache-parameters';

export interface CacheBackupsProps {
  /**
   * When the daily snapshot begins: at least 60 minutes, in UTC. A serverless cache uses only the start of the window.
   *
   * @default - the cache's own setting; without one, ElastiCache picks a window
   */
  readonly window?: BackupWindow;
  /**
   * How long daily snapshots are kept: 1 to 35 whole days. 0 turns them off.
   *
   * @default - the cache's own setting; without one, 15 days, the least that the rule packs for HIPAA and NIST accept
   */
  readonly retention?: Duration;
  /**
   * The node that daily snapshots are taken from; name a replica. Only with cluster mode disabled: otherwise
   * ElastiCache takes them from each shard.
   *
   * @default - the cache's own setting; without one, ElastiCache picks a replica
   */
  readonly snapshottingClusterId?: string;
  /**
   * Name of the final snapshot that is taken of a serverless cache before it is deleted. Names are unique in an account
   * and region, so a cache that is created and deleted again needs another name. CloudFormation names those of other
   * caches.
   *
   * @default - the cache's name and `-final`
   */
  readonly finalSnapshotName?: string;
}

type NodeCache = elasticache.CfnReplicationGroup | elasticache.CfnCacheCluster;
type Cache = NodeCache | elasticache.CfnServerlessCache;

const PROPS: PropsOf<CacheBackupsProps> = {
  window: true,
  retention: true,
  snapshottingClusterId: true,
  finalSnapshotName: true,
};

/**
 * Daily snapshots of an ElastiCache cache. Its owner applies it: `cache.with(new CacheBackups({ ... }))`.
 *
 * It works on replication groups, cache clusters and serverless caches. A final snapshot is taken before CloudFormation
 * deletes or replaces a cache, unless the cache states otherwise. Parameter groups that set an append-only file are
 * refused: ElastiCache does not support it since engine 2.8.22.
 * https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/backups.html
 */
export class CacheBackups extends Mixin {
  constructor(private readonly props: CacheBackupsProps = {}) {
    super();
    checkProps(this, props, PROPS);
  }

  public supports(construct: IConstruct): construct is Cache | elasticache.CfnParameterGroup {
    return typeOf(construct) !== undefined;
  }

  /** @throws Error that lists all that ElastiCache would refuse */
  public applyTo(construct: IConstruct): void {
    const type = typeOf(construct);
    const problems: string[] = [];
    if (type === 'parameters') problems.push(...appendOnlyProblems(construct as elasticache.CfnParameterGroup));
    if (type === 'group') problems.push(...this.onGroup(construct as elasticache.CfnReplicationGroup));
    if (type === 'cluster') problems.push(...this.onCluster(construct as elasticache.CfnCacheCluster));
    if (type === 'serverless') problems.push(...this.onServerless(construct as elasticache.CfnServerlessCache));
    refuseAll(`cache '${construct.node.path}'`, problems);
    const { snapshotRetentionLimit } = construct as Cache;
    if (type !== 'parameters' && snapshotRetentionLimit !== 0) markCovered(construct, 'CacheBackups');
    // Windows may still be set after this.
    if (type === 'group' || type === 'cluster') {
      construct.node.addValidation({ validate: () => cacheWindowProblems(construct as NodeCache) });
    }
  }

  private onGroup(group: elasticache.CfnReplicationGroup): string[] {
    const { snapshottingClusterId } = this.props;
    const problems = [
      ...this.onNodes(group),
      ...statedTwiceProblems('snapshottingClusterId', group.snapshottingClusterId, snapshottingClusterId),
    ];
    const sharded = shardedBy(group);
    if (sharded && (snapshottingClusterId ?? group.snapshottingClusterId)) {
      problems.push(
        `'snapshottingClusterId' is '${snapshottingClusterId ?? group.snapshottingClusterId}', and ${sharded}, so ElastiCache would refuse a ` +
          'single node as the source of snapshots; leave it out',
      );
    }
    if (problems.length === 0) group.snapshottingClusterId ??= snapshottingClusterId;
    return problems;
  }

  private onCluster(cluster: elasticache.CfnCacheCluster): string[] {
    const problems = this.onNodes(cluster);
    if (cluster.engine === 'memcached') {
      problems.push(
        'it runs Memcached on nodes, and ElastiCache takes no snapshots of those; use a serverless cache or Valkey',
      );
    }
    if (this.props.snapshottingClusterId) {
      problems.push(
        "'snapshottingClusterId' is stated for a single cluster, whose snapshots are taken from itself; leave it out",
      );
    }
    return problems;
  }

  /** What replication groups and clusters have in common. */
  private onNodes(cache: NodeCache): string[] {
    const { window, finalSnapshotName } = this.props;
    const days = daysOf(this.props.retention);
    const problems = [
      ...statedTwiceProblems('window', cache.snapshotWindow, window?.expression),
      ...statedTwiceProblems('retention', cache.snapshotRetentionLimit, days),
      ...retentionProblems(days),
      ...cacheWindowProblems(cache, window?.expression),
    ];
    const parameters = parameterGroupOf(cache);
    if (parameters) problems.push(...appendOnlyProblems(parameters));
    if (finalSnapshotName) {
      problems.push(
        "'finalSnapshotName' is stated, and CloudFormation names the final snapshot of a cache on nodes; leave it out",
      );
    }
    if (problems.length > 0) return problems;
    if ('kmsKeyId' in cache) warnOfFleetingKey(cache, cache.kmsKeyId);
    cache.snapshotWindow ??= window?.expression;
    cache.snapshotRetentionLimit ??= days ?? 15;
    cache.cfnOptions.deletionPolicy ??= CfnDeletionPolicy.SNAPSHOT;
    cache.cfnOptions.updateReplacePolicy ??= CfnDeletionPolicy.SNAPSHOT;
    return [];
  }

  private onServerless(cache: elasticache.CfnServerlessCache): string[] {
    const { window, finalSnapshotName, snapshottingClusterId } = this.props;
    const days = daysOf(this.props.retention);
    const start = window?.expression.slice(0, 5);
    const problems = [
      ...statedTwiceProblems('window', cache.dailySnapshotTime, start),
      ...statedTwiceProblems('retention', cache.snapshotRetentionLimit, days),
      ...statedTwiceProblems('finalSnapshotName', cache.finalSnapshotName, finalSnapshotName),
      ...retentionProblems(days),
      ...(known(window?.expression) ? windowLengthProblems(window?.expression as string) : []),
    ];
    if (snapshottingClusterId) {
      problems.push("'snapshottingClusterId' is stated, and a serverless cache has no nodes; leave it out");
    }
    if (problems.length > 0) return problems;
    warnOfFleetingKey(cache, cache.kmsKeyId);
    cache.dailySnapshotTime ??= start;
    cache.snapshotRetentionLimit ??= days ?? 15;
    cache.finalSnapshotName ??= finalSnapshotName ?? `${cache.serverlessCacheName}-final`;
    return [];
  }
}

function typeOf(construct: IConstruct): 'group' | 'cluster' | 'serverless' | 'parameters' | undefined {
  if (!CfnResource.isCfnResource(construct)) return undefined;
  switch (construct.cfnResourceType) {
    case 'AWS::ElastiCache::ReplicationGroup':
      return 'group';
    case 'AWS::ElastiCache::CacheCluster':
      return 'cluster';
    case 'AWS::ElastiCache::ServerlessCache':
      return 'serverless';
    case 'AWS::ElastiCache::ParameterGroup':
      return 'parameters';
    default:
      return undefined;
  }
}

/** Why the group has or may have several shards; undefined if cluster mode is disabled or unknown at synth. */
function shardedBy(group: elasticache.CfnReplicationGroup): string | undefined {
  const shards = known(group.numNodeGroups);
  if (shards !== undefined && shards > 1) return `the group has ${shards} shards`;
  if (group.clusterMode === 'enabled') return 'its cluster mode is enabled';
  const parameters = known(group.cacheParameterGroupName);
  if (parameters?.endsWith('.cluster.on')) return `its parameter group ${parameters} enables cluster mode`;
  const ofApp = parameterGroupOf(group);
  const enabled = ofApp && Stack.of(ofApp).resolve(ofApp.properties)?.['cluster-enabled'] === 'yes';
  return enabled ? 'its parameter group enables cluster mode' : undefined;
}

/** Settings of the cache and of this Mixin that contradict each other. */
function statedTwiceProblems(name: string, stated: unknown, asked: unknown): string[] {
  if (known(stated) === undefined || known(asked) === undefined || stated === asked) return [];
  const unit = name === 'retention' ? ' days' : '';
  return [
    `'${name}' is ${asked}${unit} in CacheBackups, and ${stated}${unit} on the cache, so one would be lost; state it once`,
  ];
}

function daysOf(retention: Duration | undefined): number | undefined {
  if (!retention) return undefined;
  return retention.isUnresolved() ? retention.toDays() : retention.toDays({ integral: false });
}

function retentionProblems(days: number | undefined): string[] {
  if (days === undefined || Token.isUnresolved(days)) return [];
  if (Number.isInteger(days) && days >= 0 && days <= 35) return [];
  return [
    `'retention' is ${Duration.days(days).toHumanString()}, not 0 to 35 whole days, so ElastiCache would refuse it; to keep data longer, ` +
      'export it to S3 with CacheExport',
  ];
}

/** Problems of the cache's windows, stated or default. Those unknown at synth are not compared. */
export function cacheWindowProblems(cache: NodeCache, asked?: string): string[] {
  const maintenance = known(cache.preferredMaintenanceWindow);
  const problems = maintenanceProblems(maintenance, { name: 'ElastiCache', leastMinutes: MIN_MINUTES });
  const window = known(cache.snapshotWindow ?? asked);
  if (window === undefined) return problems;
  const ofLength = windowLengthProblems(window);
  if (ofLength.length > 0 || problems.length > 0) return [...ofLength, ...problems];
  const [from = '', to = ''] = window.split('-');
  if (maintenance === undefined || !BackupWindow.daily(from, to).overlaps(maintenance)) return [];
  return [
    `the snapshot window ${window} overlaps the maintenance window ${maintenance}, so ElastiCache would refuse both; start ` +
      `maintenance at ${to} or later`,
  ];
}

/** https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/backups-automatic.html */
const MIN_MINUTES = 60;
const TIME = '([01]\\d|2[0-3]):[0-5]\\d';

function windowLengthProblems(window: string): string[] {
  if (!new RegExp(`^${TIME}-${TIME}$`).test(window)) {
    return [
      `the snapshot window '${window}' is not in the form hh:mm-hh:mm, so ElastiCache would refuse it; write it so, in UTC`,
    ];
  }
  const minutes = (minuteOf(window.slice(6)) - minuteOf(window.slice(0, 5)) + 1440) % 1440;
  if (minutes >= MIN_MINUTES) return [];
  return [
    `the snapshot window ${window} is ${minutes} minutes long, and ElastiCache requires at least ${MIN_MINUTES}; end it later`,
  ];
}

const minuteOf = (time: string) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
