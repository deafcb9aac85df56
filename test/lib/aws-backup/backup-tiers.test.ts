import { App, AspectPriority, Aspects, CfnParameter, Duration, Stack, TimeZone, Validations } from 'aws-cdk-lib';
import type * as backup from 'aws-cdk-lib/aws-backup';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import { AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks } from 'cdk-nag';
import type { Construct } from 'constructs';
import { BackupWindow, CoverageCheck } from '../../../lib';
import { AirGappedVault } from '../../../lib/aws-backup/air-gapped-vault';
import { BackupTarget } from '../../../lib/aws-backup/backup-target';
import { BackupTier } from '../../../lib/aws-backup/backup-tier';
import { BackupTiers, type BackupTiersProps } from '../../../lib/aws-backup/backup-tiers';
import { ProtectedVault } from '../../../lib/aws-backup/protected-vault';
import { VaultCopy } from '../../../lib/aws-backup/vault-copy';
import { VaultLock } from '../../../lib/aws-backup/vault-lock';
import { Recurrence, Weekday } from '../../../lib/schedule/recurrence';
import { resolved } from '../../template/policies';
import { importedDatabase, newDatabase, newStack, Template, warningsOf } from '../../template/stacks';

const days = Duration.days;
const WINDOWS = { preferredBackupWindow: '03:00-04:00', preferredMaintenanceWindow: 'sun:04:00-sun:05:00' };

const multiAzCluster = (scope: Construct) =>
  rds.DatabaseCluster.fromDatabaseClusterAttributes(scope, 'Cluster', {
    clusterIdentifier: 'cluster',
    engine: { engineType: 'postgres' } as rds.IClusterEngine,
  });
const aurora = (scope: Construct) =>
  rds.DatabaseCluster.fromDatabaseClusterAttributes(scope, 'Aurora', {
    clusterIdentifier: 'aurora',
    engine: rds.DatabaseClusterEngine.AURORA_POSTGRESQL,
  });
const fileSystem = (scope: Construct) =>
  efs.FileSystem.fromFileSystemAttributes(scope, 'Files', {
    fileSystemId: 'fs-1',
    securityGroup: ec2.SecurityGroup.fromSecurityGroupId(scope, 'Group', 'sg-1'),
  });
const volume = (scope: Construct) =>
  ec2.Volume.fromVolumeAttributes(scope, 'Disk', { volumeId: 'vol-1', availabilityZone: 'a' });
const server = (scope: Construct) =>
  new ec2.Instance(scope, 'Server', {
    vpc: new ec2.Vpc(scope, 'Network', { maxAzs: 1 }),
    instanceType: new ec2.InstanceType('m7g.large'),
    machineImage: ec2.MachineImage.genericLinux({ 'us-east-1': 'ami-1' }),
  });
const bucket = (scope: Construct) => s3.Bucket.fromBucketName(scope, 'Archive', 'archive');

const TARGETS: Record<string, (scope: Construct) => BackupTarget> = {
  RDS: (scope) => BackupTarget.database(importedDatabase(scope)),
  'RDS Multi-AZ cluster': (scope) => BackupTarget.cluster(multiAzCluster(scope)),
  Aurora: (scope) => BackupTarget.cluster(aurora(scope)),
  EFS: (scope) => BackupTarget.fileSystem(fileSystem(scope)),
  EBS: (scope) => BackupTarget.volume(volume(scope)),
  EC2: (scope) => BackupTarget.server(server(scope)),
  S3: (scope) => BackupTarget.bucket(bucket(scope)),
};

function tiersOf(stack: Stack, props: Partial<BackupTiersProps> = {}): BackupTiers {
  return new BackupTiers(stack, 'Tiers', {
    targets: props.targets ?? [BackupTarget.database(importedDatabase(stack))],
    vault: props.vault ?? new ProtectedVault(stack, 'Vault').vault,
    ...props,
  });
}

const rulesOf = (template: Template): Record<string, unknown>[] =>
  Object.values(template.findResources('AWS::Backup::BackupPlan'))[0]?.Properties.BackupPlan.BackupPlanRule;

test('S2: databases whose names have capitals are selected by the names that RDS keeps', () => {
  const stack = newStack();
  const cluster = rds.DatabaseCluster.fromDatabaseClusterAttributes(stack, 'Cluster', {
    clusterIdentifier: 'Ledger-DB',
  });
  const database = importedDatabase(stack, 'Orders-Prod-DB');
  tiersOf(stack, { targets: [BackupTarget.database(database), BackupTarget.cluster(cluster)] });
  const [selection] = Object.values(Template.fromStack(stack).findResources('AWS::Backup::BackupSelection'));
  const arns: unknown[] = selection?.Properties.BackupSelection.Resources;
  expect(arns.map((arn) => resolved(arn).replace(/.*rds:[^:]+:\d+:/, ''))).toEqual([
    'db:orders-prod-db',
    'cluster:ledger-db',
  ]);
});

