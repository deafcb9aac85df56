/**
 * The numbers that the owners of ChangeGuard, RoleFerry and Zephyr wrote can be had from typed constructs, or the
 * nearest that AWS has: how each is asked for, and what comes of it in the template.
 */
import { type CfnElement, Duration, type Stack } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as elasticache from 'aws-cdk-lib/aws-elasticache';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import {
  ArchiveBucket,
  ArchiveTier,
  BackupCopy,
  BackupWindow,
  BucketBackups,
  CacheBackups,
  CacheExport,
  CacheExportAccess,
  CacheSnapshots,
  CacheSource,
  DatabaseAlarms,
  DatabaseLogs,
  DatabaseProtection,
  DatabaseStandby,
  DatabaseWatch,
  DeploymentSnapshot,
  DumpSource,
  DumpTier,
  ImageArchive,
  ImageBackups,
  LogArchive,
  LogicalDump,
  ProtectionPlan,
  RecoveryCheck,
  RecoveryRegion,
  Recurrence,
  ReplicationTiming,
  RestorePoint,
  SnapshotExport,
  SnapshotsKept,
  StorageTransition,
  Weekday,
} from '../../lib';
import { questionsTo } from '../template/questions';
import { newDatabase, primaryStack, Template } from '../template/stacks';

const days = Duration.days;
const hours = Duration.hours;
const NIGHT = { window: BackupWindow.daily('03:00', '04:00') };
const counts = (...tables: string[]) => tables.map((table) => RecoveryCheck.rowCount(table, { atLeast: 1 }));
const glacier = (after: number) => [StorageTransition.glacierFlexibleRetrieval(days(after))];

function newCache(stack: Stack, props: Partial<elasticache.CfnReplicationGroupProps> = {}) {
  const replicationGroupDescription = 'sessions';
  const engine = { engine: 'redis', engineVersion: '7.1', cacheNodeType: 'cache.r6g.xlarge', numCacheClusters: 2 };
  return new elasticache.CfnReplicationGroup(stack, 'Redis', { replicationGroupDescription, ...engine, ...props });
}

