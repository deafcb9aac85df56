/** What RDS refuses is refused in a rehearsal, with RDS's codes, and nothing comes of it. */
import {
  type CreateDBInstanceCommandInput,
  CreateDBParameterGroupCommand,
  DescribeDBSnapshotsCommand,
  DescribeEventsCommand,
  ModifyDBInstanceCommand,
  type ModifyDBInstanceCommandInput,
  RestoreDBInstanceToPointInTimeCommand,
} from '@aws-sdk/client-rds';
import { useRegion } from '../../real/region';

const local = useRegion();

const WINDOWS = { PreferredBackupWindow: '03:00-04:00', PreferredMaintenanceWindow: 'sun:03:30-sun:04:30' };

test.each<[Partial<CreateDBInstanceCommandInput>, string, RegExp]>([
  [WINDOWS, 'InvalidParameterValue', /backup window and maintenance window must not overlap/],
  [
    { PreferredBackupWindow: '23:30-00:30', PreferredMaintenanceWindow: 'mon:00:00-mon:01:00' },
    'InvalidParameterValue',
    /must not overlap/,
  ],
  [{ PreferredMaintenanceWindow: 'sunday:03:30-04:30' }, 'InvalidParameterValue', /maintenance window format/],
  [{ PreferredMaintenanceWindow: 'sun:05:00-sun:05:10' }, 'InvalidParameterValue', /at least 30 minutes/],
  [{ PreferredBackupWindow: '3-4' }, 'InvalidParameterValue', /backup window format/],
  [{ AllocatedStorage: 19 }, 'InvalidParameterCombination', /Invalid storage size .* gp3: 19/],
  [{ AllocatedStorage: 70_000 }, 'InvalidParameterCombination', /Invalid storage size/],
  [{ AllocatedStorage: 50, StorageType: 'io1', Iops: 3000 }, 'InvalidParameterCombination', /io1: 50/],
  [{ AllocatedStorage: 100, StorageType: 'io2' }, 'InvalidParameterCombination', /Iops must be provided/],
  [{ Iops: 3000, StorageType: 'gp2' }, 'InvalidParameterCombination', /Iops cannot be specified for storage type gp2/],
  [
    { StorageThroughput: 500, StorageType: 'io1', AllocatedStorage: 100, Iops: 3000 },
    'InvalidParameterCombination',
    /io1/,
  ],
  [{ StorageThroughput: 500 }, 'InvalidParameterCombination', /storage size less than 400/],
  [{ StorageThroughput: -5, AllocatedStorage: 400 }, 'InvalidParameterCombination', /StorageThroughput .*: -5/],
  [{ Iops: 64_001, StorageType: 'gp3', AllocatedStorage: 400 }, 'InvalidParameterCombination', /Iops .*: 64001/],
  [{ EngineVersion: 'newest' }, 'InvalidParameterCombination', /Cannot find version newest for postgres/],
  [{ MaxAllocatedStorage: 10 }, 'InvalidParameterCombination', /max storage size/],
  [{ MultiAZ: true, AvailabilityZone: 'eu-central-1a' }, 'InvalidParameterCombination', /not valid for Multi-AZ/],
  [{ AvailabilityZone: 'us-east-1a' }, 'InvalidParameterValue', /Availability Zone/],
  [{ MasterUsername: 'admin' }, 'InvalidParameterValue', /admin cannot be used as it is a reserved word/],
  [{ MasterUsername: 'rdsadmin' }, 'InvalidParameterValue', /reserved word/],
  [{ MasterUsername: 'pg_signal_backend' }, 'InvalidParameterValue', /reserved word/],
  [{ MasterUsername: 'user' }, 'InvalidParameterValue', /reserved word/],
  [{ MasterUsername: 'a"; DROP DATABASE postgres' }, 'InvalidParameterValue', /MasterUsername is not valid/],
  [{ DBName: 'select' }, 'InvalidParameterValue', /reserved word/],
  [{ DBName: 'rdsadmin' }, 'InvalidParameterValue', /reserved word/],
  [{ Engine: 'postgresql' }, 'InvalidParameterValue', /Invalid DB engine/],
  [{ Engine: 'mysql' }, 'NotImplemented', /the engine 'mysql'/],
  [{ StorageType: 'ssd' }, 'InvalidParameterValue', /Invalid storage type: ssd/],
  [{ StorageType: 'constructor' }, 'InvalidParameterValue', /Invalid storage type/],
  [{ LicenseModel: 'license-included' }, 'InvalidParameterValue', /license model/],
  [{ DBInstanceClass: 'db.t3.enormous' }, 'InvalidParameterValue', /Invalid DB Instance class/],
  [{ DBInstanceClass: 'db.zz9.micro' }, 'InvalidParameterValue', /Invalid DB Instance class/],
  [{ DBInstanceClass: 'db.m5.micro' }, 'InvalidParameterValue', /Invalid DB Instance class/],
  [{ DBInstanceClass: 'db.t3.metal' }, 'InvalidParameterValue', /Invalid DB Instance class/],
  [{ DBInstanceClass: 'db.db.t3.micro' }, 'InvalidParameterValue', /Invalid DB Instance class/],
  [{ CACertificateIdentifier: 'my-own' }, 'InvalidParameterValue', /CA certificate/],
  [{ BackupRetentionPeriod: 36 }, 'InvalidParameterValue', /between 0 and 35/],
])('an instance with %j is refused as %s', async (settings, name, message) => {
  const refused = { name, message: expect.stringMatching(message) };
  await expect(local().createDatabase('refused', settings)).rejects.toMatchObject(refused);
  expect(local().region.instances(local().name)).toEqual([]);
});