test('by default keeps days for 30 days, weeks for 90, months for a year and years for seven', () => {
  const stack = newStack();
  tiersOf(stack);
  const rules = rulesOf(Template.fromStack(stack));
  expect(rules.map((rule) => [rule.RuleName, rule.ScheduleExpression, rule.Lifecycle])).toEqual([
    ['Daily', 'cron(0 6 * * ? *)', { DeleteAfterDays: 30 }],
    ['Weekly', 'cron(0 7 ? * SUN *)', { DeleteAfterDays: 90 }],
    ['Monthly', 'cron(0 8 1 * ? *)', { DeleteAfterDays: 365 }],
    ['Yearly', 'cron(0 9 1 1 ? *)', { DeleteAfterDays: 2557 }],
  ]);
  expect(rules[0]).toMatchObject({ StartWindowMinutes: 60, RecoveryPointTags: { 'lifeboat:tier': 'Daily' } });
  expect(warningsOf(stack)).toEqual([]);
});

test('takes databases, file systems, volumes, servers, buckets and tags alike', () => {
  const stack = newStack();
  const targets = [...Object.values(TARGETS).map((target) => target(stack)), BackupTarget.tagged('backup', 'yes')];
  tiersOf(stack, { targets });
  const selections = Object.values(Template.fromStack(stack).findResources('AWS::Backup::BackupSelection'));
  const [one, other] = selections.map(({ Properties }) => Properties.BackupSelection);
  const names = [
    'db:orders',
    'cluster:cluster',
    'cluster:aurora',
    'file-system/fs-1',
    'volume/vol-1',
    ':instance/',
    's3:::archive',
  ];
  expect(one.Resources.map((arn: unknown) => JSON.stringify(arn))).toEqual(
    names.map((name) => expect.stringContaining(name)),
  );
  expect(one.ListOfTags).toBeUndefined();
  expect(other.ListOfTags).toEqual([{ ConditionType: 'STRINGEQUALS', ConditionKey: 'backup', ConditionValue: 'yes' }]);
  expect(other.Resources).toBeUndefined();
});

test('backs up continuously, and states what the user states', () => {
  const stack = newStack();
  tiersOf(stack, {
    tiers: [
      BackupTier.continuous({ hour: 5, retention: days(14) }),
      BackupTier.of('Quarterly', {
        schedule: Recurrence.quarterly({ hour: 6, timeZone: TimeZone.EUROPE_BERLIN }),
        retention: days(1000),
        startWithin: Duration.hours(2),
        completeWithin: Duration.hours(8),
      }),
    ],
  });
  expect(rulesOf(Template.fromStack(stack))).toMatchObject([
    { RuleName: 'Continuous', EnableContinuousBackup: true, Lifecycle: { DeleteAfterDays: 14 } },
    {
      RuleName: 'Quarterly',
      ScheduleExpression: 'cron(0 6 1 1,4,7,10 ? *)',
      ScheduleExpressionTimezone: 'Europe/Berlin',
      StartWindowMinutes: 120,
      CompletionWindowMinutes: 480,
    },
  ]);
});

test('copies into another region and account, all tiers or the named ones, as long as stated', () => {
  const stack = newStack();
  tiersOf(stack, {
    copies: [
      VaultCopy.toRegion('us-west-2', 'Orders', { retention: days(14), tiers: ['Daily'] }),
      VaultCopy.toArn('arn:aws:backup:us-west-2:999988887777:backup-vault:Safe'),
    ],
  });
  const rules = rulesOf(Template.fromStack(stack)) as { CopyActions: unknown[] }[];
  const safe = 'arn:aws:backup:us-west-2:999988887777:backup-vault:Safe';
  expect(rules[0]?.CopyActions).toEqual([
    {
      DestinationBackupVaultArn: {
        'Fn::Join': ['', expect.arrayContaining([':backup-vault:Orders'].map(() => expect.anything()))],
      },
      Lifecycle: { DeleteAfterDays: 14 },
    },
    { DestinationBackupVaultArn: safe, Lifecycle: { DeleteAfterDays: 30 } },
  ]);
  expect(JSON.stringify(rules[0]?.CopyActions)).toContain(':backup:us-west-2:');
  expect(rules[1]?.CopyActions).toEqual([{ DestinationBackupVaultArn: safe, Lifecycle: { DeleteAfterDays: 90 } }]);
});