describe('ChangeGuard', () => {
  const { stack, notify } = primaryStack();
  const database = newDatabase(stack, {
    instanceIdentifier: 'changeguard-prod',
    instanceType: new ec2.InstanceType('r6i.xlarge'),
    storageEncrypted: true,
  });
  database.with(new DatabaseProtection(), new DatabaseStandby(), new DatabaseLogs());
  const plan = new ProtectionPlan(stack, 'Protection', {
    objectives: { rpo: hours(1), rto: hours(1) },
    recovery: RecoveryRegion.named('us-west-2'),
    notify,
  });
  const copies = [BackupCopy.automatedBackups(), BackupCopy.snapshots({ retention: days(7) })];
  const checks = [
    ...counts('users', 'schema_changes', 'comments'),
    RecoveryCheck.noOrphans({ table: 'schema_changes', column: 'owner_id', parent: 'users' }),
    RecoveryCheck.noOrphans({ table: 'comments', column: 'schema_change_id', parent: 'schema_changes' }),
  ];
  const planned = plan.addDatabase('Main', { database, ...NIGHT, retention: days(7), copies, checks });
  planned.addDrill('Monthly', { schedule: Recurrence.monthly({ day: 1, hour: 5 }) });
  planned.addDrill('Quarterly', { schedule: Recurrence.quarterly({ hour: 9 }) });
  new DatabaseWatch(stack, 'Watch', { database, notify });
  const year = { transitions: glacier(90), expireAfter: days(365) };
  const tiers = ['exports/', 'redis-', 'images/'].map((prefix) => ArchiveTier.prefixed(prefix, year));
  const { bucket } = new ArchiveBucket(stack, 'Archive', { tiers, notify });
  new SnapshotExport(stack, 'Export', { database, bucket, prefix: 'exports', notify });
  const cache = newCache(stack);
  cache.with(new CacheBackups({ window: BackupWindow.daily('05:00', '06:00'), retention: days(5) }));
  bucket.with(new CacheExportAccess());
  new CacheExport(stack, 'CacheExport', {
    cache: CacheSource.replicationGroup(cache),
    bucket,
    prefix: 'redis-',
    notify,
  });
  const backend = new ecr.Repository(stack, 'Backend');
  backend.with(new ImageBackups());
  new ImageArchive(stack, 'Images', { repositories: [backend], bucket, notify });
  const archive = new LogArchive(stack, 'Logs', { bucket, notify });
  archive.addLogGroup('application', { retention: logs.RetentionDays.ONE_MONTH });
  const logGroupName = '/aws/rds/instance/changeguard-prod/postgresql';
  const written = archive.addLogGroup('database', { logGroupName, retention: logs.RetentionDays.ONE_WEEK });
  database.node.addDependency(written);
  const { template, schedules, alarm, objectives, kept, retentions } = questionsTo(stack);

  test('is backed up 03:00-04:00 for 7 days, in two zones, and in us-west-2', () =>
    template.hasResourceProperties('AWS::RDS::DBInstance', {
      PreferredBackupWindow: '03:00-04:00',
      BackupRetentionPeriod: 7,
      MultiAZ: true,
      DBInstanceClass: 'db.r6i.xlarge',
      AutomaticBackupReplicationRegion: 'us-west-2',
      EnableCloudwatchLogsExports: ['postgresql', 'upgrade'],
    }));
  test('has an RTO and an RPO of an hour', () => {
    objectives('1 hour', '1 hour');
  });
  test('is told by the next morning that a snapshot is missing in us-west-2', () =>
    alarm('SnapshotCopyAge', 29 * 3600));
  test('snapshots Redis daily for 5 days, and exports it, tables and images each week', () => {
    template.hasResourceProperties('AWS::ElastiCache::ReplicationGroup', { SnapshotRetentionLimit: 5 });
    expect(schedules.filter((cron) => cron.endsWith('SUN *)'))).toHaveLength(3);
  });
  test('archives for a year, in Glacier after 90 days', () =>
    expect([kept('exports/'), kept('redis-'), kept('images/')]).toEqual(Array(3).fill('GLACIER at 90, gone at 365')));
  test('keeps logs for 30 and 7 days, and both in the archive', () => {
    expect(retentions).toContainEqual([logGroupName, 7]);
    expect(retentions).toContainEqual([undefined, 30]);
    template.resourceCountIs('AWS::Logs::SubscriptionFilter', 2);
  });
  test('makes the log group before RDS would', () =>
    template.hasResource('AWS::RDS::DBInstance', {
      DependsOn: Match.arrayWith([stack.getLogicalId(written.node.defaultChild as CfnElement)]),
    }));
  test('is drilled monthly and quarterly', () =>
    expect(schedules).toEqual(expect.arrayContaining(['cron(0 5 1 * ? *)', 'cron(0 9 1 1,4,7,10 ? *)'])));
});

