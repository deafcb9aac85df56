/**
 * Takes a snapshot of a cache when one is due, deletes its own old ones, and publishes the age of the newest good one.
 *
 * ElastiCache takes automatic snapshots once a day; these are taken as often as its quota of manual ones allows. It
 * deletes only snapshots with its prefix and tags that are over age, counted from its newest good one, and none of a
 * cache on hold.
 */
import { ElastiCacheClient } from '@aws-sdk/client-elasticache';
import { SSMClient } from '@aws-sdk/client-ssm';
import {
  type CacheSnapshotDefinition,
  cacheSnapshotDefinition,
  cacheSnapshotRequest,
  METRICS,
  parse,
} from '../contract';
import { embeddedMetric } from '../evidence/metrics';
import { deployedDefinition } from '../runbook/definition';
import { askHold, secondsHeld } from '../runbook/hold';
import {
  type CacheSnapshot,
  discard,
  dueName,
  good,
  holdTargetOf,
  isKnownBad,
  snapshotsOf,
  take,
} from './cache-snapshots';

export interface CachePorts {
  /** The deployed definition, unchecked. */
  readonly definition: unknown;
  readonly cache: ElastiCacheClient;
  /** Has the hold on the cache, if there is one. */
  readonly ssm: SSMClient;
  readonly print: (line: string) => void;
  readonly clock: () => number;
}

export interface Round {
  /** The snapshot that was due; null when none was due, or another was being taken, which is as good. */
  readonly taken: string | null;
  readonly deleted: readonly string[];
}

/** @throws after having done what it could, when something could not be done */
export const snapshotCache =
  (ports: CachePorts) =>
  async (input: unknown): Promise<Round> => {
    const { due } = parse(cacheSnapshotRequest, input, 'snapshot request');
    const definition = parse(cacheSnapshotDefinition, ports.definition, 'snapshot definition');
    const failures: string[] = [];
    const tried = async <T>(what: string, effect: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await effect();
      } catch (error) {
        failures.push(`${what}: ${error instanceof Error ? `${error.name}: ${error.message}` : error}`);
        return undefined;
      }
    };
    const taken =
      due === undefined ? undefined : await tried('take a snapshot', () => takeDue(ports.cache, definition, due));
    const deleted = await tried('delete old snapshots', () => prune(ports, definition));
    if (failures.length > 0) {
      throw new Error(
        `cache '${definition.cache.id}' could not be backed up, or not completely:\n  ${failures.join('\n  ')}`,
      );
    }
    return { taken: taken ?? null, deleted: deleted ?? [] };
  };

async function takeDue(
  client: ElastiCacheClient,
  { cache, prefix }: CacheSnapshotDefinition,
  due: string,
): Promise<string | null> {
  const name = dueName(prefix, due);
  const outcome = await take(client, cache, prefix, name);
  if (outcome === 'busy')
    throw new Error('the cache is being modified, so no snapshot was taken; the next one is taken when due');
  return outcome === 'taken' ? name : null;
}

/** Age counts from its newest good one, so that nothing is deleted once nothing newer comes. */
async function prune(
  { cache: client, ssm, print, clock }: CachePorts,
  { cache, prefix, keepSeconds, backup }: CacheSnapshotDefinition,
): Promise<string[]> {
  const now = clock();
  const hold = askHold([ssm], holdTargetOf(cache), clock);
  const usable = await withoutBad(client, good(await snapshotsOf(client, cache)), prefix);
  const dimensions = { [METRICS.dimensions.backup]: backup };
  const say = (name: string, value: number) => print(embeddedMetric({ name, unit: 'Seconds', value, dimensions }, now));
  const newest = usable[0]?.taken;
  // Without a snapshot nothing is published, and the alarm fires on the missing data.
  if (newest !== undefined) say(METRICS.secondsSinceBackup, (now - newest) / 1000);
  const [newestOwn, ...older] = usable.filter(({ name }) => name.startsWith(prefix));
  const oldest = Math.min(Number(newestOwn?.taken), now) - keepSeconds * 1000;
  const deleted: string[] = [];
  let held = await hold();
  if (held) say(METRICS.holdAge, secondsHeld(held, now));
  for (const snapshot of older.filter(({ taken }) => Number(taken) < oldest)) {
    held = await hold();
    if (held) break;
    if ((await discard(client, cache, prefix, snapshot)) === 'deleted') deleted.push(snapshot.name);
  }
  return deleted;
}

/** Leaves out its own that are known to be bad and newer than its newest good one. Older ones make no difference. */
async function withoutBad(
  client: ElastiCacheClient,
  snapshots: readonly CacheSnapshot[],
  prefix: string,
): Promise<CacheSnapshot[]> {
  const bad = new Set<CacheSnapshot>();
  for (const snapshot of snapshots.filter(({ name }) => name.startsWith(prefix))) {
    if (!(await isKnownBad(client, snapshot))) break;
    bad.add(snapshot);
  }
  return snapshots.filter((snapshot) => !bad.has(snapshot));
}

export const handler = (event: unknown) =>
  snapshotCache({
    definition: deployedDefinition(),
    cache: new ElastiCacheClient(),
    ssm: new SSMClient(),
    print: (line) => process.stdout.write(`${line}\n`),
    clock: Date.now,
  })(event);