test('snapshots go to a logically air-gapped vault where they can', () => {
  const stack = newStack();
  const airGapped = new AirGappedVault(stack, 'Gap', {
    vaultName: 'gap',
    minRetention: days(7),
    maxRetention: days(3000),
  });
  tiersOf(stack, { airGapped, targets: [BackupTarget.cluster(aurora(stack))] });
  for (const rule of rulesOf(Template.fromStack(stack))) {
    expect(rule.TargetLogicallyAirGappedBackupVaultArn).toEqual({
      'Fn::GetAtt': ['Gap50E6F1B8', 'BackupVaultArn'].map(() => expect.anything()),
    });
  }
});

test('volumes and file systems go cold, volumes where that is asked for by name', () => {
  const stack = newStack();
  const tiers = [BackupTier.monthly({ hour: 8, retention: days(365), coldAfter: days(30) })];
  tiersOf(stack, { tiers, targets: [BackupTarget.volume(volume(stack))] });
  expect(rulesOf(Template.fromStack(stack))[0]?.Lifecycle).toEqual({
    DeleteAfterDays: 365,
    MoveToColdStorageAfterDays: 30,
    OptInToArchiveForSupportedResources: true,
  });
});

describe('refuses', () => {
  const refused = (props: (stack: Stack) => Partial<BackupTiersProps>) => () => {
    const stack = newStack();
    tiersOf(stack, props(stack));
  };
  const daily = (options: Partial<Parameters<typeof BackupTier.daily>[0]>) => ({
    tiers: [BackupTier.daily({ hour: 6, ...options })],
  });
  const on = (kind: string) => (stack: Stack) => ({ targets: [TARGETS[kind]?.(stack) as BackupTarget] });
  const locked = (least: number, most: number) => (stack: Stack) => ({
    vault: new ProtectedVault(stack, 'Locked', {
      lock: VaultLock.governance({ minRetention: days(least), maxRetention: days(most) }),
    }).vault,
  });
  const cold = (keep: number) => (stack: Stack) => ({
    ...on('EFS')(stack),
    ...daily({ coldAfter: days(30), retention: days(keep) }),
  });

  // The refusal, and the nearest setting that is legal.
  test.each<[string, (stack: Stack) => Partial<BackupTiersProps>, string, (stack: Stack) => Partial<BackupTiersProps>]>(
    [
      [
        'less than 90 days in cold storage',
        cold(119),
        'tier Daily goes to cold storage after 30 days and is deleted after 119, less than 90 days later',
        cold(120),
      ],
      [
        'a copy with less than 90 days in cold storage',
        (stack) => ({
          ...on('EFS')(stack),
          copies: [VaultCopy.toRegion('us-west-2', 'Files', { coldAfter: days(1), retention: days(90) })],
        }),
        'copy 1 goes to cold storage after 1 days and is deleted after 90, less than 90 days later',
        (stack) => ({
          ...on('EFS')(stack),
          copies: [VaultCopy.toRegion('us-west-2', 'Files', { coldAfter: days(1), retention: days(91) })],
        }),
      ],
      [
        '36 days of continuous backup',
        () => ({ tiers: [BackupTier.continuous({ hour: 6, retention: days(36) })] }),
        'AWS Backup keeps at most 35',
        () => ({ tiers: [BackupTier.continuous({ hour: 6, retention: days(35) })] }),
      ],
      [
        'two continuous tiers',
        () => ({ tiers: [BackupTier.continuous({ hour: 6 }), BackupTier.continuous({ hour: 7 })] }),
        "'tiers' has two continuous tiers",
        () => ({ tiers: [BackupTier.continuous({ hour: 6 }), BackupTier.daily({ hour: 7 })] }),
      ],
      [
        'a retention below the lock',
        (stack) => ({ ...locked(31, 60)(stack), ...daily({}) }),
        "'retention' of tier Daily is 30 days, and the lock of the vault requires at least 31",
        (stack) => ({ ...locked(30, 60)(stack), ...daily({}) }),
      ],
      [
        'a retention above the lock',
        (stack) => ({ ...locked(1, 29)(stack), ...daily({}) }),
        "'retention' of tier Daily is 30 days, and the lock of the vault allows at most 29",
        (stack) => ({ ...locked(1, 30)(stack), ...daily({}) }),
      ],
      [
        'a copy that its vault would refuse',
        (stack) => ({
          ...daily({}),
          copies: [VaultCopy.to(new ProtectedVault(stack, 'Second').vault, { retention: days(6) })],
        }),
        "'retention' of copy 1 is 6 days, and the lock of its vault requires at least 7",
        (stack) => ({
          ...daily({}),
          copies: [VaultCopy.to(new ProtectedVault(stack, 'Second').vault, { retention: days(7) })],
        }),
      ],
      [
        "'startWithin' of tier Daily is 59 minutes, and AWS Backup needs at least 60, or jobs expire before they start",
        () => daily({ startWithin: Duration.minutes(59) }),
        "'startWithin' of tier Daily is 59 minutes, and AWS Backup needs at least 60, or jobs expire before they start",
        () => daily({ startWithin: Duration.minutes(60) }),
      ],
      [
        'a job to be complete before it starts',
        () => daily({ startWithin: Duration.hours(2), completeWithin: Duration.minutes(119) }),
        "'completeWithin' of tier Daily is 119 minutes, less than its 'startWithin' of 120",
        () => daily({ startWithin: Duration.hours(2), completeWithin: Duration.hours(2) }),
      ],
      [
        'parts of days',
        () => daily({ retention: Duration.hours(180) }),
        'tier Daily has a retention of 7 days 12 hours',
        () => daily({ retention: Duration.hours(192) }),
      ],
      [
        'no target',
        () => ({ targets: [] }),
        "'targets' is empty, so nothing would be backed up; state a target",
        () => ({}),
      ],
      [
        'no tier',
        () => ({ tiers: [] }),
        "'tiers' is empty, so nothing would be backed up; state a tier",
        () => daily({}),
      ],
      [
        'two tiers of one name',
        () => ({ tiers: [BackupTier.daily({ hour: 6 }), BackupTier.daily({ hour: 18 })] }),
        "several tiers are named 'Daily'",
        () => daily({}),
      ],
      [
        'a copy of a tier that there is not',
        () => ({ copies: [VaultCopy.toRegion('us-west-2', 'Orders', { tiers: ['daily'] })] }),
        "'tiers' of a copy names 'daily', and the tiers are Daily, Weekly, Monthly, Yearly",
        () => ({ copies: [VaultCopy.toRegion('us-west-2', 'Orders', { tiers: ['Daily'] })] }),
      ],
      [
        'a name of spaces',
        () => ({
          tiers: [BackupTier.of('every day', { schedule: Recurrence.daily({ hour: 6 }), retention: days(30) })],
        }),
        "the tier name 'every day' is not 1 to 50 letters, digits, hyphens, underscores and dots",
        () => ({
          tiers: [BackupTier.of('every-day', { schedule: Recurrence.daily({ hour: 6 }), retention: days(30) })],
        }),
      ],
      [
        'jobs more than once an hour',
        () => ({
          tiers: [BackupTier.of('often', { schedule: Recurrence.cron('0/30 * * * ? *'), retention: days(30) })],
        }),
        'tier often is due every 30 minutes, and AWS Backup takes at most one job an hour',
        () => ({
          tiers: [BackupTier.of('hourly', { schedule: Recurrence.cron('0 * * * ? *'), retention: days(30) })],
        }),
      ],
      [
        'jobs more than once an hour on a day of the month',
        () => ({
          tiers: [BackupTier.of('often', { schedule: Recurrence.cron('0/30 2 1 * ? *'), retention: days(30) })],
        }),
        'tier often is due every 30 minutes',
        () => ({ tiers: [BackupTier.of('once', { schedule: Recurrence.cron('30 2 1 * ? *'), retention: days(30) })] }),
      ],
      [
        '501 resources',
        () => ({
          targets: Array.from({ length: 501 }, (_, index) => BackupTarget.arn(`arn:aws:dynamodb:r:1:table/${index}`)),
        }),
        "'targets' has 501 resources, and AWS Backup takes 500 in one selection",
        () => ({
          targets: Array.from({ length: 500 }, (_, index) => BackupTarget.arn(`arn:aws:dynamodb:r:1:table/${index}`)),
        }),
      ],
    ],
  )('%s', (_, wrong, message, right) => {
    expect(refused(wrong)).toThrow(message);
    expect(refused(right)).not.toThrow();
  });

  const gap = (stack: Stack, most = 3000) =>
    new AirGappedVault(stack, 'Gap', { vaultName: 'gap', minRetention: days(7), maxRetention: days(most) });
  const features: Record<string, [(stack: Stack) => Partial<BackupTiersProps>, string, string[]]> = {
    'cold storage': [() => daily({ coldAfter: days(1), retention: days(100) }), 'has no cold storage', ['EBS', 'EFS']],
    'continuous backup': [
      () => ({ tiers: [BackupTier.continuous({ hour: 6 })] }),
      'does not support continuous backup',
      ['RDS', 'Aurora', 'S3'],
    ],
    copies: [
      () => ({ copies: [VaultCopy.toRegion('us-west-2', 'Orders')] }),
      'does not support copies by AWS Backup',
      ['RDS', 'Aurora', 'S3', 'EBS', 'EC2', 'EFS'],
    ],
    'an air-gapped vault': [
      (stack) => ({ airGapped: gap(stack) }),
      'does not support logically air-gapped vaults',
      ['Aurora', 'S3', 'EBS', 'EC2', 'EFS'],
    ],
  };
  const cases = Object.keys(features).flatMap((feature) =>
    Object.keys(TARGETS).map((kind) => [feature, kind] as const),
  );
  test.each(cases)('%s where %s has none, and only there', (feature, kind) => {
    const [props, message, supporting] = features[feature] as (typeof features)[string];
    const attempt = refused((stack) => ({ ...on(kind)(stack), ...props(stack) }));
    if (supporting.includes(kind)) expect(attempt).not.toThrow();
    else expect(attempt).toThrow(`${kind} ${message}`.replace(/^(.*) has no/, '$1 has no'));
  });

  test('a retention that the air-gapped vault would refuse', () => {
    const aurora = on('Aurora');
    expect(refused((stack) => ({ ...aurora(stack), airGapped: gap(stack, 2556) }))).toThrow(
      "'retention' of tier Yearly is 2557 days, and the lock of the air-gapped vault allows at most 2556",
    );
    expect(refused((stack) => ({ ...aurora(stack), airGapped: gap(stack, 2557) }))).not.toThrow();
  });

  test('all of it at once', () => {
    const wrong = refused(() => daily({ coldAfter: days(30), retention: days(30), startWithin: Duration.minutes(5) }));
    expect(wrong).toThrow(
      /goes to cold storage after 30[\s\S]*is 5 minutes, and AWS Backup needs at least 60[\s\S]*RDS has no cold storage/,
    );
  });

  test('schedules that never fire', () => {
    expect(() => BackupTier.monthly({ hour: 6, day: 32 })).toThrow("day of month '32'");
    expect(() => BackupTier.yearly({ hour: 6, month: 2, day: 30 })).toThrow('never fires');
    expect(() => BackupTier.yearly({ hour: 6, month: 2, day: 29 })).not.toThrow();
  });

  test('ARNs of what is no vault', () => {
    expect(() => VaultCopy.toArn('arn:aws:backup:us-west-2:999988887777:vault:Safe')).toThrow(
      "'vaultArn' is 'arn:aws:backup:us-west-2:999988887777:vault:Safe', not the ARN of a backup vault",
    );
  });
});

