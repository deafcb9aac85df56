/**
 * Snapshots of a cache, whether it runs on nodes or serverless: ElastiCache has two sets of calls for the same thing.
 */
import {
  CreateServerlessCacheSnapshotCommand,
  CreateSnapshotCommand,
  DeleteServerlessCacheSnapshotCommand,
  DeleteSnapshotCommand,
  DescribeReplicationGroupsCommand,
  type ElastiCacheClient,
  ListTagsForResourceCommand,
  paginateDescribeServerlessCacheSnapshots,
  paginateDescribeSnapshots,
  type ServerlessCacheSnapshot,
  type Snapshot,
} from '@aws-sdk/client-elasticache';
import { CACHE_SNAPSHOT_TAGS, type CacheTarget, type HoldTarget, isBad } from '../contract';
import { isFault } from '../rds/fault';

export interface CacheSnapshot {
  readonly name: string;
  readonly arn: string;
  readonly status: string;
  /** When its data was read, at the latest where shards differ; undefined while it is being made. */
  readonly taken: number | undefined;
  /** Files that an export has. */
  readonly shards: number;
}

/** What identifies a snapshot. */
export const tagsOf = (cache: CacheTarget, prefix: string) => [
  { Key: CACHE_SNAPSHOT_TAGS.snapshotOf, Value: cache.id },
  { Key: CACHE_SNAPSHOT_TAGS.takenBy, Value: prefix },
];

/** What a hold on it would name. */
export const holdTargetOf = ({ id }: CacheTarget): HoldTarget => ({ kind: 'cache', id });

/** Prefix and the minute that it is due: the same at every try. */
export const dueName = (prefix: string, due: string) =>
  `${prefix}${new Date(due).toISOString().slice(0, 16).replace('T', '-').replace(':', '')}`;

/** All snapshots of the cache, automatic ones too, in no order. */
export async function snapshotsOf(client: ElastiCacheClient, cache: CacheTarget): Promise<CacheSnapshot[]> {
  const found: CacheSnapshot[] = [];
  if (cache.kind === 'serverless') {
    const pages = paginateDescribeServerlessCacheSnapshots({ client }, { ServerlessCacheName: cache.id });
    for await (const { ServerlessCacheSnapshots = [] } of pages)
      found.push(...ServerlessCacheSnapshots.map(ofServerless));
    return found;
  }
  for await (const { Snapshots = [] } of paginateDescribeSnapshots({ client }, {})) {
    found.push(...Snapshots.filter((snapshot) => isOf(snapshot, cache)).map(ofNodes));
  }
  return found;
}

/** Those that can be restored, the newest first. */
export const good = (snapshots: readonly CacheSnapshot[]): CacheSnapshot[] =>
  snapshots
    .filter(({ status, taken }) => status === 'available' && taken !== undefined)
    .sort((one, other) => Number(other.taken) - Number(one.taken));

/**
 * Starts one, unless it was started before.
 *
 * @returns `under way` while another one of the cache is being taken, `busy` when its state allows none otherwise
 */
export async function take(
  client: ElastiCacheClient,
  cache: CacheTarget,
  prefix: string,
  name: string,
): Promise<'taken' | 'under way' | 'busy'> {
  const Tags = tagsOf(cache, prefix);
  try {
    if (cache.kind === 'serverless') {
      const input = { ServerlessCacheName: cache.id, ServerlessCacheSnapshotName: name, Tags };
      await client.send(new CreateServerlessCacheSnapshotCommand(input));
    } else {
      const source = await sourceOf(client, cache);
      await client.send(new CreateSnapshotCommand({ ...source, SnapshotName: name, Tags }));
    }
  } catch (error) {
    if (isFault(error, 'SnapshotAlreadyExists') || isFault(error, 'ServerlessCacheSnapshotAlreadyExists'))
      return 'taken';
    if (!BUSY.some((fault) => isFault(error, fault))) throw error;
    // An earlier try may be what it is busy with, or the automatic snapshot.
    const snapshots = await snapshotsOf(client, cache);
    if (snapshots.some((snapshot) => snapshot.name === name)) return 'taken';
    return snapshots.some(({ status }) => status === 'creating') ? 'under way' : 'busy';
  }
  return 'taken';
}