describe('RoleFerry', () => {
  const { app, stack, notify } = primaryStack();
  const attributes = { instanceEndpointAddress: 'roleferry.example.com', port: 5432, securityGroups: [] };
  const instanceIdentifier = 'roleferry-prod-db';
  const database = rds.DatabaseInstance.fromDatabaseInstanceAttributes(stack, 'Database', {
    instanceIdentifier,
    ...attributes,
  });
  const plan = new ProtectionPlan(stack, 'Protection', {
    objectives: { rpo: hours(1), rto: hours(2) },
    recovery: RecoveryRegion.named('us-west-2'),
    notify,
  });
  const instanceType = new ec2.InstanceType('t3.large');
  const replica = BackupCopy.replica({ instanceType, subnetGroupName: 'data', securityGroupIds: ['sg-1'] });
  const checks = counts('users', 'applications', 'outreach');
  plan
    .addDatabase('Main', { database, ...NIGHT, retention: days(30), copies: [replica], checks })
    .addDrill('Monthly', { schedule: Recurrence.firstSunday({ hour: 2 }) });
  const dumpName = 'database';
  const archive = new ArchiveBucket(stack, 'Archive', {
    tiers: [ArchiveTier.prefixed(`weekly/${dumpName}/`, { transitions: glacier(90), expireAfter: days(730) })],
  });
  new LogicalDump(stack, 'Dump', {
    source: DumpSource.database(database, {
      credentials: new secretsmanager.Secret(stack, 'Reader'),
      databaseName: 'roleferry',
      postgresVersion: '16',
    }),
    vpc: new ec2.Vpc(stack, 'Vpc', { natGateways: 1 }),
    schedule: Recurrence.weekly({ weekday: Weekday.SUNDAY, hour: 5 }),
    tiers: [DumpTier.WEEKLY],
    bucket: archive.bucket,
    backupName: dumpName,
    notify,
  });
  const replication = { bucketName: 'west', region: 'us-west-2', timing: ReplicationTiming.WITHIN_15_MINUTES };
  new s3.Bucket(stack, 'Resumes').with(new BucketBackups({ replication }));
  const { template, schedules, kept, objectives } = questionsTo(stack);

  test('keeps backups for 30 days, of which one retention governs snapshots and logs', () =>
    template.hasResourceProperties('Custom::LifeboatBackupSettings', {
      Request: Match.serializedJson(Match.objectLike({ window: '03:00-04:00', retentionDays: 30 })),
    }));
  test('has a replica in us-west-2, and replicates its files there within 15 minutes', () => {
    const west = app.node.findChild('Primary-us-west-2-replicas') as Stack;
    Template.fromStack(west).hasResourceProperties('AWS::RDS::DBInstance', { DBInstanceClass: 'db.t3.large' });
    const rule = Match.objectLike({
      Destination: Match.objectLike({ ReplicationTime: { Status: 'Enabled', Time: { Minutes: 15 } } }),
    });
    template.hasResourceProperties('AWS::S3::Bucket', { ReplicationConfiguration: { Rules: [rule] } });
  });
  test('dumps weekly under a folder of its own: Glacier after 90 days, gone after 730', () =>
    expect(kept('weekly/database/')).toBe('GLACIER at 90, gone at 730'));
  test('is drilled on first Sundays at 02:00', () => expect(schedules).toContain('cron(0 2 ? * SUN#1 *)'));
  test('is told of a loss of more than an hour, and of two hours of recovery', () => {
    objectives('2 hours', '1 hour');
  });
});