describe("RDS's own windows", () => {
  const synth = (tier: BackupTier, windows = WINDOWS) => {
    const stack = newStack();
    tiersOf(stack, { targets: [BackupTarget.database(newDatabase(stack, windows))], tiers: [tier] });
    Template.fromStack(stack);
    return warningsOf(stack).filter((warning) => !warning.includes('missing-backups'));
  };
  const at = (hour: number, minute = 0, timeZone?: TimeZone) => BackupTier.daily({ hour, minute, timeZone });

  test.each([
    ['an hour before the backup', at(2)],
    ['in the backup', at(3, 59)],
    ['an hour before the maintenance', at(4, 30)],
    ['in it, on its day', BackupTier.weekly({ weekday: Weekday.SUNDAY, hour: 4, minute: 30 })],
    ['in it, in summer only', at(5, 30, TimeZone.EUROPE_BERLIN)],
  ])('refuse a job that is due %s', (_, tier) => {
    expect(() => synth(tier)).toThrow(
      /during the (backup|maintenance) window .* or within the hour before, so its jobs would fail/,
    );
  });

  test.each([
    ['after both', at(5)],
    ['after the backup, on another day than maintenance', BackupTier.weekly({ weekday: Weekday.MONDAY, hour: 4 })],
    ['so early that it starts before', at(1)],
  ])('take one that is due %s', (_, tier) => {
    expect(synth(tier)).toEqual([]);
  });

  test('take continuous backup at any time', () => {
    expect(synth(BackupTier.continuous({ hour: 3 }))).toEqual([]);
  });

  test('warn of one that may start late', () => {
    expect(synth(at(1, 1))).toEqual([expect.stringContaining('lifeboat:job-may-start-in-a-window')]);
  });

  test('warn where they are left to RDS', () => {
    const stack = newStack();
    tiersOf(stack, { targets: [BackupTarget.database(newDatabase(stack))] });
    Template.fromStack(stack);
    expect(warningsOf(stack)).toEqual([expect.stringContaining('lifeboat:windows-left-to-rds')]);
  });

  test('are compared when a Mixin sets them later, or the user states those of an imported database', () => {
    const stack = newStack();
    const windows = { backup: BackupWindow.daily('05:30', '06:30') };
    tiersOf(stack, { targets: [BackupTarget.database(importedDatabase(stack), windows)] });
    expect(() => Template.fromStack(stack)).toThrow(
      'tier Daily is due (cron(0 6 * * ? *)) during the backup window 05:30-06:30',
    );
  });

  test.each([
    ['sunday 4am', "maintenance window 'sunday 4am' is not in the form ddd:hh:mm-ddd:hh:mm", 'sun:04:00-sun:05:00'],
    ['sun:04:00-sun:04:20', 'is 20 minutes long', 'sun:04:00-sun:04:30'],
    ['sun:03:30-sun:04:30', 'overlaps the maintenance window', 'sun:04:00-sun:04:30'],
  ])('are refused where they can not be compared: %s', (maintenance, message, legal) => {
    const stated = (window: string) => () => {
      const windows = { backup: BackupWindow.daily('03:00', '04:00'), maintenance: window };
      return BackupTarget.database(importedDatabase(newStack()), windows);
    };
    expect(stated(maintenance)).toThrow(message);
    expect(stated(legal)).not.toThrow();
    expect(() => synth(at(12), { ...WINDOWS, preferredMaintenanceWindow: maintenance })).toThrow(message);
  });

  test('are not compared where they are only known at deployment', () => {
    const stack = newStack();
    const preferredMaintenanceWindow = new CfnParameter(stack, 'Maintenance').valueAsString;
    const database = newDatabase(stack, { ...WINDOWS, preferredMaintenanceWindow });
    tiersOf(stack, { targets: [BackupTarget.database(database)] });
    expect(() => Template.fromStack(stack)).not.toThrow();
  });
});

