import { rmSync } from 'node:fs';
import {
  type DBInstance,
  DeleteDBInstanceAutomatedBackupCommand,
  DeleteDBInstanceCommand,
  DescribeDBInstanceAutomatedBackupsCommand,
  type DescribeDBInstanceAutomatedBackupsCommandInput,
  ModifyDBInstanceCommand,
  RestoreDBInstanceToPointInTimeCommand,
  type RestoreDBInstanceToPointInTimeCommandInput,
  StartDBInstanceAutomatedBackupsReplicationCommand,
  type StartDBInstanceAutomatedBackupsReplicationCommandInput,
  StopDBInstanceAutomatedBackupsReplicationCommand,
} from '@aws-sdk/client-rds';
import { runFolder } from '../../../rehearsal/machine/workspace';
import { backupOperations } from '../../../rehearsal/rds/backup-operations';
import { Instance } from '../../../rehearsal/rds/instance';
import { newSettings } from '../../../rehearsal/rds/instance-settings';
import { RdsRegion } from '../../../rehearsal/rds/region-state';
import { DrillSite } from '../../../rehearsal/runbooks/drill-site';
import { World } from '../../../rehearsal/server/world';
import { LocalRegion, useRegion } from '../../real/region';

const KEY = 'arn:aws:kms:us-west-2:123456789012:key/22222222-2222-2222-2222-222222222222';
const SETTINGS = { Engine: 'postgres', MasterUsername: 'owner' };
const home = useRegion();
const away = () => new LocalRegion(home().region, 'us-west-2');
const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const arnOf = (name: string) => `arn:aws:rds:eu-central-1:123456789012:db:${name}`;

const start = async (name: string, more: Partial<StartDBInstanceAutomatedBackupsReplicationCommandInput> = {}) => {
  const input = { SourceDBInstanceArn: arnOf(name), ...more };
  return (await away().rds.send(new StartDBInstanceAutomatedBackupsReplicationCommand(input)))
    .DBInstanceAutomatedBackup!;
};
const stop = async (name: string) => {
  const command = new StopDBInstanceAutomatedBackupsReplicationCommand({ SourceDBInstanceArn: arnOf(name) });
  return (await away().rds.send(command)).DBInstanceAutomatedBackup!;
};
const backups = async (region: LocalRegion, input: DescribeDBInstanceAutomatedBackupsCommandInput) =>
  (await region.rds.send(new DescribeDBInstanceAutomatedBackupsCommand(input))).DBInstanceAutomatedBackups!;
const replicating = async (DBInstanceIdentifier: string) => {
  for (;;) {
    const [backup] = await backups(away(), { DBInstanceIdentifier });
    if (backup!.Status === 'replicating' && backup!.RestoreWindow?.LatestTime) return backup!;
    await sleep(20);
  }
};
const restore = async (name: string, more: Partial<RestoreDBInstanceToPointInTimeCommandInput>) => {
  const input = { TargetDBInstanceIdentifier: name, BackupRetentionPeriod: 0, ...more };
  await away().rds.send(new RestoreDBInstanceToPointInTimeCommand(input));
  return away().available(name);
};
const remove = async (region: LocalRegion, DBInstanceIdentifier: string) => {
  await region.rds.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier, SkipFinalSnapshot: true }));
  await region.gone(DBInstanceIdentifier);
};
const count = async (instance: DBInstance) =>
  (await away().query<{ n: number }>(instance, 'SELECT count(*)::int AS n FROM rows'))[0]!.n;

let orders: DBInstance;
let arn: string;
beforeAll(async () => {
  orders = await home().createDatabase('orders', {
    StorageEncrypted: true,
    Tags: [{ Key: 'team', Value: 'shop' }],
  });
  await home().query(orders, 'CREATE TABLE rows AS SELECT generate_series(1, 10) AS n');
  const begun = await start('orders', { KmsKeyId: KEY, BackupRetentionPeriod: 14 });
  expect(begun).toMatchObject({ Status: 'pending', BackupRetentionPeriod: 14, KmsKeyId: KEY, Region: 'eu-central-1' });
  arn = begun.DBInstanceAutomatedBackupsArn!;
});

test('replicated backups are told in both regions', async () => {
  expect(arn).toMatch(/^arn:aws:rds:us-west-2:123456789012:auto-backup:ab-/);
  const replicated = { DBInstanceAutomatedBackupsArn: arn };
  expect(await replicating('orders')).toMatchObject({
    ...replicated,
    DbiResourceId: orders.DbiResourceId,
    DBInstanceArn: arnOf('orders'),
    Encrypted: true,
  });
  expect(await backups(away(), replicated)).toHaveLength(1);
  const [own] = await backups(home(), { DBInstanceIdentifier: 'orders' });
  expect(own).toMatchObject({ Status: 'active', DBInstanceAutomatedBackupsReplications: [replicated] });
  expect((await home().describe('orders')).DBInstanceAutomatedBackupsReplications).toEqual([replicated]);
});