const BUSY = ['InvalidReplicationGroupState', 'InvalidCacheClusterState', 'InvalidServerlessCacheState'];

/** Whether somebody found out that it is bad; one that is gone is no longer of use either. */
export async function isKnownBad(client: ElastiCacheClient, { arn }: Pick<CacheSnapshot, 'arn'>): Promise<boolean> {
  try {
    const { TagList } = await client.send(new ListTagsForResourceCommand({ ResourceName: arn }));
    return isBad(TagList);
  } catch (error) {
    if (GONE_OR_IN_USE.some((fault) => isFault(error, fault))) return true;
    throw error;
  }
}

/** Deletes one that carries the tags of `tagsOf`; what is gone or in use is left to the next round. */
export async function discard(
  client: ElastiCacheClient,
  cache: CacheTarget,
  prefix: string,
  { name, arn }: Pick<CacheSnapshot, 'name' | 'arn'>,
): Promise<'deleted' | 'left'> {
  try {
    const { TagList = [] } = await client.send(new ListTagsForResourceCommand({ ResourceName: arn }));
    const carries = tagsOf(cache, prefix).every((tag) =>
      TagList.some(({ Key, Value }) => Key === tag.Key && Value === tag.Value),
    );
    if (!carries) return 'left';
    if (cache.kind === 'serverless') {
      await client.send(new DeleteServerlessCacheSnapshotCommand({ ServerlessCacheSnapshotName: name }));
    } else {
      await client.send(new DeleteSnapshotCommand({ SnapshotName: name }));
    }
    return 'deleted';
  } catch (error) {
    if (GONE_OR_IN_USE.some((fault) => isFault(error, fault))) return 'left';
    throw error;
  }
}

const GONE_OR_IN_USE = [
  'SnapshotNotFound',
  'ServerlessCacheSnapshotNotFound',
  'InvalidSnapshotState',
  'InvalidServerlessCacheSnapshotState',
];

/** A group without shards is snapshotted from one of its nodes, which had better be a replica. */
async function sourceOf(client: ElastiCacheClient, { kind, id }: CacheTarget) {
  if (kind === 'cluster') return { CacheClusterId: id };
  const { ReplicationGroups } = await client.send(new DescribeReplicationGroupsCommand({ ReplicationGroupId: id }));
  const group = ReplicationGroups?.[0];
  if (group?.ClusterEnabled !== false) return { ReplicationGroupId: id };
  const members = group.NodeGroups?.[0]?.NodeGroupMembers ?? [];
  const member = members.find(({ CurrentRole }) => CurrentRole === 'replica') ?? members[0];
  return member?.CacheClusterId ? { CacheClusterId: member.CacheClusterId } : { ReplicationGroupId: id };
}

/** Snapshots of a group without shards name one of its nodes, which is called `<group>-001`. */
function isOf({ ReplicationGroupId, CacheClusterId = '' }: Snapshot, { kind, id }: CacheTarget): boolean {
  if (kind !== 'replication-group') return CacheClusterId === id;
  // Where it is named, a group `sessions-0001` is not taken for a shard of `sessions`.
  if (ReplicationGroupId) return ReplicationGroupId === id;
  return CacheClusterId.startsWith(`${id}-`) && /^(-\d{4})?-\d{3}$/.test(CacheClusterId.slice(id.length));
}

function ofNodes({ SnapshotName = '', ARN = '', SnapshotStatus = '', NodeSnapshots = [] }: Snapshot): CacheSnapshot {
  const times = NodeSnapshots.flatMap(({ SnapshotCreateTime }) => SnapshotCreateTime?.getTime() ?? []);
  const taken = times.length > 0 ? Math.min(...times) : undefined;
  return { name: SnapshotName, arn: ARN, status: SnapshotStatus, taken, shards: Math.max(1, NodeSnapshots.length) };
}

function ofServerless(snapshot: ServerlessCacheSnapshot): CacheSnapshot {
  const { ServerlessCacheSnapshotName: name = '', ARN: arn = '', Status: status = '', CreateTime } = snapshot;
  return { name, arn, status: status.toLowerCase(), taken: CreateTime?.getTime(), shards: 1 };
}