test('refuses continuous backup of one resource from two places', () => {
  const synth = (fourth: 'continuous' | 'daily') => {
    const stack = newStack();
    const database = importedDatabase(stack);
    const { vault } = new ProtectedVault(stack, 'Vault');
    const make = (id: string, of: rds.IDatabaseInstance, kind: 'continuous' | 'daily') =>
      new BackupTiers(stack, id, {
        vault,
        targets: [BackupTarget.database(of)],
        tiers: [BackupTier[kind]({ hour: 6 })],
      });
    make('One', database, 'continuous');
    make('Two', importedDatabase(stack, 'billing'), 'continuous');
    make('Three', database, fourth);
    Template.fromStack(stack);
  };
  expect(() => synth('daily')).not.toThrow();
  expect(() => synth('continuous')).toThrow("is backed up continuously by 'Test/One' and by 'Test/Three'");
});

test('refuses a bucket that keeps no versions', () => {
  const attempt = (versioned: boolean) => () => {
    const stack = newStack();
    tiersOf(stack, { targets: [BackupTarget.bucket(new s3.Bucket(stack, 'Bucket', { versioned }))] });
    Template.fromStack(stack);
  };
  expect(attempt(false)).toThrow('is not versioned');
  expect(attempt(true)).not.toThrow();
});

