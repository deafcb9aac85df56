import {
  CreateDBInstanceReadReplicaCommand,
  type CreateDBInstanceReadReplicaCommandInput,
  CreateDBSnapshotCommand,
  type DBInstance,
  DeleteDBInstanceCommand,
  ModifyDBInstanceCommand,
  PromoteReadReplicaCommand,
  RebootDBInstanceCommand,
  RestoreDBInstanceFromDBSnapshotCommand,
  RestoreDBInstanceToPointInTimeCommand,
} from '@aws-sdk/client-rds';
import { LocalRegion, useRegion } from '../../real/region';

const KEY = 'arn:aws:kms:us-west-2:123456789012:key/22222222-2222-2222-2222-222222222222';
const ORDERS = 'arn:aws:rds:eu-central-1:123456789012:db:orders';
const home = useRegion({ maxInstances: 30 });
const away = () => new LocalRegion(home().region, 'us-west-2');
const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const ask = async (
  region: LocalRegion,
  name: string,
  source: string,
  more: Partial<CreateDBInstanceReadReplicaCommandInput> = {},
) => {
  const input = { DBInstanceIdentifier: name, SourceDBInstanceIdentifier: source, ...more };
  return (await region.rds.send(new CreateDBInstanceReadReplicaCommand(input))).DBInstance!;
};
const replicate: typeof ask = async (region, name, ...rest) => {
  await ask(region, name, ...rest);
  return region.available(name);
};
const remove = async (region: LocalRegion, DBInstanceIdentifier: string, more = {}) => {
  await region.rds.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier, SkipFinalSnapshot: true, ...more }));
  await region.gone(DBInstanceIdentifier);
};
const count = async (instance: DBInstance) =>
  (await home().query<{ n: number }>(instance, 'SELECT count(*)::int AS n FROM rows'))[0]!.n;
const hasRows = async (instance: DBInstance, wanted: number) => {
  while ((await count(instance)) !== wanted) await sleep(10);
};
const rename = async (DBInstanceIdentifier: string, NewDBInstanceIdentifier: string) => {
  const input = { DBInstanceIdentifier, NewDBInstanceIdentifier, ApplyImmediately: true };
  await home().rds.send(new ModifyDBInstanceCommand(input));
  await home().gone(DBInstanceIdentifier);
  return home().available(NewDBInstanceIdentifier);
};
const statusOf = async (region: LocalRegion, name: string) => (await region.describe(name)).StatusInfos?.[0];

let orders: DBInstance;
beforeAll(async () => {
  orders = await home().createDatabase('orders', {
    StorageEncrypted: true,
    MultiAZ: true,
    DBInstanceClass: 'db.r6g.large',
    Tags: [{ Key: 'team', Value: 'shop' }],
  });
  await home().query(orders, 'CREATE TABLE rows AS SELECT generate_series(1, 10) AS n');
});

test('a replica follows what its source commits, takes no writes, and both tell of each other', async () => {
  const replica = await replicate(home(), 'reader', 'orders');
  expect(replica).toMatchObject({
    ReadReplicaSourceDBInstanceIdentifier: 'orders',
    StatusInfos: [{ StatusType: 'read replication', Normal: true, Status: 'replicating' }],
    DBInstanceClass: 'db.r6g.large',
    BackupRetentionPeriod: 0,
    MultiAZ: false,
    KmsKeyId: orders.KmsKeyId,
    TagList: [],
  });
  expect((await home().describe('orders')).ReadReplicaDBInstanceIdentifiers).toEqual(['reader']);
  await home().query(orders, 'INSERT INTO rows SELECT generate_series(11, 20)');
  await hasRows(replica, 20);
  await expect(home().query(replica, 'DELETE FROM rows')).rejects.toThrow('read-only transaction');
});

test('a replica in another region needs a key of that region, and is named there by ARN', async () => {
  await expect(ask(away(), 'standby', ORDERS)).rejects.toMatchObject({
    name: 'InvalidParameterCombination',
    message: 'Cannot create a cross region unencrypted read replica from encrypted source.',
  });
  const foreign = KEY.replace('us-west-2', 'eu-central-1');
  await expect(ask(away(), 'standby', ORDERS, { KmsKeyId: foreign })).rejects.toMatchObject({
    name: 'KMSKeyNotAccessibleFault',
  });
  const standby = await replicate(away(), 'standby', ORDERS, { KmsKeyId: KEY, Tags: [{ Key: 'role', Value: 'dr' }] });
  expect(standby).toMatchObject({
    ReadReplicaSourceDBInstanceIdentifier: ORDERS,
    KmsKeyId: KEY,
    AvailabilityZone: 'us-west-2a',
    TagList: [{ Key: 'role', Value: 'dr' }],
  });
  expect((await home().describe('orders')).ReadReplicaDBInstanceIdentifiers).toEqual([
    'reader',
    'arn:aws:rds:us-west-2:123456789012:db:standby',
  ]);
  await hasRows(standby, 20);
});

