import { snapshotCache } from '../../../lambda/cache/snapshot-cache';
import type { CacheSnapshotDefinition } from '../../../lambda/contract';
import { SimulatedCache } from '../../simulated/cache';

const PREFIX = 'lifeboat-six-hourly-1a2b3c4d-';
const request: CacheSnapshotDefinition = {
  backup: 'Sessions',
  cache: { kind: 'replication-group', id: 'sessions' },
  prefix: PREFIX,
  keepSeconds: 48 * 3600,
};
const due = { ...request, due: '2026-11-20T12:00:00Z' };
const serverless = { kind: 'serverless', id: 'sessions' } as const;
const tags = (id = 'sessions', by = PREFIX) => [
  { Key: 'lifeboat:cache-snapshot-of', Value: id },
  { Key: 'lifeboat:taken-by', Value: by },
];

async function round(
  cache: SimulatedCache,
  { due, ...definition }: CacheSnapshotDefinition & { due?: string },
  printed: string[] = [],
) {
  return snapshotCache({
    definition,
    cache: cache.client(),
    ssm: cache.ssm(),
    print: (line) => printed.push(line),
    clock: () => cache.now,
  })({ due });
}

test('takes the snapshot that is due, of a replica, named for the minute and tagged', async () => {
  const cache = new SimulatedCache();
  const name = `${PREFIX}2026-11-20-1200`;
  expect(await round(cache, due)).toEqual({ taken: name, deleted: [] });
  expect(cache.stored.get(name)).toMatchObject({ of: { CacheClusterId: 'sessions-002' }, tags: tags() });
});

test('of a group with shards takes them all', async () => {
  const cache = new SimulatedCache();
  cache.sharded = true;
  await round(cache, due);
  expect(cache.stored.get(`${PREFIX}2026-11-20-1200`)?.of).toEqual({ ReplicationGroupId: 'sessions' });
});

test('whoever starts a round can choose nothing but when it is due', async () => {
  const cache = new SimulatedCache();
  const ports = {
    definition: request,
    cache: cache.client(),
    ssm: cache.ssm(),
    print: () => {},
    clock: () => cache.now,
  };
  for (const chosen of [{ keepSeconds: 1 }, { prefix: 'lifeboat-other-' }]) {
    await expect(snapshotCache(ports)({ ...chosen })).rejects.toThrow(
      /can't be set by a request, .*; a round of snapshots takes due/,
    );
  }
  expect(cache.touched).toEqual([]);
});

test('takes it once, however often it is asked', async () => {
  const cache = new SimulatedCache();
  await round(cache, due);
  cache.now += 90_000;
  await round(cache, due);
  expect(cache.touched).toHaveLength(1);
});

test.each([
  ['nodes', due],
  ['serverless', { ...due, cache: serverless }],
])('told twice of one that is still being taken, it takes it once, and calls it no failure: %s', async (_, input) => {
  const cache = new SimulatedCache();
  cache.minutes = 10;
  await round(cache, input);
  cache.now += 60_000;
  expect(await round(cache, input)).toMatchObject({ taken: `${PREFIX}2026-11-20-1200` });
  expect(cache.touched).toHaveLength(1);
});

test('the automatic snapshot that is being taken does as well, and is no failure', async () => {
  const cache = new SimulatedCache();
  cache.put('automatic.sessions', 0, [], { ready: cache.now + 600_000 });
  expect(await round(cache, due)).toEqual({ taken: null, deleted: [] });
  expect(cache.touched).toEqual([]);
});

test('does not take the snapshots of a group for those of another that is named like its shard', async () => {
  const cache = new SimulatedCache();
  cache.put('of-the-other', 1, [], {
    of: { ReplicationGroupId: 'sessions-0001', CacheClusterId: 'sessions-0001-001' },
  });
  cache.put('of-a-shard', 3, [], { of: { CacheClusterId: 'sessions-0001-001' } });
  const printed: string[] = [];
  await round(cache, request, printed);
  expect(printed.map((line) => JSON.parse(line).SecondsSinceBackup)).toEqual([3 * 3600]);
});

