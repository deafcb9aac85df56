import {
  CopyDBSnapshotCommand,
  CreateDBSnapshotCommand,
  type DBInstance,
  DeleteDBInstanceAutomatedBackupCommand,
  DeleteDBInstanceCommand,
  DeleteDBSnapshotCommand,
  DescribeDBInstanceAutomatedBackupsCommand,
  DescribeDBSnapshotsCommand,
  ModifyDBInstanceCommand,
  RestoreDBInstanceFromDBSnapshotCommand,
  RestoreDBInstanceToPointInTimeCommand,
  type RestoreDBInstanceToPointInTimeCommandInput,
} from '@aws-sdk/client-rds';
import { rdsClient } from '../../../rehearsal/server/clients';
import { useRegion } from '../../real/region';

const local = useRegion();
const send: ReturnType<typeof local>['rds']['send'] = ((command: never) => local().rds.send(command)) as never;
const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

let source: DBInstance;
beforeAll(async () => {
  source = await local().createDatabase('orders', {
    DBInstanceClass: 'db.r6g.large',
    Tags: [{ Key: 'team', Value: 'shop' }],
    MultiAZ: true,
    DeletionProtection: true,
    PreferredBackupWindow: '01:00-02:00',
  });
  await local().query(source, 'CREATE TABLE rows (n int PRIMARY KEY); INSERT INTO rows SELECT generate_series(1, 100)');
});

const rowsOf = async (instance: DBInstance) =>
  (await local().query<{ n: number }>(instance, 'SELECT count(*)::int AS n FROM rows'))[0]!.n;

const restoreTo = async (name: string, more: Partial<RestoreDBInstanceToPointInTimeCommandInput>) => {
  await send(
    new RestoreDBInstanceToPointInTimeCommand({
      TargetDBInstanceIdentifier: name,
      SourceDBInstanceIdentifier: more.SourceDbiResourceId ? undefined : 'orders',
      BackupRetentionPeriod: 0,
      ...more,
    }),
  );
  return local().available(name);
};

const remove = async (DBInstanceIdentifier: string) => {
  await send(new DeleteDBInstanceCommand({ DBInstanceIdentifier, SkipFinalSnapshot: true }));
  await local().gone(DBInstanceIdentifier);
};

test('backups begin with an automated snapshot that nobody can delete', async () => {
  const { DBSnapshots } = await send(new DescribeDBSnapshotsCommand({ SnapshotType: 'automated' }));
  expect(DBSnapshots).toHaveLength(1);
  expect(DBSnapshots![0]).toMatchObject({ Status: 'available', PercentProgress: 100, DBInstanceIdentifier: 'orders' });
  const DBSnapshotIdentifier = DBSnapshots![0]!.DBSnapshotIdentifier!;
  expect(DBSnapshotIdentifier).toMatch(/^rds:orders-\d{4}-\d\d-\d\d-\d\d-\d\d$/);
  await expect(send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier }))).rejects.toMatchObject({
    name: 'InvalidDBSnapshotStateFault',
  });
});

test('a snapshot restores what was there when it was taken, whatever happened since', async () => {
  await send(new CreateDBSnapshotCommand({ DBInstanceIdentifier: 'orders', DBSnapshotIdentifier: 'before' }));
  await local().snapshotAvailable('before');
  await local().available('orders');
  await local().query(source, 'DELETE FROM rows WHERE n > 50');
  await send(
    new RestoreDBInstanceFromDBSnapshotCommand({ DBInstanceIdentifier: 'copy', DBSnapshotIdentifier: 'before' }),
  );
  const copy = await local().available('copy');
  expect(await rowsOf(copy)).toBe(100);
  expect(await rowsOf(source)).toBe(50);
});

