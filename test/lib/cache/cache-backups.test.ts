import { Aspects, CfnDeletionPolicy, CfnParameter, Duration, type Stack } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import * as elasticache from 'aws-cdk-lib/aws-elasticache';
import { BackupWindow, CacheBackups, type CacheBackupsProps, CoverageCheck } from '../../../lib';
import { newStack, Template, warningsOf } from '../../template/stacks';

const window = BackupWindow.daily('04:00', '05:00');
const retention = Duration.days(5);

function group(stack: Stack, props: Partial<elasticache.CfnReplicationGroupProps> = {}) {
  return new elasticache.CfnReplicationGroup(stack, 'Group', { replicationGroupDescription: 'sessions', ...props });
}
const applied = (backups: CacheBackupsProps, props: Partial<elasticache.CfnReplicationGroupProps> = {}) => {
  const stack = newStack();
  group(stack, props).with(new CacheBackups(backups));
  return Template.fromStack(stack);
};
const parameters = (stack: Stack, properties: Record<string, string>, cacheParameterGroupFamily = 'redis7') =>
  new elasticache.CfnParameterGroup(stack, 'Parameters', {
    cacheParameterGroupFamily,
    description: 'ours',
    properties,
  });

test("sets window and retention as Zephyr's guide has them, and takes a last snapshot before the cache goes", () => {
  applied({ window, retention }).hasResource('AWS::ElastiCache::ReplicationGroup', {
    DeletionPolicy: 'Snapshot',
    UpdateReplacePolicy: 'Snapshot',
    Properties: { SnapshotWindow: '04:00-05:00', SnapshotRetentionLimit: 5 },
  });
});

test('turns snapshots on where nobody said for how long', () => {
  applied({}).hasResourceProperties('AWS::ElastiCache::ReplicationGroup', {
    SnapshotRetentionLimit: 15,
    SnapshotWindow: Match.absent(),
  });
});

test('works on a single cluster', () => {
  const stack = newStack();
  new elasticache.CfnCacheCluster(stack, 'Cache', {
    engine: 'redis',
    cacheNodeType: 'cache.t4g.small',
    numCacheNodes: 1,
  }).with(new CacheBackups({ window, retention }));
  Template.fromStack(stack).hasResource('AWS::ElastiCache::CacheCluster', {
    DeletionPolicy: 'Snapshot',
    Properties: { SnapshotWindow: '04:00-05:00', SnapshotRetentionLimit: 5 },
  });
});

test('works on a serverless cache, which has a time of day and names its last snapshot', () => {
  const stack = newStack();
  const cache = new elasticache.CfnServerlessCache(stack, 'Cache', { engine: 'valkey', serverlessCacheName: 'votes' });
  cache.with(new CacheBackups({ window, retention }));
  Template.fromStack(stack).hasResourceProperties('AWS::ElastiCache::ServerlessCache', {
    DailySnapshotTime: '04:00',
    SnapshotRetentionLimit: 5,
    FinalSnapshotName: 'votes-final',
  });
});

test("the cache's own word on its end wins", () => {
  const stack = newStack();
  const cache = group(stack);
  cache.cfnOptions.deletionPolicy = CfnDeletionPolicy.RETAIN;
  cache.with(new CacheBackups());
  Template.fromStack(stack).hasResource('AWS::ElastiCache::ReplicationGroup', { DeletionPolicy: 'Retain' });
});

test.each([
  [36, '36 days'],
  [1.5, '1 day 12 hours'],
])('refuses a retention of %d days', (days, inWords) => {
  expect(() => applied({ retention: Duration.days(days) })).toThrow(
    `'retention' is ${inWords}, not 0 to 35 whole days, so ElastiCache would refuse it`,
  );
});

test.each([0, 35])('takes a retention of %d days', (days) => {
  expect(() => applied({ retention: Duration.days(days) })).not.toThrow();
});