test('takes snapshots of serverless caches with their own calls', async () => {
  const cache = new SimulatedCache();
  cache.put(`${PREFIX}old`, 72, tags());
  expect(await round(cache, { ...due, cache: serverless })).toEqual({
    taken: `${PREFIX}2026-11-20-1200`,
    deleted: [`${PREFIX}old`],
  });
  expect(cache.asked).toContainEqual(expect.objectContaining({ ServerlessCacheName: 'sessions' }));
});

test('deletes what is its own and over age, and nothing else', async () => {
  const cache = new SimulatedCache();
  cache.put(`${PREFIX}newest`, 1, tags());
  cache.put(`${PREFIX}young`, 47, tags());
  cache.put(`${PREFIX}old`, 50, tags());
  cache.put(`${PREFIX}untagged`, 49);
  cache.put(`${PREFIX}of-another`, 49, tags('carts'));
  cache.put(`${PREFIX}by-another`, 49, tags('sessions', 'lifeboat-other-'));
  cache.put(`${PREFIX}carts`, 49, tags(), { of: { CacheClusterId: 'sessions-carts-001' } });
  cache.put(`${PREFIX}creating`, 49, tags(), { ready: cache.now + 1000 });
  cache.put(`${PREFIX}exporting`, 49, tags(), { exporting: cache.now + 1000 });
  cache.put('by-hand', 500, tags());
  cache.put('automatic.sessions', 900);
  expect(await round(cache, request)).toEqual({ taken: null, deleted: [`${PREFIX}old`] });
  expect(cache.touched).toEqual([`delete ${PREFIX}old`]);
});

test('keeps the newest good snapshot, whatever its age', async () => {
  const cache = new SimulatedCache();
  cache.put(`${PREFIX}a`, 4900, tags());
  cache.put(`${PREFIX}b`, 5000, tags());
  cache.put('automatic.sessions', 1);
  expect((await round(cache, request)).deleted).toEqual([`${PREFIX}b`]);
  // The one that is being made may come to nothing.
  const during = new SimulatedCache();
  during.minutes = 30;
  during.put(`${PREFIX}a`, 4900, tags());
  expect((await round(during, due)).deleted).toEqual([]);
});

test('counts age from its newest good one: with nothing new for 8 days, what there is stays', async () => {
  const cache = new SimulatedCache();
  for (const age of [192, 198, 204, 240]) cache.put(`${PREFIX}${age}`, age, tags());
  cache.put(`${PREFIX}241`, 241, tags());
  expect(await round(cache, request)).toEqual({ taken: null, deleted: [`${PREFIX}241`] });
  cache.now += 10_000 * 3_600_000;
  expect(await round(cache, request)).toEqual({ taken: null, deleted: [] });
});

test('one that is known to be bad is no reason to delete older ones, and no newest one', async () => {
  const cache = new SimulatedCache();
  const bad = [...tags(), { Key: 'lifeboat:bad', Value: 'half the keys are missing' }];
  cache.put(`${PREFIX}1`, 1, bad);
  cache.put(`${PREFIX}7`, 7, bad);
  cache.put(`${PREFIX}60`, 60, tags());
  cache.put(`${PREFIX}100`, 100, tags());
  cache.put(`${PREFIX}109`, 109, tags());
  cache.put(`${PREFIX}110`, 110, bad);
  const printed: string[] = [];
  expect((await round(cache, request, printed)).deleted).toEqual([`${PREFIX}109`, `${PREFIX}110`]);
  expect(printed.map((line) => JSON.parse(line).SecondsSinceBackup)).toEqual([60 * 3600]);
});

