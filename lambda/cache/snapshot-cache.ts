/**
 * Takes a snapshot of a cache when one is due, deletes its own old ones, and says how old the newest good one is.
 *
 * ElastiCache's automatic snapshots come once a day; these come as often as its quota of manual ones allows. What it
 * deletes carries its prefix and its tags and is over age, and is never the newest good one.
 */
import { ElastiCacheClient } from '@aws-sdk/client-elasticache';
import { type CacheSnapshotRequest, cacheSnapshotRequest, METRICS, parse } from '../contract';
import { embeddedMetric } from '../evidence/metrics';
import { discard, dueName, good, snapshotsOf, take } from './cache-snapshots';

export interface Round {
  /** The snapshot that was due; null when none was, or another was being taken, which does as well. */
  readonly taken: string | null;
  readonly deleted: readonly string[];
}

/** @throws after having done what it could, when something could not be done */
export const snapshotCache =
  (client: ElastiCacheClient, print: (line: string) => void, clock: () => number = Date.now) =>
  async (input: unknown): Promise<Round> => {
    const request = parse(cacheSnapshotRequest, input, 'snapshot request');
    const failures: string[] = [];
    const tried = async <T>(what: string, effect: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await effect();
      } catch (error) {
        failures.push(`${what}: ${error instanceof Error ? `${error.name}: ${error.message}` : error}`);
        return undefined;
      }
    };
    const { due } = request;
    const taken = due === undefined ? undefined : await tried('take a snapshot', () => takeDue(client, request, due));
    const deleted = await tried('delete old snapshots', () => prune(client, request, print, clock()));
    if (failures.length > 0) {
      throw new Error(`cache '${request.cache.id}' is not backed up as it should be:\n  ${failures.join('\n  ')}`);
    }
    return { taken: taken ?? null, deleted: deleted ?? [] };
  };

async function takeDue(
  client: ElastiCacheClient,
  { cache, prefix }: CacheSnapshotRequest,
  due: string,
): Promise<string | null> {
  const name = dueName(prefix, due);
  const outcome = await take(client, cache, prefix, name);
  if (outcome === 'busy') throw new Error('the cache is being changed; the next one is taken when due');
  return outcome === 'taken' ? name : null;
}

async function prune(
  client: ElastiCacheClient,
  { cache, prefix, keepSeconds, backup }: CacheSnapshotRequest,
  print: (line: string) => void,
  now: number,
): Promise<string[]> {
  const usable = good(await snapshotsOf(client, cache));
  const newest = usable[0]?.taken;
  // Nothing to restore is not an age: silence rings.
  if (newest !== undefined) print(embeddedMetric(age(backup, (now - newest) / 1000), now));
  const deleted: string[] = [];
  const [, ...older] = usable.filter(({ name }) => name.startsWith(prefix));
  for (const snapshot of older) {
    if (Number(snapshot.taken) + keepSeconds * 1000 >= now) continue;
    if ((await discard(client, cache, prefix, snapshot)) === 'deleted') deleted.push(snapshot.name);
  }
  return deleted;
}

const age = (backup: string, seconds: number) =>
  ({
    name: METRICS.secondsSinceBackup,
    unit: 'Seconds',
    value: seconds,
    dimensions: { [METRICS.dimensions.backup]: backup },
  }) as const;

export const handler = (event: unknown) =>
  snapshotCache(new ElastiCacheClient(), (line) => process.stdout.write(`${line}\n`))(event);
