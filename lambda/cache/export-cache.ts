/**
 * Runbook: export the newest snapshot of a cache to S3.
 *
 * Of a cache on nodes any good snapshot is exported under a name of the run. A serverless one is exported under the
 * snapshot's own name only, so one is taken for it, and deleted afterwards. An export counts once all its files are
 * there.
 */
import {
  CopySnapshotCommand,
  ElastiCacheClient,
  ExportServerlessCacheSnapshotCommand,
} from '@aws-sdk/client-elasticache';
import { PutObjectCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';
import { SSMClient } from '@aws-sdk/client-ssm';
import { type CacheExportRequest, cacheExportRequest, type LastGood, lastGoodKey, parse } from '../contract';
import { isFault } from '../rds/fault';
import { askHold } from '../runbook/hold';
import { type Runbook, shipped } from '../runbook/runbook';
import { type CacheSnapshot, discard, dueName, good, holdTargetOf, snapshotsOf, take } from './cache-snapshots';

export interface CacheExported {
  readonly snapshot: string;
  /** When the exported data was read. ISO 8601. */
  readonly taken: string;
  readonly files: readonly string[];
  readonly bytes: number;
}

export interface ExportPorts {
  readonly cache: ElastiCacheClient;
  readonly s3: S3Client;
  /** Has the hold on the cache, if there is one. */
  readonly ssm: SSMClient;
}

type Chosen = Pick<CacheSnapshot, 'name' | 'arn' | 'shards'> & { readonly taken: number };

/** Another export of the snapshot, an earlier try among them, has to end before one can start. */
const HOURS = { take: 2, snapshot: 6, start: 12, export: 12 };

export const exportCache =
  (ports: ExportPorts) =>
  async (input: unknown, runbook: Runbook): Promise<CacheExported> => {
    const request = parse(cacheExportRequest, input, 'export request');
    const name = dueName(request.prefix, request.due);
    if (request.cache.kind !== 'serverless') {
      const newest = await runbook.step('choose the newest snapshot', () => newestOf(ports.cache, request));
      return bring(ports, request, runbook, newest, name);
    }
    try {
      const taken = await takeOne(ports.cache, request, runbook, name);
      return await bring(ports, request, runbook, taken, name);
    } finally {
      await runbook.step('delete the snapshot', () => discardOwn(ports, request, name), 'any error');
    }
  };

async function bring(
  ports: ExportPorts,
  request: CacheExportRequest,
  runbook: Runbook,
  snapshot: Chosen,
  name: string,
): Promise<CacheExported> {
  await runbook.poll(
    'start the export',
    () => start(ports.cache, request, snapshot, name),
    (seen) => seen === 'started',
    { hours: HOURS.start },
  );
  const { files, bytes } = await runbook.poll(
    'wait until all files are there',
    () => look(ports, request, snapshot, name),
    (seen) => seen.idle && seen.files.length >= snapshot.shards && seen.bytes > 0,
    { hours: HOURS.export },
  );
  const taken = new Date(snapshot.taken).toISOString();
  // Its age is that of the data: an export of an old snapshot is no newer than the snapshot.
  const good: LastGood = { finished: taken, bytes };
  await runbook.step('say that it is good', async () => {
    const document = { Bucket: request.bucket, Key: lastGoodKey(request.statusPrefix), Body: JSON.stringify(good) };
    await ports.s3.send(new PutObjectCommand({ ...document, ContentType: 'application/json' }));
  });
  return { snapshot: snapshot.name, taken, files, bytes };
}

async function newestOf(client: ElastiCacheClient, { cache }: CacheExportRequest): Promise<Chosen> {
  const [newest] = good(await snapshotsOf(client, cache));
  if (newest) return { ...newest, taken: Number(newest.taken) };
  throw new Error(
    `cache '${cache.id}' has no snapshot that is available, so there is nothing to export; turn on its snapshots, or wait for ` +
      'the first',
  );
}

async function takeOne(
  client: ElastiCacheClient,
  { cache, prefix }: CacheExportRequest,
  runbook: Runbook,
  name: string,
): Promise<Chosen> {
  await runbook.poll(
    'take a snapshot',
    () => take(client, cache, prefix, name),
    (seen) => seen === 'taken',
    { hours: HOURS.take },
  );
  const seen = await runbook.poll(
    'wait until it is taken',
    async () => (await snapshotsOf(client, cache)).find((snapshot) => snapshot.name === name) ?? null,
    (snapshot) => snapshot !== null && snapshot.status !== 'creating',
    { hours: HOURS.snapshot },
  );
  if (seen?.status === 'available' && seen.taken !== undefined) return { ...seen, taken: seen.taken };
  throw new Error(
    `snapshot '${name}' of cache '${cache.id}' is ${seen?.status ?? 'gone'}, so there is nothing to export; the next round takes another`,
  );
}

async function start(
  client: ElastiCacheClient,
  { cache, bucket }: CacheExportRequest,
  snapshot: Chosen,
  name: string,
): Promise<'started' | 'busy'> {
  try {
    if (cache.kind === 'serverless') {
      const input = { ServerlessCacheSnapshotName: name, S3BucketName: bucket };
      await client.send(new ExportServerlessCacheSnapshotCommand(input));
    } else {
      const input = { SourceSnapshotName: snapshot.name, TargetSnapshotName: name, TargetBucket: bucket };
      await client.send(new CopySnapshotCommand(input));
    }
    return 'started';
  } catch (error) {
    // An earlier try took effect: only one export has this name.
    if (isFault(error, 'SnapshotAlreadyExists') || isThere(error)) return 'started';
    const busy = isFault(error, 'InvalidSnapshotState') || isFault(error, 'InvalidServerlessCacheSnapshotState');
    if (!busy) throw error;
    const found = (await snapshotsOf(client, cache)).find((one) => one.name === snapshot.name);
    return cache.kind === 'serverless' && found?.status === 'exporting' ? 'started' : 'busy';
  }
}

/** https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CopySnapshot.html */
const isThere = (error: unknown) => error instanceof Error && /already contains an object with key/.test(error.message);

async function look({ cache, s3 }: ExportPorts, request: CacheExportRequest, snapshot: Chosen, name: string) {
  const files: string[] = [];
  let bytes = 0;
  for await (const { Contents = [] } of paginateListObjectsV2(
    { client: s3 },
    { Bucket: request.bucket, Prefix: name },
  )) {
    for (const { Key, Size = 0 } of Contents) {
      files.push(String(Key));
      bytes += Size;
    }
  }
  const source = (await snapshotsOf(cache, request.cache)).find((one) => one.name === snapshot.name);
  // A snapshot that is pruned meanwhile can't be read any more: then what is there is all there will be.
  return { files, bytes, idle: !source || source.status === 'available' };
}

/** No run takes longer: what older ones left was stopped before it could be deleted. */
const MAX_RUN = 48 * 3_600_000;

/** While the cache is on hold they stay, and go after a later export. */
async function discardOwn(
  { cache: client, ssm }: ExportPorts,
  { cache, prefix, due }: CacheExportRequest,
  name: string,
) {
  if (await askHold([ssm], holdTargetOf(cache), Date.now)()) return 'on hold';
  const snapshots = await snapshotsOf(client, cache);
  const ofOlderRuns = ({ name: other, taken = Number.POSITIVE_INFINITY }: CacheSnapshot) =>
    other.startsWith(prefix) && taken < Date.parse(due) - MAX_RUN;
  for (const older of snapshots.filter(ofOlderRuns)) await discard(client, cache, prefix, older);
  const found = snapshots.find((snapshot) => snapshot.name === name);
  if (!found || found.status === 'deleting') return 'gone';
  const left = await discard(client, cache, prefix, found);
  if (left === 'deleted') return left;
  throw new Error(`snapshot '${name}' is ${found.status} and can't be deleted yet; delete it by hand if it stays`);
}

export const handler = shipped(exportCache, () => ({
  cache: new ElastiCacheClient(),
  s3: new S3Client(),
  ssm: new SSMClient(),
}));