test('refuses a bucket that keeps versions no more', () => {
  const attempt = (status: string) => () => {
    const stack = newStack();
    const files = new s3.Bucket(stack, 'Bucket');
    (files.node.defaultChild as s3.CfnBucket).versioningConfiguration = { status };
    tiersOf(stack, { targets: [BackupTarget.bucket(files)] });
    Template.fromStack(stack);
  };
  expect(attempt('Suspended')).toThrow('is not versioned');
  expect(attempt('Enabled')).not.toThrow();
});

test('refuses a copy into the vault that it comes from', () => {
  const attempt = (copyTo: 'itself' | 'another') => () => {
    const stack = newStack();
    const { vault } = new ProtectedVault(stack, 'Vault');
    const other = new ProtectedVault(stack, 'Other').vault;
    tiersOf(stack, { vault, copies: [VaultCopy.to(copyTo === 'itself' ? vault : other)] });
  };
  expect(attempt('itself')).toThrow('copy 1 goes into the vault that it is copied from');
  expect(attempt('another')).not.toThrow();
});

test('refuses a copy into the vault that it comes from, by its name', () => {
  const attempt = (region: string, vaultName: string) => () => {
    const app = new App({ builtinCloudFormationValidation: false });
    const stack = new Stack(app, 'East', { env: { region: 'us-east-1', account: '111122223333' } });
    const { vault } = new ProtectedVault(stack, 'Vault', { vaultName: 'Shop' });
    tiersOf(stack, { vault, copies: [VaultCopy.toRegion(region, vaultName)] });
  };
  expect(attempt('us-east-1', 'Shop')).toThrow('copy 1 goes into the vault that it is copied from');
  expect(attempt('us-east-1', 'Shop-2')).not.toThrow();
  expect(attempt('us-west-2', 'Shop')).not.toThrow();
});