test('refuses a window of less than an hour', () => {
  expect(() => applied({ window: BackupWindow.daily('23:30', '00:29') })).toThrow(
    'the snapshot window 23:30-00:29 is 59 minutes long, and ElastiCache requires at least 60',
  );
  expect(() => applied({ window: BackupWindow.daily('23:30', '00:30') })).not.toThrow();
});

test('refuses a window that overlaps maintenance, and says which would do', () => {
  const during = (preferredMaintenanceWindow: string) => () => applied({ window }, { preferredMaintenanceWindow });
  expect(during('sun:04:30-sun:05:30')).toThrow(
    'the snapshot window 04:00-05:00 overlaps the maintenance window sun:04:30-sun:05:30, so ElastiCache would refuse both; ' +
      'start maintenance at 05:00 or later',
  );
  expect(during('sun:05:00-sun:06:00')).not.toThrow();
});

describe("the cache's own windows", () => {
  test.each([
    [
      '04:00-04:59',
      'sun:06:00-sun:07:00',
      'the snapshot window 04:00-04:59 is 59 minutes long, and ElastiCache requires at least 60',
      '04:00-05:00',
    ],
    ['4-5', 'sun:06:00-sun:07:00', "the snapshot window '4-5' is not in the form hh:mm-hh:mm", '04:00-05:00'],
    ['05:30-06:30', 'sun:06:00-sun:07:00', 'overlaps the maintenance window', '05:00-06:00'],
  ])(
    'are refused where ElastiCache would: %s beside %s',
    (snapshotWindow, preferredMaintenanceWindow, message, legal) => {
      expect(() => applied({ retention }, { snapshotWindow, preferredMaintenanceWindow })).toThrow(message);
      expect(() => applied({ retention }, { snapshotWindow: legal, preferredMaintenanceWindow })).not.toThrow();
    },
  );

  test('for maintenance are an hour or longer', () => {
    const maintained = (preferredMaintenanceWindow: string) => () =>
      applied({ window }, { preferredMaintenanceWindow });
    expect(maintained('sun:06:00-sun:06:30')).toThrow(
      "maintenance window 'sun:06:00-sun:06:30' is 30 minutes long, and ElastiCache requires at least 60",
    );
    expect(maintained('sun:06:00-sun:07:00')).not.toThrow();
  });

  test('are looked at again when the cache is told them later', () => {
    const stack = newStack();
    const cache = group(stack);
    cache.with(new CacheBackups({ window }));
    cache.preferredMaintenanceWindow = 'sun:04:30-sun:05:30';
    expect(() => Template.fromStack(stack)).toThrow('start maintenance at 05:00 or later');
    cache.preferredMaintenanceWindow = 'sun:05:00-sun:06:00';
    expect(() => Template.fromStack(stack)).not.toThrow();
  });
});

describe('one node to take snapshots from', () => {
  const snapshottingClusterId = 'sessions-002';

  test.each([
    [{ numNodeGroups: 3 }, 'the group has 3 shards'],
    [{ clusterMode: 'enabled' }, 'its cluster mode is enabled'],
    [{ cacheParameterGroupName: 'default.redis7.cluster.on' }, 'default.redis7.cluster.on enables cluster mode'],
  ])('is refused with %j', (props, reason) => {
    expect(() => applied({ snapshottingClusterId }, props)).toThrow(reason);
  });

  test('is refused where a parameter group of the app enables cluster mode', () => {
    const stack = newStack();
    const { ref } = parameters(stack, { 'cluster-enabled': 'yes' });
    const cache = group(stack, { cacheParameterGroupName: ref });
    expect(() => cache.with(new CacheBackups({ snapshottingClusterId }))).toThrow(
      'its parameter group enables cluster mode',
    );
  });

  test('is taken where cluster mode is disabled', () => {
    applied({ snapshottingClusterId }, { numNodeGroups: 1 }).hasResourceProperties(
      'AWS::ElastiCache::ReplicationGroup',
      {
        SnapshottingClusterId: 'sessions-002',
      },
    );
  });

  test('is refused where there are no nodes, or one', () => {
    const stack = newStack();
    const backups = new CacheBackups({ snapshottingClusterId });
    const serverless = new elasticache.CfnServerlessCache(stack, 'S', { engine: 'valkey', serverlessCacheName: 's' });
    const cluster = new elasticache.CfnCacheCluster(stack, 'C', {
      engine: 'redis',
      cacheNodeType: 'cache.t4g.small',
      numCacheNodes: 1,
    });
    expect(() => serverless.with(backups)).toThrow('a serverless cache has no nodes');
    expect(() => cluster.with(backups)).toThrow(
      "'snapshottingClusterId' is stated for a single cluster, whose snapshots are taken from itself; leave it out",
    );
  });
});