test('any moment since then restores in the other region, under its key and without tags', async () => {
  await sleep(1100);
  const query = 'SELECT date_trunc($$second$$, now()) AS now';
  const [{ now }] = (await home().query<{ now: Date }>(orders, query)) as [{ now: Date }];
  await sleep(20);
  await home().query(orders, 'INSERT INTO rows SELECT generate_series(11, 30)');
  const source = { SourceDBInstanceAutomatedBackupsArn: arn };
  const [then, last] = await Promise.all([
    restore('then', { ...source, RestoreTime: now }),
    restore('last', { ...source, UseLatestRestorableTime: true }),
  ]);
  expect([await count(then), await count(last)]).toEqual([10, 30]);
  expect(last).toMatchObject({ KmsKeyId: KEY, AvailabilityZone: 'us-west-2a', TagList: [] });
  await expect(restore('x', { ...source, RestoreTime: new Date(Date.now() + 60_000) })).rejects.toThrow('later than');
  await Promise.all([remove(away(), 'then'), remove(away(), 'last')]);
});

test('backups taken later come over too, and do not depend on those they were copied from', async () => {
  await home().region.takeAutomatedSnapshot('eu-central-1', 'orders');
  const input = { DBInstanceIdentifier: 'orders', BackupRetentionPeriod: 0, ApplyImmediately: true };
  await home().query(orders, 'INSERT INTO rows VALUES (31)');
  await replicating('orders');
  await home().rds.send(new ModifyDBInstanceCommand(input)); // drops the automated snapshots at home
  await home().available('orders');
  const back = await restore('back', { SourceDBInstanceAutomatedBackupsArn: arn, UseLatestRestorableTime: true });
  expect(await count(back)).toBe(31);
  await remove(away(), 'back');
  await home().rds.send(new ModifyDBInstanceCommand({ ...input, BackupRetentionPeriod: 7 }));
  await home().available('orders');
});

test('what was replicated outlives the database and its backups, and a drill there proves it', async () => {
  const doomed = await home().createDatabase('doomed');
  const { DBInstanceAutomatedBackupsArn: doomedArn } = await start('doomed');
  await replicating('doomed');
  await home().query(doomed, 'CREATE TABLE rows AS SELECT generate_series(1, 5) AS n');
  // RDS restores whole seconds that lie before the latest restorable time.
  await sleep(2000);
  await remove(home(), 'doomed');
  expect(await backups(home(), { DbiResourceId: doomed.DbiResourceId })).toEqual([]);
  expect(await backups(away(), { Filters: [{ Name: 'status', Values: ['retained'] }] })).toMatchObject([
    { DBInstanceIdentifier: 'doomed', BackupRetentionPeriod: 7, DBInstanceArn: arnOf('doomed') },
  ]);
  const site = await DrillSite.build(home().region.clients('us-west-2'));
  const { document } = await site.run({
    plan: 'Protection',
    target: 'Doomed',
    drill: 'QuarterlyWest',
    source: { instance: 'doomed', copied: { from: arnOf('doomed'), instanceClass: 'db.t3.medium' } },
    restore: { kind: 'latest' },
    database: 'shop',
    checks: [{ kind: 'readable' }, { kind: 'row-count', table: 'rows', atLeast: 5, atMost: 5 }],
    objectives: { rpoSeconds: 300, rtoSeconds: 3600 },
  });
  expect(document).toMatchObject({ findings: [], outcome: 'passed', source: { copiedFrom: arnOf('doomed') } });
  const restored = { SourceDBInstanceAutomatedBackupsArn: doomedArn, UseLatestRestorableTime: true };
  const deletion = new DeleteDBInstanceAutomatedBackupCommand({ DBInstanceAutomatedBackupsArn: doomedArn });
  await away().rds.send(deletion);
  await expect(away().rds.send(deletion)).rejects.toMatchObject({ name: 'DBInstanceAutomatedBackupNotFoundFault' });
  await expect(restore('x', restored)).rejects.toMatchObject({ name: 'DBInstanceAutomatedBackupNotFoundFault' });
});