test('a replica goes on after its source was restarted and renamed', async () => {
  await home().rds.send(new RebootDBInstanceCommand({ DBInstanceIdentifier: 'orders' }));
  await home().available('orders');
  const moved = await rename('orders', 'moved');
  await home().query(moved, 'INSERT INTO rows VALUES (21)');
  const standby = await away().describe('standby');
  await hasRows(standby, 21);
  expect(standby.ReadReplicaSourceDBInstanceIdentifier).toBe(ORDERS.replace('orders', 'moved'));
  orders = await rename('moved', 'orders');
});

test('a snapshot of a replica restores', async () => {
  const snapshot = { DBInstanceIdentifier: 'standby', DBSnapshotIdentifier: 'of-standby' };
  await away().rds.send(new CreateDBSnapshotCommand(snapshot));
  await away().snapshotAvailable('of-standby');
  const restore = { DBInstanceIdentifier: 'copy', DBSnapshotIdentifier: 'of-standby', BackupRetentionPeriod: 0 };
  await away().rds.send(new RestoreDBInstanceFromDBSnapshotCommand(restore));
  const copy = await away().available('copy');
  expect(await count(copy)).toBe(21);
  expect(copy.ReadReplicaSourceDBInstanceIdentifier).toBeUndefined();
  await home().query(copy, 'DELETE FROM rows');
  await remove(away(), 'copy');
});

test('a replica may have backups of its own, which restore to any moment', async () => {
  const on = { DBInstanceIdentifier: 'standby', BackupRetentionPeriod: 14, ApplyImmediately: true };
  await away().rds.send(new ModifyDBInstanceCommand(on));
  await away().available('standby');
  await home().query(orders, 'INSERT INTO rows VALUES (22)');
  await hasRows(await away().describe('standby'), 22);
  const restore = {
    SourceDBInstanceIdentifier: 'standby',
    TargetDBInstanceIdentifier: 'latest',
    UseLatestRestorableTime: true,
    BackupRetentionPeriod: 0,
  };
  await away().rds.send(new RestoreDBInstanceToPointInTimeCommand(restore));
  expect(await count(await away().available('latest'))).toBe(22);
  await remove(away(), 'latest');
});

test('a replica is promoted into a database of its own, with backups from then on', async () => {
  const promotion = { DBInstanceIdentifier: 'standby', BackupRetentionPeriod: 7, PreferredBackupWindow: '04:00-05:00' };
  expect((await away().rds.send(new PromoteReadReplicaCommand(promotion))).DBInstance?.DBInstanceStatus).toBe(
    'modifying',
  );
  const promoted = await away().available('standby');
  expect(promoted).toMatchObject({ BackupRetentionPeriod: 7, PreferredBackupWindow: '04:00-05:00' });
  expect(promoted).not.toHaveProperty('StatusInfos');
  expect(promoted).not.toHaveProperty('ReadReplicaSourceDBInstanceIdentifier');
  expect((await home().describe('orders')).ReadReplicaDBInstanceIdentifiers).toEqual(['reader']);
  await home().query(promoted, 'INSERT INTO rows SELECT generate_series(101, 110)');
  await home().query(orders, 'DELETE FROM rows WHERE n > 20');
  expect([await count(promoted), await count(orders)]).toEqual([32, 20]);
  const restore = {
    SourceDBInstanceIdentifier: 'standby',
    TargetDBInstanceIdentifier: 'later',
    UseLatestRestorableTime: true,
    BackupRetentionPeriod: 0,
  };
  await away().rds.send(new RestoreDBInstanceToPointInTimeCommand(restore));
  expect(await count(await away().available('later'))).toBe(32);
  await remove(away(), 'later');
});