describe('an instance that exists', () => {
  beforeAll(() =>
    local().createDatabase('orders', {
      AllocatedStorage: 100,
      ...WINDOWS,
      PreferredMaintenanceWindow: 'sun:05:00-sun:06:00',
    }),
  );

  test.each<[Partial<ModifyDBInstanceCommandInput>, string, RegExp]>([
    [{ AllocatedStorage: 99 }, 'InvalidParameterCombination', /Invalid storage size .* gp3: 99/],
    [{ PreferredBackupWindow: '05:30-06:30' }, 'InvalidParameterValue', /must not overlap/],
    [{ StorageType: 'tape' }, 'InvalidParameterValue', /Invalid storage type/],
    [{ DBInstanceClass: 'huge' }, 'InvalidParameterValue', /Invalid DB Instance class/],
  ])('is not changed to %j: %s', async (change, name, message) => {
    const before = await local().describe('orders');
    const command = new ModifyDBInstanceCommand({ DBInstanceIdentifier: 'orders', ApplyImmediately: true, ...change });
    await expect(local().rds.send(command)).rejects.toMatchObject({ name, message: expect.stringMatching(message) });
    const { LatestRestorableTime: _, ...after } = await local().describe('orders');
    expect(before).toMatchObject(after);
  });

  test('is not restored to less storage than it has', async () => {
    const restore = new RestoreDBInstanceToPointInTimeCommand({
      SourceDBInstanceIdentifier: 'orders',
      TargetDBInstanceIdentifier: 'smaller',
      UseLatestRestorableTime: true,
      AllocatedStorage: 50,
    });
    await expect(local().rds.send(restore)).rejects.toMatchObject({ name: 'InvalidParameterCombination' });
  });
});

test('windows that nobody states leave the stated one free', async () => {
  const { PreferredMaintenanceWindow } = await local().createDatabase('late', { PreferredBackupWindow: '05:00-06:00' });
  expect(PreferredMaintenanceWindow).toBe('sun:09:00-sun:09:30');
});

test.each([
  new DescribeDBSnapshotsCommand({ SnapshotType: 'weekly' }),
  new DescribeEventsCommand({ SourceType: 'table' as never }),
  new CreateDBParameterGroupCommand({ DBParameterGroupName: 'a', DBParameterGroupFamily: 'pg', Description: 'd' }),
])('an unknown value of an enumeration is refused, and what was sent is named', async (command) => {
  await expect(local().rds.send(command as DescribeEventsCommand)).rejects.toMatchObject({
    name: 'InvalidParameterValue',
    message: expect.stringMatching(/weekly|table|pg/),
  });
});