describe('continuous backup is warned of', () => {
  const continuous = (of: (stack: Stack) => BackupTarget, keep = days(14)) => {
    const stack = newStack();
    tiersOf(stack, { targets: [of(stack)], tiers: [BackupTier.continuous({ hour: 5, retention: keep })] });
    return warningsOf(stack);
  };
  const database = (backupRetention?: Duration) => (stack: Stack) =>
    BackupTarget.database(newDatabase(stack, { ...WINDOWS, backupRetention }));

  test('where it and the database keep backups for different times', () => {
    expect(continuous(database(days(30)))).toEqual([
      expect.stringMatching(/for 30 days, and a continuous tier keeps 14.*lifeboat:two-retentions/),
    ]);
    expect(continuous(database(days(14)))).toEqual([]);
    expect(continuous(database())).toEqual([]);
  });

  test('where a bucket sends no events', () => {
    const owned = (props: s3.BucketProps) => (stack: Stack) =>
      BackupTarget.bucket(new s3.Bucket(stack, 'Files', { versioned: true, ...props }));
    expect(continuous(owned({}))).toEqual([expect.stringContaining('lifeboat:bucket-sends-no-events')]);
    expect(continuous(owned({ eventBridgeEnabled: true }))).toEqual([]);
    const bare = (stack: Stack) => {
      const files = new s3.Bucket(stack, 'Files', { versioned: true });
      const resource = files.node.defaultChild as s3.CfnBucket;
      resource.notificationConfiguration = { eventBridgeConfiguration: { eventBridgeEnabled: true } };
      return BackupTarget.bucket(files);
    };
    expect(continuous(bare)).toEqual([]);
  });
});

test('refuses names that no vault can have', () => {
  expect(() => VaultCopy.toRegion('us-west-2', 'my vault')).toThrow(
    "'vaultName' is 'my vault', not 2 to 50 letters, digits, hyphens and underscores, so nothing would be copied to us-west-2; use the name of the vault there",
  );
  expect(() => VaultCopy.toRegion('us-west-2', 'my-vault')).not.toThrow();
});

test('refuses copies into what is no region', () => {
  expect(() => VaultCopy.toRegion('us-west', 'Orders')).toThrow("'us-west' is not an AWS region name");
});

test('what it backs up counts as covered', () => {
  const stack = newStack();
  Aspects.of(stack).add(new CoverageCheck(), { priority: AspectPriority.READONLY });
  const versioned = { versioned: true };
  tiersOf(stack, { targets: [BackupTarget.bucket(new s3.Bucket(stack, 'Backed', versioned))] });
  new s3.Bucket(stack, 'Bare', versioned);
  Template.fromStack(stack);
  expect(warningsOf(stack)).toEqual([expect.stringContaining("nothing here backs up bucket 'Test/Bare/Resource'")]);
});