test('what is not a replica, or not available, is not promoted', async () => {
  const promote = (region: LocalRegion, DBInstanceIdentifier: string) =>
    region.rds.send(new PromoteReadReplicaCommand({ DBInstanceIdentifier }));
  await expect(promote(home(), 'orders')).rejects.toThrow('not a read replica');
  await expect(promote(home(), 'none')).rejects.toMatchObject({ name: 'DBInstanceNotFoundFault' });
  await ask(home(), 'second', 'orders');
  await expect(promote(home(), 'second')).rejects.toMatchObject({ name: 'InvalidDBInstanceStateFault' });
  await home().available('second');
  const snapshot = { DBInstanceIdentifier: 'second', DBSnapshotIdentifier: 'of-second' };
  await home().rds.send(new CreateDBSnapshotCommand(snapshot));
  await expect(promote(home(), 'second')).rejects.toMatchObject({ name: 'InvalidDBInstanceStateFault' });
  await home().available('second');
});

test('replicas need backups of their source, which stay on, and take no final snapshot and no password', async () => {
  await home().createDatabase('bare', { BackupRetentionPeriod: 0 });
  await expect(ask(home(), 'x', 'bare')).rejects.toThrow('Automated backups are not enabled');
  await expect(ask(home(), 'x', 'orders', { BackupTarget: 'outposts' })).rejects.toThrow('does not model');
  const modify = (DBInstanceIdentifier: string, more: object) =>
    home().rds.send(new ModifyDBInstanceCommand({ DBInstanceIdentifier, ApplyImmediately: true, ...more }));
  await expect(modify('orders', { BackupRetentionPeriod: 0 })).rejects.toThrow('source of read replicas');
  await expect(modify('second', { MasterUserPassword: 'something-new' })).rejects.toThrow('master password');
  const final = { SkipFinalSnapshot: false, FinalDBSnapshotIdentifier: 'final' };
  await expect(remove(home(), 'second', final)).rejects.toThrow('when deleting a replica instance');
  await remove(home(), 'second');
  expect((await home().describe('orders')).ReadReplicaDBInstanceIdentifiers).toEqual(['reader']);
});

test('a replica of a replica follows on when the one between is promoted', async () => {
  const between = { DBInstanceIdentifier: 'reader', BackupRetentionPeriod: 1, ApplyImmediately: true };
  await home().rds.send(new ModifyDBInstanceCommand(between));
  await home().available('reader');
  const leaf = await replicate(home(), 'leaf', 'reader');
  await home().query(orders, 'INSERT INTO rows VALUES (30)');
  await hasRows(leaf, 21);
  await home().rds.send(new PromoteReadReplicaCommand({ DBInstanceIdentifier: 'reader' }));
  await home().query(await home().available('reader'), 'INSERT INTO rows VALUES (31)');
  await hasRows(leaf, 22);
  await remove(home(), 'leaf');
  await remove(home(), 'reader');
});

test('when a source is deleted, its replicas become databases here, and elsewhere wait to be promoted', async () => {
  await Promise.all([replicate(home(), 'here', 'orders'), replicate(away(), 'there', ORDERS, { KmsKeyId: KEY })]);
  await remove(home(), 'orders');
  const here = await home().available('here');
  expect(here).not.toHaveProperty('ReadReplicaSourceDBInstanceIdentifier');
  await home().query(here, 'INSERT INTO rows VALUES (40)');
  const namesake = await home().createDatabase('orders', { BackupRetentionPeriod: 0 });
  await home().query(namesake, 'CREATE TABLE rows AS SELECT 1 AS n');
  expect(await statusOf(away(), 'there')).toMatchObject({ Normal: false, Status: 'terminated' });
  await away().rds.send(new PromoteReadReplicaCommand({ DBInstanceIdentifier: 'there' }));
  const there = await away().available('there');
  await home().query(there, 'INSERT INTO rows VALUES (40)');
  expect([await count(here), await count(there)]).toEqual([22, 22]);
});

test('fifteen replicas follow a database at most, and one that sticks as it is made can be deleted', async () => {
  home().region.faults.stickRestores({ restores: 15 });
  const name = (index: number) => `reader-${index}`;
  for (let index = 1; index <= 15; index++) await ask(away(), name(index), 'there');
  await expect(ask(away(), name(16), 'there')).rejects.toMatchObject({ name: 'InvalidDBInstanceStateFault' });
  expect(await statusOf(away(), name(1))).toMatchObject({ Normal: false, Status: 'error' });
  await remove(away(), name(1));
  await replicate(away(), name(16), 'there');
});