test('a restore inherits what RDS says it does, and nothing more', async () => {
  const copy = await local().describe('copy');
  expect(copy).toMatchObject({
    DBInstanceClass: 'db.r6g.large',
    BackupRetentionPeriod: 7,
    PreferredBackupWindow: '01:00-02:00',
    TagList: [{ Key: 'team', Value: 'shop' }],
    MultiAZ: false,
    DeletionProtection: false,
    DBSubnetGroup: { DBSubnetGroupName: 'default' },
    DBParameterGroups: [{ DBParameterGroupName: 'default.postgres17' }],
  });
  expect(copy.DbiResourceId).not.toBe(source.DbiResourceId);
  // Logging in above proved that the source's password holds; it does until it is modified.
  await send(new ModifyDBInstanceCommand({ DBInstanceIdentifier: 'copy', MasterUserPassword: 'of-the-copy' }));
  await local().available('copy');
  await expect(local().query(copy, 'SELECT 1')).rejects.toThrow('password authentication failed');
  await local().query(copy, 'SELECT 1', 'of-the-copy');
  await local().query(source, 'SELECT 1');
  await remove('copy');
});

test('a point in time restores to just before a loss', async () => {
  await local().query(source, 'INSERT INTO rows SELECT generate_series(101, 200)');
  await sleep(1100);
  const [{ now }] = (await local().query<{ now: Date }>(source, 'SELECT date_trunc($$second$$, now()) AS now')) as [
    { now: Date },
  ];
  await sleep(20);
  await local().query(source, 'DELETE FROM rows');
  const copy = await restoreTo('rescued', { RestoreTime: now, Tags: [{ Key: 'lifeboat:copy-of', Value: 'orders' }] });
  expect(await rowsOf(copy)).toBe(150);
  expect(copy).toMatchObject({ BackupRetentionPeriod: 0, TagList: [{ Key: 'lifeboat:copy-of', Value: 'orders' }] });
  expect(copy.LatestRestorableTime).toBeUndefined();
  await remove('rescued');
});

test('the latest restorable time really can be restored, also when nothing was committed for long', async () => {
  await local().query(source, 'INSERT INTO rows VALUES (1)');
  await sleep(1100);
  const first = (await local().describe('orders')).LatestRestorableTime!;
  await sleep(2100);
  const latest = (await local().describe('orders')).LatestRestorableTime!;
  expect(latest.getTime()).toBeGreaterThan(first.getTime());
  expect(await rowsOf(await restoreTo('at-latest', { RestoreTime: latest }))).toBe(1);
  await local().query(source, 'INSERT INTO rows VALUES (2)');
  expect(await rowsOf(await restoreTo('newest', { UseLatestRestorableTime: true }))).toBe(2);
  await Promise.all([remove('at-latest'), remove('newest')]);
});

test('the latest moment restores from a snapshot that was taken since anything was committed', async () => {
  await sleep(1100);
  await local().describe('orders');
  await local().region.takeAutomatedSnapshot(local().name, 'orders');
  await sleep(1100);
  expect(await rowsOf(await restoreTo('idle', { UseLatestRestorableTime: true }))).toBe(2);
  await remove('idle');
});

test('asking for the state of an idle database archives no WAL', async () => {
  const segment = async () => {
    const [row] = await local().query<{ file: string }>(
      source,
      'SELECT pg_walfile_name(pg_current_wal_insert_lsn()) AS file',
    );
    return row!.file;
  };
  await sleep(1100);
  await local().describe('orders');
  const before = await segment();
  await sleep(1100);
  await local().describe('orders');
  expect(await segment()).toBe(before);
  await local().query(source, 'INSERT INTO rows VALUES (3)');
  await sleep(1100);
  await local().describe('orders');
  expect(await segment()).not.toBe(before);
});

test('a moment outside of what can be restored is refused, with the bound', async () => {
  const { DBInstanceAutomatedBackups } = await send(new DescribeDBInstanceAutomatedBackupsCommand({}));
  const window = DBInstanceAutomatedBackups!.find(({ DBInstanceIdentifier }) => DBInstanceIdentifier === 'orders')!;
  const { EarliestTime, LatestTime } = window.RestoreWindow!;
  expect(EarliestTime!.getTime()).toBeLessThan(LatestTime!.getTime());
  const early = new Date(EarliestTime!.getTime() - 60_000);
  await expect(restoreTo('x', { RestoreTime: early })).rejects.toThrow('earlier than');
  await expect(restoreTo('x', { RestoreTime: new Date(Date.now() + 60_000) })).rejects.toThrow('later than');
  await expect(restoreTo('x', {})).rejects.toMatchObject({ name: 'InvalidParameterCombination' });
  expect(local().region.instances(local().name)).toEqual(['orders']);
});