describe('Zephyr', () => {
  const { app, stack, notify } = primaryStack();
  const database = newDatabase(stack, {
    instanceIdentifier: 'zephyr-production-db',
    instanceType: new ec2.InstanceType('t3.large'),
    databaseName: 'zephyr',
    preferredMaintenanceWindow: 'sun:04:00-sun:05:00',
    storageEncrypted: true,
  });
  database.with(new DatabaseProtection(), new DatabaseStandby(), new DatabaseLogs());
  const plan = new ProtectionPlan(stack, 'Protection', {
    objectives: { rpo: Duration.minutes(5), rto: hours(1) },
    recovery: RecoveryRegion.named('us-west-2'),
    notify,
  });
  const replica = BackupCopy.replica({ subnetGroupName: 'zephyr', securityGroupIds: ['sg-1'] });
  const copies = [replica, BackupCopy.automatedBackups()];
  const checks = [
    ...counts('polls', 'participants', 'votes', 'audit_logs'),
    RecoveryCheck.fresh({ table: 'polls', column: 'created_at', within: days(1) }),
    RecoveryCheck.nothingAfter({ table: 'polls', column: 'created_at' }),
  ];
  const planned = plan.addDatabase('Main', { database, ...NIGHT, retention: days(30), copies, checks });
  const anyMoment = RestorePoint.random({ within: days(30) });
  const monthly = planned.addDrill('Monthly', {
    schedule: Recurrence.firstSunday({ hour: 10 }),
    restore: anyMoment,
  });
  planned.addRegionDrill('West', { schedule: Recurrence.quarterly({ hour: 14 }) });
  new DatabaseAlarms(stack, 'Alarms', { database, notify });
  const kept = SnapshotsKept.forever();
  new DeploymentSnapshot(stack, 'BeforeDeployment', { database, deploymentVersion: 'v2.0.0', retention: kept });
  const cache = newCache(stack, { preferredMaintenanceWindow: 'sun:06:00-sun:07:00' });
  cache.with(new CacheBackups({ window: BackupWindow.daily('04:00', '05:00'), retention: days(5) }));
  const source = CacheSource.replicationGroup(cache);
  new CacheSnapshots(stack, 'SixHourly', { cache: source, every: hours(6), retention: days(5), notify });
  const tiers = [ArchiveTier.daily({ expireAfter: days(90) })];
  new LogicalDump(stack, 'Dump', {
    source: DumpSource.database(database),
    storageClass: s3.StorageClass.INFREQUENT_ACCESS,
    vpc: database.vpc,
    subnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
    tiers: [DumpTier.DAILY],
    bucket: new ArchiveBucket(stack, 'Archive', { tiers }).bucket,
    notify,
  });
  const zephyr = questionsTo(stack);
  const west = (name: string) => questionsTo(app.node.findChild(name) as Stack);

  test('is backed up 03:00-04:00 for 30 days, maintained after, and leaves a final snapshot with its tags', () =>
    zephyr.template.hasResource('AWS::RDS::DBInstance', {
      DeletionPolicy: 'Snapshot',
      Properties: {
        PreferredBackupWindow: '03:00-04:00',
        PreferredMaintenanceWindow: 'sun:04:00-sun:05:00',
        BackupRetentionPeriod: 30,
        CopyTagsToSnapshot: true,
        EnableCloudwatchLogsExports: ['postgresql', 'upgrade'],
      },
    }));
  test('has an RPO of 5 minutes, and a replica in us-west-2', () => {
    zephyr.objectives('1 hour', '5 minutes');
    west('Primary-us-west-2-replicas').template.resourceCountIs('AWS::RDS::DBInstance', 1);
  });
  test('is drilled to a random moment on first Sundays at 10:00, and each quarter in us-west-2', () => {
    expect(zephyr.schedules).toContain('cron(0 10 ? * SUN#1 *)');
    expect(monthly.definition.restore).toEqual({ kind: 'random', withinSeconds: 30 * 86_400 });
    expect(west('Primary-us-west-2').schedules).toContain('cron(0 14 1 1,4,7,10 ? *)');
  });
  test('snapshots Redis at 04:00 for 5 days, and each 6 hours', () => {
    const Properties = { SnapshotWindow: '04:00-05:00', SnapshotRetentionLimit: 5 };
    zephyr.template.hasResourceProperties('AWS::ElastiCache::ReplicationGroup', Properties);
    expect(zephyr.schedules).toContain('rate(6 hours)');
  });
  test('keeps dumps for 90 days, in STANDARD_IA from the first day', () => {
    expect(zephyr.kept('daily/')).toBe('gone at 90');
    expect(zephyr.dumps()).toContainEqual({ Name: 'STORAGE_CLASS', Value: 'STANDARD_IA' });
  });
  test('is told of failovers and of storage', () => {
    zephyr.template.hasResourceProperties('AWS::Events::Rule', { EventPattern: { source: ['aws.rds'] } });
    zephyr.template.hasResourceProperties('AWS::CloudWatch::Alarm', { MetricName: 'FreeStorageSpace' });
  });
});