describe('a hold', () => {
  const target = { kind: 'cache', id: 'sessions' } as const;
  const hold = { reason: 'recovery', by: 'ada', since: '2026-11-20T06:00:00Z', until: '2026-11-24T06:00:00Z' };
  const withOld = () => {
    const cache = new SimulatedCache();
    for (const age of [1, 60, 70]) cache.put(`${PREFIX}${age}`, age, tags());
    return cache;
  };

  test('keeps every snapshot, takes more, and says how old it is, until it ends', async () => {
    const cache = withOld();
    cache.parameters.hold('eu-west-1', target, hold);
    const printed: string[] = [];
    expect(await round(cache, due, printed)).toEqual({ taken: `${PREFIX}2026-11-20-1200`, deleted: [] });
    expect(printed.map((line) => JSON.parse(line)).at(-1)).toMatchObject({ Backup: 'Sessions', HoldAge: 6 * 3600 });
    cache.now = Date.parse(hold.until);
    expect((await round(cache, request)).deleted).toHaveLength(2);
  });

  test('that is set while snapshots are deleted keeps the rest', async () => {
    const cache = withOld();
    cache.parameters.onRead = () => {
      if (cache.touched.length === 1) cache.parameters.hold('eu-west-1', target, hold);
    };
    expect((await round(cache, request)).deleted).toEqual([`${PREFIX}60`]);
  });

  test('is an open recovery, too', async () => {
    const cache = withOld();
    cache.parameters.recover('eu-west-1', target);
    expect((await round(cache, request)).deleted).toEqual([]);
    cache.parameters.values.clear();
    expect((await round(cache, request)).deleted).toHaveLength(2);
  });

  test('that nobody can read keeps every snapshot, and fails', async () => {
    const cache = withOld();
    cache.parameters.refuses.set('eu-west-1', 'AccessDeniedException');
    await expect(round(cache, request)).rejects.toThrow(/delete old snapshots: AccessDeniedException/);
    expect(cache.names()).toHaveLength(3);
  });
});

test('says how old the newest good snapshot is, automatic ones counted', async () => {
  const cache = new SimulatedCache();
  cache.put(`${PREFIX}a`, 9, tags());
  cache.put('automatic.sessions', 2, [], { of: { ReplicationGroupId: 'sessions' } });
  cache.put('of-carts', 1, [], { of: { ReplicationGroupId: 'carts' } });
  cache.put('in-the-making', 0, [], { ready: cache.now + 1 });
  const printed: string[] = [];
  await round(cache, request, printed);
  expect(printed.map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({ Backup: 'Sessions', SecondsSinceBackup: 7200 }),
  ]);
});

test('is silent where there is nothing to restore', async () => {
  const printed: string[] = [];
  await round(new SimulatedCache(), request, printed);
  expect(printed).toEqual([]);
});

test.each(['SnapshotQuotaExceededFault', 'InvalidCacheClusterStateFault'])(
  'still prunes and says the age when no snapshot can be taken (%s), and then fails',
  async (refuses) => {
    const cache = new SimulatedCache();
    cache.refuses = refuses;
    cache.put(`${PREFIX}a`, 50, tags());
    cache.put(`${PREFIX}b`, 100, tags());
    const printed: string[] = [];
    await expect(round(cache, due, printed)).rejects.toThrow(
      /cache 'sessions' could not be backed up, or not completely:\n {2}take/,
    );
    expect([cache.names(), printed.length]).toEqual([[`${PREFIX}a`], 1]);
  },
);

test('comes to the same through any faults, when it is tried again', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const cache = new SimulatedCache({ seed, throttled: 0.15, unavailable: 0.1, lost: 0.15 });
    for (const age of [1, 20, 49, 50, 51]) cache.put(`${PREFIX}${age}`, age, tags());
    cache.put('by-hand', 500);
    for (let tries = 0; tries < 60; tries++) {
      if (
        await round(cache, due).then(
          () => true,
          () => false,
        )
      )
        break;
    }
    expect([seed, cache.names()]).toEqual([seed, ['by-hand', `${PREFIX}1`, `${PREFIX}20`, `${PREFIX}2026-11-20-1200`]]);
  }
});

test('refuses a request that is not whole, and does nothing', async () => {
  const cache = new SimulatedCache();
  await expect(round(cache, { ...request, prefix: '', keepSeconds: 0 })).rejects.toThrow(/prefix[\s\S]*keepSeconds/);
  expect(cache.asked).toEqual([]);
});