test('refuses Memcached on nodes, of which there are no snapshots', () => {
  const cluster = new elasticache.CfnCacheCluster(newStack(), 'Cache', {
    engine: 'memcached',
    cacheNodeType: 'cache.t4g.small',
    numCacheNodes: 2,
  });
  expect(() => cluster.with(new CacheBackups())).toThrow('it runs Memcached on nodes');
});

test('refuses a name for the final snapshot where CloudFormation gives one', () => {
  expect(() => applied({ finalSnapshotName: 'last' })).toThrow('CloudFormation names the final snapshot');
});

test('refuses what contradicts the cache, all of it at once', () => {
  const apply = () => applied({ window, retention }, { snapshotWindow: '01:00-02:00', snapshotRetentionLimit: 7 });
  expect(apply).toThrow("'window' is 04:00-05:00 in CacheBackups, and 01:00-02:00 on the cache");
  expect(apply).toThrow("'retention' is 5 days in CacheBackups, and 7 days on the cache");
  expect(() =>
    applied({ window, retention }, { snapshotWindow: '04:00-05:00', snapshotRetentionLimit: 5 }),
  ).not.toThrow();
});

describe('an append-only file', () => {
  const apply = (properties: Record<string, string>, family?: string) => () => {
    const stack = newStack();
    const { ref } = parameters(stack, properties, family);
    group(stack, { cacheParameterGroupName: ref }).with(new CacheBackups());
  };

  test.each<Record<string, string>>([
    { appendonly: 'yes', appendfsync: 'everysec' },
    { appendfsync: 'always' },
    { save: '900 1' },
  ])('is refused: %j', (properties) => {
    expect(apply(properties)).toThrow(/since engine 2\.8\.22.*neither append-only files.*Durability.*MemoryDB/);
  });

  test('is fine where it is not asked for, or the engine is old enough', () => {
    expect(apply({ appendonly: 'no', 'maxmemory-policy': 'noeviction' })).not.toThrow();
    expect(apply({ appendonly: 'yes' }, 'redis2.6')).not.toThrow();
  });

  test('is refused in a parameter group of no cache yet', () => {
    const stack = newStack();
    parameters(stack, { appendonly: 'yes' });
    expect(() => stack.with(new CacheBackups())).toThrow("parameter group 'Test/Parameters' sets appendonly yes");
  });
});

test('what is only known at deployment is not compared', () => {
  const stack = newStack();
  const preferredMaintenanceWindow = new CfnParameter(stack, 'Maintenance').valueAsString;
  const days = Duration.days(new CfnParameter(stack, 'Days', { type: 'Number' }).valueAsNumber);
  group(stack, { preferredMaintenanceWindow }).with(new CacheBackups({ window, retention: days }));
  Template.fromStack(stack).hasResourceProperties('AWS::ElastiCache::ReplicationGroup', {
    SnapshotRetentionLimit: { Ref: 'Days' },
  });
});

test('counts as covered, unless snapshots are off', () => {
  const warnings = (backups: CacheBackupsProps) => {
    const stack = newStack();
    group(stack).with(new CacheBackups(backups));
    Aspects.of(stack).add(new CoverageCheck());
    return warningsOf(stack);
  };
  expect(warnings({})).toEqual([]);
  expect(warnings({ retention: Duration.days(0) })).toEqual([expect.stringContaining('lifeboat:unprotected')]);
});
