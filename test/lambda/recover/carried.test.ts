/** What a recovered database takes over from its source. */
import { type DBInstance, DBInstance$ } from '@aws-sdk/client-rds';
import { NormalizedSchema } from '@smithy/core/schema';
import { carriedOver, DECISIONS } from '../../../lambda/recover/carried';

const orders: DBInstance = {
  DBInstanceIdentifier: 'orders',
  DBInstanceClass: 'db.m6g.large',
  Engine: 'postgres',
  AllocatedStorage: 500,
  StorageType: 'gp3',
  Iops: 12_000,
  StorageThroughput: 500,
  Endpoint: { Address: 'orders.example', Port: 5433 },
  BackupRetentionPeriod: 14,
  PreferredBackupWindow: '03:00-03:30',
  PreferredMaintenanceWindow: 'sun:05:00-sun:05:30',
  VpcSecurityGroups: [{ VpcSecurityGroupId: 'sg-1' }, { VpcSecurityGroupId: 'sg-2' }],
  DBParameterGroups: [{ DBParameterGroupName: 'orders-17' }],
  OptionGroupMemberships: [{ OptionGroupName: 'default:postgres-17' }],
  DBSubnetGroup: { DBSubnetGroupName: 'isolated' },
  MultiAZ: true,
  AutoMinorVersionUpgrade: false,
  PubliclyAccessible: false,
  CopyTagsToSnapshot: true,
  CACertificateIdentifier: 'rds-ca-ecc384-g1',
  IAMDatabaseAuthenticationEnabled: true,
  EnabledCloudwatchLogsExports: ['postgresql'],
  NetworkType: 'DUAL',
  DedicatedLogVolume: true,
  MaxAllocatedStorage: 1000,
  MonitoringInterval: 15,
  MonitoringRoleArn: 'arn:aws:iam::123456789012:role/monitoring',
  PerformanceInsightsEnabled: true,
  PerformanceInsightsKMSKeyId: 'key',
  PerformanceInsightsRetentionPeriod: 31,
  DatabaseInsightsMode: 'standard',
  DeletionProtection: true,
  TagList: [
    { Key: 'team', Value: 'shop' },
    { Key: 'aws:cloudformation:stack-name', Value: 'Shop' },
    { Key: 'lifeboat:recovery', Value: 'an earlier one' },
  ],
};

test('decides on every member of a description that the SDK knows', () => {
  const members = [...NormalizedSchema.of(DBInstance$).structIterator()].map(([name]) => name);
  expect(members.length).toBeGreaterThan(80);
  expect(members.filter((member) => !(member in DECISIONS))).toEqual([]);
});

test('names in the restore what would fall to defaults, and sets the rest afterwards', () => {
  const { restore, modify, told } = carriedOver(orders, {});
  expect(restore).toEqual({
    DBInstanceClass: 'db.m6g.large',
    BackupRetentionPeriod: 14,
    PreferredBackupWindow: '03:00-03:30',
    VpcSecurityGroupIds: ['sg-1', 'sg-2'],
    DBParameterGroupName: 'orders-17',
    OptionGroupName: 'default:postgres-17',
    DBSubnetGroupName: 'isolated',
    MultiAZ: true,
    AutoMinorVersionUpgrade: false,
    PubliclyAccessible: false,
    StorageType: 'gp3',
    Iops: 12_000,
    StorageThroughput: 500,
    CACertificateIdentifier: 'rds-ca-ecc384-g1',
    CopyTagsToSnapshot: true,
    Port: 5433,
    EnableIAMDatabaseAuthentication: true,
    EnableCloudwatchLogsExports: ['postgresql'],
    NetworkType: 'DUAL',
    DedicatedLogVolume: true,
    DeletionProtection: true,
    Tags: [{ Key: 'team', Value: 'shop' }],
  });
  expect(modify).toEqual({
    PreferredMaintenanceWindow: 'sun:05:00-sun:05:30',
    MaxAllocatedStorage: 1000,
    MonitoringInterval: 15,
    MonitoringRoleArn: 'arn:aws:iam::123456789012:role/monitoring',
    EnablePerformanceInsights: true,
    PerformanceInsightsKMSKeyId: 'key',
    PerformanceInsightsRetentionPeriod: 31,
  });
  expect(told).toEqual([]);
});

test('is born protected and backed up, on storage that exists, and says where that differs', () => {
  const { restore, told } = carriedOver(
    { ...orders, StorageType: 'standard', BackupRetentionPeriod: 0, DeletionProtection: false },
    { instanceClass: 'db.r6g.large' },
  );
  expect(restore).toMatchObject({
    StorageType: 'gp3',
    BackupRetentionPeriod: 1,
    DeletionProtection: true,
    DBInstanceClass: 'db.r6g.large',
  });
  expect(restore).not.toHaveProperty('Iops');
  expect(told).toHaveLength(4);
});

test('leaves the baseline speed of small gp3 volumes out, which RDS refuses to be told', () => {
  const { restore } = carriedOver({ ...orders, AllocatedStorage: 100, Iops: 3000, StorageThroughput: 125 }, {});
  expect(restore).not.toHaveProperty('Iops');
  expect(restore).not.toHaveProperty('StorageThroughput');
});

test('tells what stays with the damaged database', () => {
  const { told } = carriedOver(
    {
      ...orders,
      ReadReplicaDBInstanceIdentifiers: ['orders-replica'],
      DBInstanceAutomatedBackupsReplications: [{ DBInstanceAutomatedBackupsArn: 'arn' }],
      AssociatedRoles: [{ RoleArn: 'role' }],
    },
    {},
  );
  expect(told.join()).toMatch(/read replicas.*replicated to another region.*IAM roles/);
});