test('without automated backups there is no point in time to restore to', async () => {
  await local().createDatabase('scratch', { BackupRetentionPeriod: 0 });
  await expect(
    restoreTo('x', { SourceDBInstanceIdentifier: 'scratch', UseLatestRestorableTime: true }),
  ).rejects.toMatchObject({ name: 'PointInTimeRestoreNotEnabledFault', $metadata: { httpStatusCode: 400 } });
  await remove('scratch');
});

test('retained backups restore a database that was deleted, by its resource id', async () => {
  const doomed = await local().createDatabase('doomed');
  await local().query(doomed, 'CREATE TABLE rows AS SELECT generate_series(1, 9) AS n');
  await send(
    new DeleteDBInstanceCommand({
      DBInstanceIdentifier: 'doomed',
      SkipFinalSnapshot: true,
      DeleteAutomatedBackups: false,
    }),
  );
  await local().gone('doomed');
  const { DBInstanceAutomatedBackups } = await send(
    new DescribeDBInstanceAutomatedBackupsCommand({ DbiResourceId: doomed.DbiResourceId }),
  );
  expect(DBInstanceAutomatedBackups).toMatchObject([{ Status: 'retained', DBInstanceIdentifier: 'doomed' }]);
  const back = await restoreTo('back', { SourceDbiResourceId: doomed.DbiResourceId, UseLatestRestorableTime: true });
  expect(await rowsOf(back)).toBe(9);
  await remove('back');
  const deletion = { DbiResourceId: doomed.DbiResourceId };
  await send(new DeleteDBInstanceAutomatedBackupCommand(deletion));
  expect((await send(new DescribeDBInstanceAutomatedBackupsCommand(deletion))).DBInstanceAutomatedBackups).toEqual([]);
  const alive = { DbiResourceId: source.DbiResourceId };
  await expect(send(new DeleteDBInstanceAutomatedBackupCommand(alive))).rejects.toMatchObject({
    name: 'InvalidDBInstanceAutomatedBackupStateFault',
  });
});

test('a copy restored to a point in time has backups of its own, which restore too', async () => {
  const copy = await restoreTo('second', { UseLatestRestorableTime: true, BackupRetentionPeriod: 1 });
  await local().query(copy, 'INSERT INTO rows VALUES (777)');
  const again = await restoreTo('third', { SourceDBInstanceIdentifier: 'second', UseLatestRestorableTime: true });
  expect(await local().query(again, 'SELECT n FROM rows WHERE n = 777')).toEqual([{ n: 777 }]);
  await Promise.all([remove('second'), remove('third')]);
});

test('a snapshot copied to another region restores there, and does not depend on the original', async () => {
  const elsewhere = rdsClient(local().region.clients('us-west-2'));
  const { DBSnapshots } = await send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: 'before' }));
  const copied = await elsewhere.send(
    new CopyDBSnapshotCommand({
      SourceDBSnapshotIdentifier: DBSnapshots![0]!.DBSnapshotArn,
      TargetDBSnapshotIdentifier: 'before-dr',
    }),
  );
  expect(copied.DBSnapshot).toMatchObject({
    SourceRegion: 'eu-central-1',
    DBSnapshotArn: 'arn:aws:rds:us-west-2:123456789012:snapshot:before-dr',
  });
  const status = async () =>
    (await elsewhere.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: 'before-dr' }))).DBSnapshots![0]!
      .Status;
  while ((await status()) !== 'available') await sleep(20);
  await send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier: 'before' }));
  await expect(send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: 'before' }))).rejects.toMatchObject({
    name: 'DBSnapshotNotFoundFault',
  });
  const restore = { DBInstanceIdentifier: 'dr', DBSnapshotIdentifier: 'before-dr', BackupRetentionPeriod: 0 };
  await elsewhere.send(new RestoreDBInstanceFromDBSnapshotCommand(restore));
  while (local().region.instances('us-west-2').length === 0) await sleep(20);
  expect(local().region.instances(local().name)).not.toContain('dr');
});