test('stopping keeps what came over; going on needs the same key', async () => {
  const deletion = new DeleteDBInstanceAutomatedBackupCommand({ DBInstanceAutomatedBackupsArn: arn });
  await expect(away().rds.send(deletion)).rejects.toMatchObject({
    name: 'InvalidDBInstanceAutomatedBackupStateFault',
  });
  expect(await stop('orders')).toMatchObject({ Status: 'replicating' });
  await expect(stop('orders')).rejects.toMatchObject({ name: 'InvalidDBInstanceStateFault' });
  expect(await backups(away(), { DBInstanceAutomatedBackupsArn: arn })).toMatchObject([{ Status: 'retained' }]);
  expect((await home().describe('orders')).DBInstanceAutomatedBackupsReplications).toEqual([]);
  await expect(start('orders', { KmsKeyId: 'alias/other' })).rejects.toMatchObject({
    name: 'InvalidDBInstanceAutomatedBackupStateFault',
  });
  await home().query(orders, 'INSERT INTO rows VALUES (32)');
  expect(await start('orders', { KmsKeyId: KEY })).toMatchObject({ DBInstanceAutomatedBackupsArn: arn });
  await replicating('orders');
  const last = await restore('last', { SourceDBInstanceAutomatedBackupsArn: arn, UseLatestRestorableTime: true });
  expect(await count(last)).toBe(32);
  await remove(away(), 'last');
});

test('what RDS would not replicate is refused', async () => {
  const refused = (more: Partial<StartDBInstanceAutomatedBackupsReplicationCommandInput>, name = 'fresh') =>
    start(name, { KmsKeyId: KEY, ...more });
  await home().createDatabase('fresh', { StorageEncrypted: true });
  await home().createDatabase('bare', { BackupRetentionPeriod: 0 });
  await expect(refused({ KmsKeyId: undefined })).rejects.toThrow('Encrypted instances require a valid KMS key ID');
  const foreign = KEY.replace('us-west-2', 'eu-central-1');
  await expect(refused({ KmsKeyId: foreign })).rejects.toMatchObject({ name: 'KMSKeyNotAccessibleFault' });
  await expect(refused({ BackupRetentionPeriod: 36 })).rejects.toThrow('1 to 35');
  await expect(refused({ BackupRetentionPeriod: 0 })).rejects.toThrow('1 to 35');
  await expect(refused({ KmsKeyId: undefined }, 'bare')).rejects.toMatchObject({ name: 'InvalidDBInstanceStateFault' });
  await expect(refused({}, 'none')).rejects.toMatchObject({ name: 'DBInstanceNotFoundFault' });
  await expect(refused({}, 'orders')).rejects.toMatchObject({ name: 'InvalidDBInstanceAutomatedBackupStateFault' });
  const here = new StartDBInstanceAutomatedBackupsReplicationCommand({ SourceDBInstanceArn: arnOf('fresh') });
  await expect(home().rds.send(here)).rejects.toThrow('another region');
  expect(await refused({ BackupRetentionPeriod: 35 })).toMatchObject({ BackupRetentionPeriod: 35 });
});

test('twenty databases may be replicated into a region', async () => {
  // Without servers: twenty of them would take a while, and only their number counts here.
  const world = new World(runFolder(), 0, { instances: 30, snapshots: 30 });
  const regions = new Map<string, RdsRegion>();
  for (const name of ['eu-central-1', 'us-west-2']) regions.set(name, new RdsRegion(name, world, regions, '17.4'));
  const [from, to] = [regions.get('eu-central-1')!, regions.get('us-west-2')!];
  const instances = Array.from({ length: 21 }, (_, index) => {
    const settings = newSettings(from, { DBInstanceIdentifier: '', DBInstanceClass: 'db.t3.micro', ...SETTINGS });
    const instance = new Instance(from, `db-${index + 1}`, settings, []);
    instance.states.enter('available');
    return instance;
  });
  const run = (name: string, SourceDBInstanceArn: string) =>
    backupOperations.find((operation) => operation.name === name)!.run(to, { SourceDBInstanceArn });
  const startOne = (SourceDBInstanceArn: string) =>
    run('StartDBInstanceAutomatedBackupsReplication', SourceDBInstanceArn);
  for (const instance of instances.slice(0, 20)) await startOne(instance.arn);
  await expect(startOne(instances[20]!.arn)).rejects.toMatchObject({
    name: 'DBInstanceAutomatedBackupQuotaExceededFault',
  });
  await run('StopDBInstanceAutomatedBackupsReplication', instances[0]!.arn);
  await startOne(instances[20]!.arn);
  await world.close();
  rmSync(world.folder, { recursive: true });
});
