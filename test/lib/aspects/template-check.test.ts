import { AspectPriority, Aspects, CfnParameter, Duration, type Stack } from 'aws-cdk-lib';
import * as backup from 'aws-cdk-lib/aws-backup';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as elasticache from 'aws-cdk-lib/aws-elasticache';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { CacheBackups, TemplateCheck } from '../../../lib';
import { RecoveryMetrics } from '../../../lib/alarm/recovery-metrics';
import { newDatabase, newStack, Template, warningsOf } from '../../template/stacks';

/** A stack that says something, checked. */
function checked(say: (stack: Stack) => void): () => Stack {
  return () => {
    const stack = newStack();
    say(stack);
    Aspects.of(stack.node.root).add(new TemplateCheck(), { priority: AspectPriority.READONLY });
    Template.fromStack(stack);
    return stack;
  };
}

const database = (maintenance: string, more: object) => (stack: Stack) =>
  newDatabase(stack, { preferredBackupWindow: '03:00-04:00', preferredMaintenanceWindow: maintenance, ...more });
const kept = { backupRetention: Duration.days(7), deleteAutomatedBackups: false };
const group = (properties: Record<string, string>) => (stack: Stack) =>
  new elasticache.CfnParameterGroup(stack, 'Parameters', {
    cacheParameterGroupFamily: 'redis7',
    description: 'p',
    properties,
  });
const cache = (snapshotWindow: string) => (stack: Stack) =>
  new elasticache.CfnReplicationGroup(stack, 'Cache', { replicationGroupDescription: 'c', snapshotWindow });
const bucket = (days: number) => (stack: Stack) =>
  new s3.Bucket(stack, 'Bucket', {
    lifecycleRules: [
      {
        transitions: [{ storageClass: s3.StorageClass.INFREQUENT_ACCESS, transitionAfter: Duration.days(days) }],
      },
    ],
  });
const ofOrders = new RecoveryMetrics({ plan: 'Plan', target: 'Orders' });
const alarm = (period: Duration, evaluationPeriods: number) => (stack: Stack) =>
  ofOrders.recoveryPoint({ period }).createAlarm(stack, 'Alarm', { threshold: 1, evaluationPeriods });
const math = (days: number) => (stack: Stack) =>
  new cloudwatch.MathExpression({
    expression: 'FILL(age, 0)',
    usingMetrics: { age: ofOrders.recoveryPoint() },
    period: Duration.days(days),
  }).createAlarm(stack, 'Alarm', { threshold: 1, evaluationPeriods: 1 });

const instance = (backupRetentionPeriod: number) => (stack: Stack) =>
  new rds.CfnDBInstance(stack, 'Instance', { backupRetentionPeriod, deleteAutomatedBackups: false });
const cluster = (backupRetentionPeriod: number) => (stack: Stack) =>
  new rds.CfnDBCluster(stack, 'Cluster', { backupRetentionPeriod, deleteAutomatedBackups: false });
const nodes = (engine: string) => (stack: Stack) =>
  new elasticache.CfnCacheCluster(stack, 'Nodes', {
    engine,
    cacheNodeType: 'cache.t4g.micro',
    numCacheNodes: 1,
    snapshotRetentionLimit: 7,
  });
const plan =
  (deleteAfterDays: number, of: 'rule' | 'copy' = 'rule') =>
  (stack: Stack) => {
    const lifecycle = { moveToColdStorageAfterDays: 7, deleteAfterDays };
    const copy = { destinationBackupVaultArn: 'arn:aws:backup:us-west-2:111122223333:backup-vault:West', lifecycle };
    new backup.CfnBackupPlan(stack, 'Plan', {
      backupPlan: {
        backupPlanName: 'nightly',
        backupPlanRule: [
          {
            ruleName: 'Nightly',
            targetBackupVault: 'Default',
            ...(of === 'rule' ? { lifecycle } : { copyActions: [copy] }),
          },
        ],
      },
    });
  };

