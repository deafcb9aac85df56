import * as v from 'valibot';
import { exportCache } from '../../../lambda/cache/export-cache';
import { type CacheExportRequest, lastGood } from '../../../lambda/contract';
import { HOUR, SimulatedCache } from '../../simulated/cache';
import { runCrashing } from '../../simulated/crashes';

const PREFIX = 'weekly-sessions-';
const NAME = `${PREFIX}2026-11-22-0530`;
const request: CacheExportRequest = {
  cache: { kind: 'replication-group', id: 'sessions' },
  bucket: 'archive',
  prefix: PREFIX,
  statusPrefix: 'status/weekly-sessions/',
  due: '2026-11-22T05:30:00Z',
};
const serverless: CacheExportRequest = { ...request, cache: { kind: 'serverless', id: 'sessions' } };

const run = (cache: SimulatedCache, input: CacheExportRequest, crashes = 0) =>
  runCrashing(
    (alive) => exportCache({ cache: cache.client(alive), s3: cache.s3(alive), ssm: cache.ssm(alive) }),
    input,
    {
      name: 'export',
      time: cache,
      crashes: () => cache.random() < crashes,
    },
  );
const good = (cache: SimulatedCache) =>
  v.parse(lastGood, JSON.parse(cache.objects.get('status/weekly-sessions/last-good.json') ?? '{}'));

test('exports the newest good snapshot under its own name, and says so once all files are there', async () => {
  const cache = new SimulatedCache();
  cache.put('older', 30);
  cache.put('automatic.newest', 3, [], { shards: 3 });
  cache.put('of-carts', 1, [], { of: { ReplicationGroupId: 'carts' } });
  const taken = new Date(cache.now - 3 * HOUR).toISOString();
  const { status, steps, ...rest } = await run(cache, request);
  expect(status).toBe('succeeded');
  expect(steps).toEqual([
    'choose the newest snapshot',
    'start the export',
    'wait until all files are there',
    'say that it is good',
  ]);
  expect(rest).toMatchObject({ result: { snapshot: 'automatic.newest', files: { length: 3 } } });
  expect(cache.asked).toContainEqual({
    SourceSnapshotName: 'automatic.newest',
    TargetSnapshotName: NAME,
    TargetBucket: 'archive',
  });
  // As old as its data, not as the export.
  expect(good(cache)).toEqual({ finished: taken, bytes: 3000 });
});

const since = new Date(Date.now() - HOUR).toISOString();
const hold = { reason: 'recovery', by: 'ada', since, until: new Date(Date.now() + HOUR).toISOString() };
const sessions = { kind: 'cache', id: 'sessions' } as const;
test.each([
  ['on hold', ({ parameters }: SimulatedCache) => parameters.hold('eu-west-1', sessions, hold)],
  ['being recovered', ({ parameters }: SimulatedCache) => parameters.recover('eu-west-1', sessions)],
])('while the cache is %s, leaves the snapshot that it took, until a later export', async (_, keep) => {
  const cache = new SimulatedCache();
  keep(cache);
  expect(await run(cache, serverless)).toMatchObject({ status: 'succeeded', result: { snapshot: NAME } });
  expect(cache.names()).toEqual([NAME]);
  cache.parameters.values.clear();
  cache.now += 72 * HOUR;
  await run(cache, { ...serverless, due: new Date(cache.now).toISOString() });
  expect(cache.names()).toEqual([]);
});

test('of a serverless cache takes a snapshot, exports it, and deletes it', async () => {
  const cache = new SimulatedCache();
  const { status, steps } = await run(cache, serverless);
  expect(status).toBe('succeeded');
  expect(steps).toEqual([
    'take a snapshot',
    'wait until it is taken',
    'start the export',
    'wait until all files are there',
    'say that it is good',
    'delete the snapshot',
  ]);
  expect(cache.touched).toEqual([`create ${NAME}`, `export ${NAME}`, `delete ${NAME}`]);
});

test('fails where there is nothing to export', async () => {
  const cache = new SimulatedCache();
  expect(await run(cache, request)).toMatchObject({
    status: 'failed',
    error: expect.stringContaining("cache 'sessions' has no snapshot that is available"),
  });
  expect(() => good(cache)).toThrow();
});

test('does not call an export good that ElastiCache refused, and leaves no snapshot of its own', async () => {
  const cache = new SimulatedCache();
  cache.refusesExport = 'InvalidS3BucketFault';
  const { status } = await run(cache, serverless);
  expect([status, cache.names()]).toEqual(['failed', []]);
  expect(cache.touched).toEqual([`create ${NAME}`, `delete ${NAME}`]);
  expect(() => good(cache)).toThrow();
});

test.each([
  ['nodes', request, 1],
  ['serverless', serverless, 2],
])('waits until the files are there, and not only asked for: %s', async (_, input, waits) => {
  const cache = new SimulatedCache();
  cache.put('automatic.newest', 3);
  cache.minutes = 0.3;
  const before = cache.now;
  expect((await run(cache, input)).status).toBe('succeeded');
  expect(cache.now - before).toBeGreaterThan(waits * 18_000);
  expect(good(cache).bytes).toBe(1000);
});

test('deletes what a run that was stopped has left, and nothing else', async () => {
  const cache = new SimulatedCache();
  const tags = (by = PREFIX) => [
    { Key: 'lifeboat:cache-snapshot-of', Value: 'sessions' },
    { Key: 'lifeboat:taken-by', Value: by },
  ];
  cache.put(`${PREFIX}2026-11-15-0530`, 126, tags());
  cache.put(`${PREFIX}2026-11-20-1100`, 1, tags());
  cache.put(`${PREFIX}by-hand`, 126);
  cache.put('six-hourly-2026-11-15-0530', 126, tags('six-hourly-'));
  await run(cache, serverless);
  expect(cache.touched.filter((call) => call.startsWith('delete'))).toEqual([
    `delete ${PREFIX}2026-11-15-0530`,
    `delete ${NAME}`,
  ]);
});

test('an export whose answer was lost counts once its files are there', async () => {
  const cache = new SimulatedCache();
  cache.put('automatic.newest', 3);
  cache.minutes = 0.3;
  cache.loses = 'CopySnapshotCommand';
  expect((await run(cache, request)).status).toBe('succeeded');
  expect(cache.touched).toEqual([`export ${NAME}`]);
  expect(good(cache).bytes).toBe(1000);
});

test('a snapshot that is on its way out is no failure', async () => {
  const cache = new SimulatedCache();
  cache.deletingMinutes = 60;
  cache.loses = 'DeleteServerlessCacheSnapshotCommand';
  expect((await run(cache, serverless)).status).toBe('succeeded');
});

test.each([
  ['nodes', request, ['automatic.newest']],
  ['serverless', serverless, ['automatic.newest']],
])(
  'ends well through any faults and crashes, with no snapshot left behind: %s',
  async (_, input, left) => {
    for (let seed = 1; seed <= 12; seed++) {
      const cache = new SimulatedCache({ seed, throttled: 0.05, unavailable: 0.03, lost: 0.05 });
      cache.put('automatic.newest', 3, [], { shards: 2 });
      const { status } = await run(cache, input, 0.1);
      expect([seed, status, cache.names()]).toEqual([seed, 'succeeded', left]);
      expect(good(cache).bytes).toBe(input === request ? 2000 : 1000);
    }
  },
  30_000,
);
