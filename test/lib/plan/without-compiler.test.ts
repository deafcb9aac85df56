/** What callers from JavaScript hand over, whom no compiler stops: a sentence each, that names the property. */
import { Duration, type Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as elasticache from 'aws-cdk-lib/aws-elasticache';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as rds from 'aws-cdk-lib/aws-rds';
import {
  ArchiveBucket,
  CacheSnapshots,
  CacheSource,
  DatabaseAlarms,
  DatabaseBackups,
  DatabaseWatch,
  DrillSite,
  DrillSource,
  ExternalDatabaseBackups,
  ProtectedVault,
  ProtectionPlan,
  RecoveryCheck,
  RecoveryRegion,
  Recurrence,
  RestoreDrill,
  RestorePoint,
  RestoreTesting,
  SnapshotCopy,
  SnapshotSource,
} from '../../../lib';
import {
  importedDatabase,
  newDatabase,
  newDrill,
  newPlan,
  newStack,
  OBJECTIVES,
  primaryStack,
} from '../../template/stacks';

const schedule = Recurrence.daily({ hour: 2 });
const cluster = (stack: Stack) =>
  new rds.DatabaseCluster(stack, 'Cluster', {
    engine: rds.DatabaseClusterEngine.auroraPostgres({ version: rds.AuroraPostgresEngineVersion.VER_16_4 }),
    vpc: new ec2.Vpc(stack, 'Vpc', { natGateways: 0 }),
    vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
    writer: rds.ClusterInstance.serverlessV2('writer'),
  });

/** Each way by which objectives are handed over. */
const OBJECTIVE_OF: Readonly<Record<string, (stack: Stack, objectives: never) => void>> = {
  ProtectionPlan: (stack, objectives) => new ProtectionPlan(stack, 'It', { objectives }),
  RestoreDrill: (stack, objectives) =>
    new RestoreDrill(stack, 'It', { source: DrillSource.database(importedDatabase(stack)), schedule, objectives }),
  RestoreTesting: (stack, objectives) =>
    new RestoreTesting(stack, 'It', {
      vaults: [new ProtectedVault(stack, 'Vault').vault],
      schedule,
      site: new DrillSite(stack, 'Site'),
    }).addDatabase('Orders', { database: newDatabase(stack), objectives }),
};

describe.each(Object.entries(OBJECTIVE_OF))('%s', (_, use) => {
  test.each<[string, unknown, string]>([
    ['left out', undefined, "'objectives' is undefined, so drills could not be compared with it; state two"],
    ['empty', {}, "'objectives.rpo' is undefined and not a Duration"],
    ['a number', { ...OBJECTIVES, rpo: 5 }, "'objectives.rpo' is 5 and not a Duration, so it can't be compared"],
    ['a text', { ...OBJECTIVES, rto: '1h' }, "'objectives.rto' is '1h' and not a Duration, so it can't be compared"],
  ])('says of objectives that are %s which property it is, and how it is written', (_of, objectives, sentence) => {
    expect(() => use(newStack(), objectives as never)).toThrow(sentence);
    expect(() => use(newStack(), OBJECTIVES as never)).not.toThrow();
  });
});

test("says so of a region's and of a drill's own objectives, which may be left out", () => {
  const objectives = { ...OBJECTIVES, rpo: 5 } as never;
  expect(() => RecoveryRegion.named('us-west-2', { objectives })).toThrow("'objectives.rpo' is 5 and not a Duration");
  expect(() => RecoveryRegion.named('us-west-2')).not.toThrow();
  const stack = newStack();
  const orders = newPlan(stack).addDatabase('Orders', { database: importedDatabase(stack) });
  expect(() => orders.addDrill('Own', { schedule, objectives })).toThrow("'objectives.rpo' is 5 and not a Duration");
  expect(() => orders.addDrill('Plans', { schedule })).not.toThrow();
});

test('says of a drill without a schedule that it would never run', () => {
  const stack = newStack();
  const orders = newPlan(stack).addDatabase('Orders', { database: importedDatabase(stack) });
  expect(() => orders.addDrill('Monthly', {} as never)).toThrow(
    "'schedule' is undefined, so the drill would never run",
  );
});

/** Each way by which a duration is handed over, with its name. */
const DURATION_OF: Readonly<Record<string, [string, (stack: Stack, duration: never) => void]>> = {
  RestoreDrill: ['expiresAfter', (stack, expiresAfter) => newDrill(stack, { expiresAfter })],
  'RestoreDrill, overdue': ['overdueAfter', (stack, overdueAfter) => newDrill(stack, { overdueAfter })],
  DatabaseBackups: ['retention', (stack, retention) => newDatabase(stack).with(new DatabaseBackups({ retention }))],
  ExternalDatabaseBackups: [
    'retention',
    (stack, retention) => new ExternalDatabaseBackups(stack, 'It', { database: importedDatabase(stack), retention }),
  ],
  DatabaseWatch: [
    'alarmBelowRetention',
    (stack, alarmBelowRetention) =>
      new DatabaseWatch(stack, 'It', { database: importedDatabase(stack), alarmBelowRetention }),
  ],
  SnapshotCopy: [
    'retention',
    (stack, retention) =>
      new SnapshotCopy(stack, 'It', {
        source: SnapshotSource.automated(importedDatabase(stack)),
        destination: RecoveryRegion.named('us-west-2'),
        retention,
      }),
  ],
  CacheSnapshots: [
    'retention',
    (stack, retention) => {
      const group = elasticache.CfnReplicationGroup.fromReplicationGroupId(stack, 'Cache', 'sessions');
      new CacheSnapshots(stack, 'It', {
        cache: CacheSource.replicationGroup(group),
        every: Duration.hours(6),
        retention,
      });
    },
  ],
  'RestorePoint.random': ['within', (_, within) => RestorePoint.random({ within })],
  'RecoveryCheck.fresh': ['within', (_, within) => RecoveryCheck.fresh({ table: 'orders', column: 'at', within })],
};

test.each(Object.entries(DURATION_OF))('%s says of a number that it has no unit', (_, [name, use]) => {
  expect(() => use(newStack(), 7 as never)).toThrow(
    `'${name}' is 7 and not a Duration, so its unit is unknown; write it as in Duration.days(7)`,
  );
  expect(() => use(newStack(), Duration.days(7) as never)).not.toThrow();
});

test.each<[string, object, string]>([
  ['a cron expression', { schedule: 'rate(1 day)' }, "'schedule' is 'rate(1 day)', so the drill would never run"],
  ['the name of a moment', { restore: 'latest' }, "'restore' is 'latest', so no moment is chosen"],
  ['the name of a database', { source: 'orders' }, "'source' is 'orders', so nothing would be restored"],
])('a drill says of %s what it takes instead', (_, props, sentence) => {
  expect(() => newDrill(newStack(), props)).toThrow(sentence);
});

/** Each way by which a database is handed over. */
const DATABASE_OF: Readonly<Record<string, (stack: Stack, database: never) => void>> = {
  'ProtectionPlan and addDrill': (stack, database) =>
    newPlan(stack).addDatabase('Orders', { database }).addDrill('Daily', { schedule }),
  DrillSource: (_, database) => DrillSource.database(database),
  DatabaseWatch: (stack, database) =>
    new DatabaseWatch(stack, 'It', { database, recoveryPointAge: Duration.minutes(15) } as never),
  DatabaseAlarms: (stack, database) => new DatabaseAlarms(stack, 'It', { database } as never),
};

describe.each(Object.entries(DATABASE_OF))('%s', (_, use) => {
  test('says of a cluster what backs it up', () => {
    const stack = newStack();
    expect(() => use(stack, cluster(stack) as never)).toThrow(
      /'database' is the cluster 'Test\/Cluster', and an RDS instance is needed.*; apply DatabaseBackups to the cluster/,
    );
  });

  test('says of a database that is left out how one is given', () => {
    expect(() => use(newStack(), undefined as never)).toThrow("'database' is undefined, so nothing would be protected");
  });
});

test.each<[string, (stack: Stack) => unknown, string]>([
  ['notify', () => 'operators', "'notify' is 'operators', so no alarm could publish to it; pass a topic"],
  ['encryptionKey', () => 'alias/shop', "'encryptionKey' is 'alias/shop', so nothing could be encrypted with it"],
  [
    'archive',
    (stack) => new ArchiveBucket(stack, 'Archive'),
    "'archive' is the construct 'Test/Archive', so nothing could be kept there; pass a bucket, as in 'bucket' of an",
  ],
  ['recovery', () => 'us-west-2', "state it as in RecoveryRegion.named('us-west-2')"],
  ['site', () => ({}), "'site' is an object, so no drill could run there; pass a DrillSite"],
])("a plan says of another kind of '%s' what it takes instead", (name, value, sentence) => {
  const stack = newStack();
  const props = { objectives: OBJECTIVES, [name]: value(stack) };
  expect(() => new ProtectionPlan(stack, 'It', props as never)).toThrow(sentence);
});

test('a plan refuses a key of another region, which nothing could be encrypted with', () => {
  const { stack } = primaryStack();
  const keyIn = (region: string) => kms.Key.fromKeyArn(stack, region, `arn:aws:kms:${region}:111122223333:key/1`);
  const planWith = (id: string, region: string) =>
    new ProtectionPlan(stack, id, { objectives: OBJECTIVES, encryptionKey: keyIn(region) });
  expect(() => planWith('Theirs', 'eu-west-1')).toThrow(
    "'encryptionKey' is a key in eu-west-1, and the plan's stack is in us-east-1, so nothing here could be encrypted",
  );
  expect(() => planWith('Own', 'us-east-1')).not.toThrow();
});

test.each<[string, (plan: ProtectionPlan, stack: Stack) => unknown, string]>([
  ['no cluster', (plan) => plan.addCluster('It', {} as never), "'cluster' is undefined, so nothing would be protected"],
  [
    'an instance as a cluster',
    (plan, stack) => plan.addCluster('It', { cluster: newDatabase(stack) } as never),
    /'cluster' is the construct 'Test\/.*', so nothing would be protected; .* plan.addDatabase\(\)/ as never,
  ],
  [
    'the cache itself',
    (plan, stack) =>
      plan.addCache('It', {
        cache: elasticache.CfnReplicationGroup.fromReplicationGroupId(stack, 'Cache', 'sessions'),
      } as never),
    'so nothing would be protected; pass one, as in CacheSource.replicationGroup(sessions)',
  ],
  ['the name of a bucket', (plan) => plan.addBucket('It', { bucket: 'uploads' } as never), "'bucket' is 'uploads', so"],
  [
    'one copy instead of a list',
    (plan, stack) => plan.addDatabase('It', { database: newDatabase(stack), copies: 'snapshots' } as never),
    "'copies' is 'snapshots' and not a list, so nothing would be copied",
  ],
  [
    'the names of copies',
    (plan, stack) => plan.addDatabase('It', { database: newDatabase(stack), copies: ['snapshots'] } as never),
    "'copies[0]' is 'snapshots', so nothing would be copied",
  ],
  [
    'the names of checks',
    (plan, stack) =>
      plan
        .addDatabase('It', { database: newDatabase(stack), checks: ['readable'] } as never)
        .addDrill('Daily', { schedule }),
    "'checks[0]' is 'readable', so it would check nothing; state it as in checks: [RecoveryCheck.readable()]",
  ],
  [
    'checks of a single drill, which would be ignored',
    (plan, stack) =>
      plan
        .addDatabase('It', { database: newDatabase(stack) })
        .addDrill('Daily', { schedule, checks: [RecoveryCheck.readable()] } as never),
    "'checks' is a list, and addDrill() has no such property, so it would have no effect; leave it out; there are: schedule",
  ],
  [
    'no options of a drill',
    (plan, stack) => plan.addDatabase('It', { database: newDatabase(stack) }).addDrill('Daily', undefined as never),
    'the options of addDrill() are missing; there are: schedule',
  ],
])('a plan is given %s, and says what it takes instead', (_, add, sentence) => {
  const stack = newStack();
  expect(() => add(newPlan(stack), stack)).toThrow(sentence);
});