describe('missing backups', () => {
  const alarmed = (tier: BackupTier, props: Partial<BackupTiersProps> = {}) => {
    const stack = newStack();
    tiersOf(stack, { tiers: [tier], ...props });
    const alarms = Object.values(Template.fromStack(stack).findResources('AWS::CloudWatch::Alarm'));
    const missing = alarms.find(({ Properties }) => Properties.MetricName === 'NumberOfBackupJobsCompleted');
    return [missing?.Properties.Period, warningsOf(stack)];
  };

  test('are told of after the longest gap and a day', () => {
    expect(alarmed(BackupTier.daily({ hour: 6 }))).toEqual([2 * 86_400, []]);
  });

  test('are told of for each kind of target by itself, and for the vault where the kind is unknown', () => {
    const stack = newStack();
    const targets = ['RDS', 'RDS Multi-AZ cluster', 'EFS'].map((kind) => TARGETS[kind]?.(stack) as BackupTarget);
    tiersOf(stack, { targets: [...targets, BackupTarget.tagged('backup', 'yes')] });
    const alarms = Object.values(Template.fromStack(stack).findResources('AWS::CloudWatch::Alarm'));
    const missing = alarms.filter(({ Properties }) => Properties.MetricName === 'NumberOfBackupJobsCompleted');
    const types = missing.map(({ Properties }) =>
      Properties.Dimensions.filter(({ Name }: { Name: string }) => Name === 'ResourceType').map(
        ({ Value }: { Value: string }) => Value,
      ),
    );
    expect(types).toEqual([['RDS'], ['EFS'], []]);
  });

  test('are warned of where no alarm looks back far enough', () => {
    const weekly = BackupTier.weekly({ weekday: Weekday.SUNDAY, hour: 6 });
    expect(alarmed(weekly)).toEqual([undefined, [expect.stringContaining('lifeboat:missing-backups-go-unnoticed')]]);
    expect(alarmed(weekly, { missingAfter: days(7) })).toEqual([7 * 86_400, []]);
  });
});

describe('copies into another account', () => {
  const OTHER = '999988887777';
  const warned = (lets: (key: kms.Key) => unknown, account = OTHER) => {
    const stack = new Stack(new App({ builtinCloudFormationValidation: false }), 'Test', {
      env: { account: '111122223333', region: 'eu-west-1' },
    });
    const key = new kms.Key(stack, 'Key');
    const database = newDatabase(stack, { ...WINDOWS, backupRetention: days(7), storageEncryptionKey: key });
    copied(stack, database, account);
    lets(key); // After the tiers: a key may be told more until the app is whole.
    return told(stack);
  };
  const warnedOf = (props: Partial<rds.DatabaseInstanceProps>) => {
    const stack = new Stack(new App({ builtinCloudFormationValidation: false }), 'Test', {
      env: { account: '111122223333', region: 'eu-west-1' },
    });
    copied(stack, newDatabase(stack, { ...WINDOWS, backupRetention: days(7), ...props }), OTHER);
    return told(stack);
  };
  const copied = (stack: Stack, database: rds.IDatabaseInstance, account: string) =>
    tiersOf(stack, {
      targets: [BackupTarget.database(database)],
      copies: [VaultCopy.toArn(`arn:aws:backup:us-west-2:${account}:backup-vault:Safe`)],
    });
  const told = (stack: Stack) => {
    Template.fromStack(stack);
    return warningsOf(stack).filter((warning) => warning.includes('lifeboat:copy-needs'));
  };

  test('that can not use the key that AWS keeps, or that yours does not let in, are warned of', () => {
    expect(warnedOf({ storageEncrypted: true })).toEqual([
      expect.stringContaining('lifeboat:copy-needs-a-key-of-your-own'),
    ]);
    expect(warned(() => undefined)).toEqual([expect.stringContaining('lifeboat:copy-needs-the-key')]);
  });

  test('are not, where the key lets the account or an organization in, or nothing is encrypted', () => {
    expect(warned((key) => key.grantEncryptDecrypt(new iam.AccountPrincipal(OTHER)))).toEqual([]);
    expect(warned((key) => key.grantEncryptDecrypt(new iam.OrganizationPrincipal('o-abcdefghij')))).toEqual([]);
    expect(warnedOf({ storageEncrypted: false })).toEqual([]);
  });

  test('are not, where they stay in the account', () => {
    expect(warned(() => undefined, '111122223333')).toEqual([]);
  });
});

test('a vault of yours is read for its lock too', () => {
  const stack = newStack();
  const vault: backup.IBackupVault = new ProtectedVault(stack, 'Vault', {
    lock: VaultLock.governance({ minRetention: days(60) }),
  }).vault;
  expect(() => tiersOf(stack, { vault })).toThrow(
    "'retention' of tier Daily is 30 days, and the lock of the vault requires at least 60",
  );
});

test("passes cdk-nag's packs in a stack of its own", () => {
  const app = new App({ builtinCloudFormationValidation: false });
  const stack = new Stack(app, 'Test');
  const notify = sns.Topic.fromTopicArn(stack, 'Told', 'arn:aws:sns:eu-west-1:111122223333:told');
  const { vault } = new ProtectedVault(stack, 'Vault', { notify });
  const targets = [BackupTarget.database(importedDatabase(stack)), BackupTarget.bucket(bucket(stack))];
  tiersOf(stack, { targets, vault, notify });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new NIST80053R5Checks(app), new HIPAASecurityChecks(app));
  expect(() => app.synth()).not.toThrow();
});
