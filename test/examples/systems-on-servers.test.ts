/**
 * The numbers that the owners of Rusty SaaS and the CRUD app wrote can be had from typed constructs, or the
 * nearest that AWS has: how each is asked for, and what comes of it in the template.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duration } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import {
  ArchiveBucket,
  ArchiveTier,
  BackupTarget,
  BackupTier,
  BackupTiers,
  ConfigurationBackups,
  DumpSource,
  DumpTier,
  LogArchive,
  LogicalDump,
  ProtectedVault,
  Recurrence,
  StorageTransition,
  VaultCopy,
} from '../../lib';
import { questionsTo } from '../template/questions';
import { primaryStack, warningsOf } from '../template/stacks';

const days = Duration.days;
const hours = Duration.hours;
const certificateAuthorities = readFileSync(join(__dirname, '../template/self-signed.cert.pem'), 'utf8').trim();
const glacier = (after: number) => [StorageTransition.glacierFlexibleRetrieval(days(after))];

describe('Rusty SaaS', () => {
  const { stack, notify } = primaryStack();
  const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 1 });
  const machineImage = ec2.MachineImage.genericLinux({ 'us-east-1': 'ami-1' });
  const server = new ec2.Instance(stack, 'Server', {
    vpc,
    machineImage,
    instanceType: new ec2.InstanceType('m7g.large'),
  });
  const { vault } = new ProtectedVault(stack, 'Vault', { notify });
  new BackupTiers(stack, 'Database', {
    targets: [BackupTarget.server(server)],
    vault,
    tiers: [
      BackupTier.of('SixHourly', { schedule: Recurrence.cron('0 0/6 * * ? *'), retention: days(7) }),
      BackupTier.daily({ hour: 2 }),
    ],
    copies: [VaultCopy.toRegion('us-west-2', 'Rusty', { retention: days(30), tiers: ['Daily'] })],
    notify,
  });
  const dump = new LogicalDump(stack, 'Dump', {
    source: DumpSource.server({
      host: 'db.rusty.internal',
      databaseName: 'rusty',
      credentials: new secretsmanager.Secret(stack, 'Reader'),
      postgresVersion: '16',
      certificateAuthorities,
      securityGroups: server.connections.securityGroups,
    }),
    vpc,
    schedule: Recurrence.daily({ hour: 2 }),
    tiers: [DumpTier.DAILY],
    storageClass: s3.StorageClass.INFREQUENT_ACCESS,
    notify,
  });
  dump.connections.allowTo(server, ec2.Port.POSTGRES);
  new ConfigurationBackups(stack, 'Configuration', { notify });
  const archive = new LogArchive(stack, 'Logs', { notify });
  archive.addLogGroup('application', { retention: logs.RetentionDays.ONE_MONTH });
  archive.addLogGroup('security', { retention: logs.RetentionDays.ONE_YEAR });
  const { all, template, retentions, schedules, kept, dumps } = questionsTo(stack);

  test('backs its server up daily at 02:00 for 30 days, 6-hourly for 7, and daily in us-west-2', () => {
    const rules = all('AWS::Backup::BackupPlan')[0]?.BackupPlan.BackupPlanRule as Record<string, never>[];
    const seen = rules.map((rule) => [rule.ScheduleExpression, rule.Lifecycle, Boolean(rule.CopyActions)]);
    expect(seen).toEqual([
      ['cron(0 0/6 * * ? *)', { DeleteAfterDays: 7 }, false],
      ['cron(0 2 * * ? *)', { DeleteAfterDays: 30 }, true],
    ]);
  });
  test('dumps its own server at 02:00 into STANDARD_IA for 30 days, by TLS that its own authority vouches for', () => {
    expect(schedules).toContain('cron(0 2 * * ? *)');
    expect(kept('daily/')).toBe('gone at 30');
    expect(dumps()).toEqual(
      expect.arrayContaining([
        { Name: 'PGHOST', Value: 'db.rusty.internal' },
        { Name: 'PGSSLMODE', Value: 'verify-full' },
        { Name: 'CA_PEM', Value: certificateAuthorities },
        { Name: 'STORAGE_CLASS', Value: 'STANDARD_IA' },
      ]),
    );
    expect(warningsOf(stack).filter((warning) => /dump|paid-storage/.test(warning))).toEqual([]);
  });
  test('keeps configuration for 90 days after it was replaced', () =>
    template.hasResourceProperties('AWS::S3::Bucket', {
      LifecycleConfiguration: {
        Rules: Match.arrayWith([Match.objectLike({ NoncurrentVersionExpiration: { NoncurrentDays: 90 } })]),
      },
    }));
  test('keeps logs of its application for 30 days, of security for a year', () =>
    expect(retentions.map(([, kept]) => kept)).toEqual(expect.arrayContaining([30, 365])));
});

describe('CRUD app', () => {
  const { stack, notify } = primaryStack();
  const bucket = new ArchiveBucket(stack, 'Archive', {
    lock: s3.ObjectLockRetention.governance(days(30)),
    replication: { bucketName: 'crud-west', region: 'us-west-2' },
    tiers: [
      ArchiveTier.daily({ expireAfter: days(30) }),
      ArchiveTier.weekly({ expireAfter: days(90) }),
      ArchiveTier.monthly({ transitions: glacier(1), expireAfter: days(365) }),
      ArchiveTier.yearly({ transitions: [StorageTransition.deepArchive(days(1))], expireAfter: days(2557) }),
    ],
    notify,
  }).bucket;
  new LogicalDump(stack, 'Dump', {
    source: DumpSource.server({
      host: 'postgres.crud.internal',
      databaseName: 'crud_test_db',
      credentials: new secretsmanager.Secret(stack, 'Reader'),
      postgresVersion: '16',
      certificateAuthorities,
    }),
    vpc: new ec2.Vpc(stack, 'Tasks'),
    schedule: Recurrence.daily({ hour: 2 }),
    overdueAfter: hours(48),
    sizeTolerance: 50,
    bucket,
    notify,
  });
  const { schedules, alarm, kept, template, dumps } = questionsTo(stack);

  test('dumps at 02:00, and keeps days, weeks, months and years', () => {
    expect(schedules).toContain('cron(0 2 * * ? *)');
    expect(['daily/', 'weekly/', 'monthly/', 'yearly/'].map(kept)).toEqual([
      'gone at 30',
      'gone at 90',
      'GLACIER at 1, gone at 365',
      'DEEP_ARCHIVE at 1, gone at 2557',
    ]);
  });
  test('reads its own server, by TLS that its own authority vouches for', () =>
    expect(dumps()).toEqual(
      expect.arrayContaining([
        { Name: 'PGHOST', Value: 'postgres.crud.internal' },
        { Name: 'PGSSLMODE', Value: 'verify-full' },
        { Name: 'CA_PEM', Value: certificateAuthorities },
      ]),
    ));
  test('is told of dumps that failed, are older than 48 hours, or differ by half', () => {
    alarm('SecondsSinceBackup', 48 * 3600);
    alarm('BackupSizeChange', 50);
    alarm('DumpFailed-Primary-Dump', 0);
  });
  test('locks its archive, and replicates it', () =>
    template.hasResourceProperties('AWS::S3::Bucket', {
      ObjectLockEnabled: true,
      ReplicationConfiguration: Match.anyValue(),
    }));
});