test.each([
  ['a retention of 40 days', instance(40), 'the backup retention is 40 days, not 0 to 35', instance(35)],
  ["a cluster's retention of 0 days", cluster(0), "a cluster's backups can't be turned off", cluster(1)],
  ['snapshots of Memcached', nodes('memcached'), "'snapshotRetentionLimit' is stated, and ElastiCache", nodes('redis')],
  [
    'a plan that deletes what is cold too soon',
    plan(30),
    "[Test/Plan] rule Nightly of plan 'Test/Plan' goes to cold storage after 7 days and is deleted after 30, less than 90 days later",
    plan(97),
  ],
  [
    'a copy that does',
    plan(96, 'copy'),
    "[Test/Plan] the copy by rule Nightly of plan 'Test/Plan' goes to cold storage after 7 days and is deleted after 96, less than 90 days later",
    plan(97, 'copy'),
  ],
  ['windows that overlap', database('sun:03:30-sun:04:30', kept), 'overlaps', database('sun:04:00-sun:05:00', kept)],
  [
    'an append-only file',
    group({ appendonly: 'yes' }),
    'neither append-only files nor save lines',
    group({ appendonly: 'no' }),
  ],
  ["a cache's window of half an hour", cache('03:00-03:30'), 'ElastiCache requires at least 60', cache('03:00-04:00')],
  ['a move to STANDARD_IA on day 29', bucket(29), 'S3 allows that after 30 days at the earliest', bucket(30)],
  ['an alarm over 31 days', alarm(Duration.days(31), 1), 'looks back 31 days', alarm(Duration.days(7), 1)],
  ['an alarm over eight times a day', alarm(Duration.days(1), 8), 'looks back 8 days', alarm(Duration.days(1), 7)],
  ['an alarm on an expression over 8 days', math(8), 'looks back 8 days', math(7)],
])('refuses %s of any resource, and takes the nearest legal one', (_, wrong, message, right) => {
  expect(checked(wrong)).toThrow(message);
  expect(checked(right)).not.toThrow();
});

test('warns of what a database would lose, unless it keeps it', () => {
  expect(warningsOf(checked(database('sun:04:00-sun:05:00', {}))())).toEqual([
    expect.stringContaining('lifeboat:one-day-of-backups'),
    expect.stringContaining('lifeboat:database-not-protected'),
  ]);
  expect(warningsOf(checked(database('sun:04:00-sun:05:00', kept))())).toEqual([]);
});

test('warns of versions that are kept for ever, where versions are kept', () => {
  const expiring = (versioned: boolean) => (stack: Stack) =>
    new s3.Bucket(stack, 'Bucket', { versioned, lifecycleRules: [{ expiration: Duration.days(90) }] });
  expect(warningsOf(checked(expiring(true))())).toEqual([expect.stringContaining('lifeboat:expired-versions-stay')]);
  expect(warningsOf(checked(expiring(false))())).toEqual([]);
});

test('warns of a lifecycle that matches nothing, since keys start without a slash', () => {
  const expiring = (prefix: string) => (stack: Stack) =>
    new s3.Bucket(stack, 'Bucket', { lifecycleRules: [{ prefix, expiration: Duration.days(90) }] });
  expect(warningsOf(checked(expiring('/'))())).toEqual([
    expect.stringContaining("its prefix '/' starts with a slash, and S3 keys don't, so it moves and deletes nothing"),
  ]);
  expect(warningsOf(checked(expiring('logs/'))())).toEqual([]);
});

test('tells once what a Mixin tells, too', () => {
  const both = (stack: Stack) => {
    const sessions = cache('03:00-04:00')(stack);
    sessions.with(new CacheBackups());
    sessions.snapshotWindow = '03:00-03:30';
  };
  let told = '';
  try {
    checked(both)();
  } catch (error) {
    told = String(error);
  }
  expect(told.match(/ElastiCache requires at least 60/g)).toHaveLength(1);
});

test('compares nothing that is only known at deployment', () => {
  const unknown = (stack: Stack) => {
    const evaluationPeriods = new CfnParameter(stack, 'Periods', { type: 'Number' }).valueAsNumber;
    alarm(Duration.days(31), evaluationPeriods)(stack);
  };
  expect(checked(unknown)).not.toThrow();
});

test('a lifecycle whose prefix only deployment knows is not compared, and what else is wrong with it is told', () => {
  const bucket = (days: number) =>
    checked((stack) => {
      const prefix = new CfnParameter(stack, 'Prefix').valueAsString;
      const lifecycleRules = [
        { prefix: 'daily/', expiration: Duration.days(7) },
        { id: prefix, prefix: `${prefix}/`, expiration: Duration.days(days) },
      ];
      new s3.Bucket(stack, 'Bucket', { lifecycleRules });
    });
  expect(bucket(1)).not.toThrow();
  expect(bucket(0)).toThrow(
    "[Test/Bucket/Resource] lifecycle 'name unknown at synth': objects are deleted after 0 days",
  );
});
