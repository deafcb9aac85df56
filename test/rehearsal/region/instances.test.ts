import {
  AddTagsToResourceCommand,
  CreateDBSubnetGroupCommand,
  DeleteDBInstanceCommand,
  DescribeDBInstancesCommand,
  DescribeDBSnapshotsCommand,
  ListTagsForResourceCommand,
  ModifyDBInstanceCommand,
  RebootDBInstanceCommand,
  RemoveTagsFromResourceCommand,
} from '@aws-sdk/client-rds';
import { claimAddress } from '../../../rehearsal/machine/address';
import { useRegion } from '../../real/region';

const local = useRegion();
const send: ReturnType<typeof local>['rds']['send'] = ((command: never) => local().rds.send(command)) as never;

test('an instance becomes a database that its master user can log in to', async () => {
  const orders = await local().createDatabase('Orders', { Tags: [{ Key: 'team', Value: 'shop + co' }] });
  expect(orders).toMatchObject({
    DBInstanceIdentifier: 'orders',
    DBInstanceArn: 'arn:aws:rds:eu-central-1:123456789012:db:orders',
    TagList: [{ Key: 'team', Value: 'shop + co' }],
    DBSubnetGroup: { DBSubnetGroupName: 'default' },
  });
  expect(await local().query(orders, 'SELECT current_user AS who')).toEqual([{ who: 'owner' }]);
  await expect(local().query(orders, 'SELECT 1', 'wrong')).rejects.toThrow('password authentication failed');
  expect(await local().events('orders')).toContain('DB instance created');
});

test('a new master password replaces the old one', async () => {
  const { DBInstance } = await send(
    new ModifyDBInstanceCommand({ DBInstanceIdentifier: 'orders', MasterUserPassword: "second-'\\password" }),
  );
  expect(DBInstance).toMatchObject({
    DBInstanceStatus: 'available',
    PendingModifiedValues: { MasterUserPassword: '****' },
  });
  const orders = await local().available('orders');
  await expect(local().query(orders, 'SELECT 1')).rejects.toThrow('password authentication failed');
  await local().query(orders, 'SELECT 1', "second-'\\password");
});

test('changes that wait for maintenance stay pending unless applied immediately', async () => {
  const change = { DBInstanceIdentifier: 'orders', DBInstanceClass: 'db.r6g.large', DeletionProtection: true };
  await send(new ModifyDBInstanceCommand(change));
  const pending = await local().describe('orders');
  expect(pending).toMatchObject({
    DBInstanceClass: 'db.t3.micro',
    DeletionProtection: true,
    PendingModifiedValues: { DBInstanceClass: 'db.r6g.large' },
  });
  await send(new ModifyDBInstanceCommand({ ...change, ApplyImmediately: true }));
  expect((await local().available('orders')).DBInstanceClass).toBe('db.r6g.large');
});

test('an instance is deleted only when it is unprotected and its data is spoken for', async () => {
  const remove = (more: object) => send(new DeleteDBInstanceCommand({ DBInstanceIdentifier: 'orders', ...more }));
  await expect(remove({ SkipFinalSnapshot: true })).rejects.toMatchObject({ name: 'InvalidParameterCombination' });
  await send(new ModifyDBInstanceCommand({ DBInstanceIdentifier: 'orders', DeletionProtection: false }));
  await local().available('orders');
  await expect(remove({})).rejects.toThrow('FinalDBSnapshotIdentifier is required');
  await remove({ FinalDBSnapshotIdentifier: 'orders-last' });
  await expect(remove({ SkipFinalSnapshot: true })).rejects.toMatchObject({ name: 'InvalidDBInstanceStateFault' });
  await local().gone('orders');
  await expect(local().describe('orders')).rejects.toMatchObject({
    name: 'DBInstanceNotFoundFault',
    $metadata: { httpStatusCode: 404 },
  });
  const { DBSnapshots } = await send(new DescribeDBSnapshotsCommand({ DBInstanceIdentifier: 'orders' }));
  // Its automated snapshots went with it; that is RDS's default.
  expect(DBSnapshots).toMatchObject([{ DBSnapshotIdentifier: 'orders-last', Status: 'available' }]);
});

test('a database that takes over a name takes over its address, and keeps its data', async () => {
  const before = await local().createDatabase('live', { BackupRetentionPeriod: 0 });
  const after = await local().createDatabase('recovered', { BackupRetentionPeriod: 0 });
  await local().query(after, 'CREATE TABLE proof AS SELECT 7 AS n');
  const rename = (from: string, to: string) =>
    send(
      new ModifyDBInstanceCommand({ DBInstanceIdentifier: from, NewDBInstanceIdentifier: to, ApplyImmediately: true }),
    );
  await expect(rename('recovered', 'live')).rejects.toMatchObject({ name: 'DBInstanceAlreadyExistsFault' });
  await rename('live', 'live-old');
  await until(() => local().region.instances(local().name).includes('live-old'));
  const { Address: host, Port: port } = before.Endpoint!;
  // Another rehearsal on this machine looks for an address at the worst moment.
  const other = await claimAddress({ host: host!, port: port! });
  await rename('recovered', 'live');
  await until(() => local().region.instances(local().name).includes('live'));
  const live = await local().available('live');
  await other.release();
  if (process.platform === 'linux') expect(live.Endpoint).toEqual(before.Endpoint);
  expect(await local().query(live, 'SELECT n FROM proof')).toEqual([{ n: 7 }]);
  expect(live.DbiResourceId).toBe(after.DbiResourceId);
});

test('a reboot is one, and keeps the data', async () => {
  const live = await local().describe('live');
  const started = () => local().query<{ at: Date }>(live, 'SELECT pg_postmaster_start_time() AS at');
  const [before] = await started();
  await send(new RebootDBInstanceCommand({ DBInstanceIdentifier: 'live' }));
  await expect(send(new RebootDBInstanceCommand({ DBInstanceIdentifier: 'live' }))).rejects.toMatchObject({
    name: 'InvalidDBInstanceStateFault',
  });
  await local().available('live');
  const [after] = await started();
  expect(after!.at.getTime()).toBeGreaterThan(before!.at.getTime());
});

test('tags are added, replaced and removed', async () => {
  const ResourceName = (await local().describe('live')).DBInstanceArn!;
  await send(
    new AddTagsToResourceCommand({
      ResourceName,
      Tags: [
        { Key: 'a', Value: '1' },
        { Key: 'b', Value: '2 = zwei' },
      ],
    }),
  );
  await send(new AddTagsToResourceCommand({ ResourceName, Tags: [{ Key: 'a', Value: '3' }] }));
  const list = await send(new ListTagsForResourceCommand({ ResourceName }));
  expect(list.TagList).toEqual([
    { Key: 'a', Value: '3' },
    { Key: 'b', Value: '2 = zwei' },
  ]);
  await send(new RemoveTagsFromResourceCommand({ ResourceName, TagKeys: ['a'] }));
  expect((await local().describe('live')).TagList).toEqual([{ Key: 'b', Value: '2 = zwei' }]);
});

test('lists come in pages that lose and repeat nothing', async () => {
  const { CreateDBParameterGroupCommand, DescribeDBParameterGroupsCommand } = await import('@aws-sdk/client-rds');
  const names = Array.from({ length: 44 }, (_, index) => `group-${String(index).padStart(2, '0')}`);
  for (const DBParameterGroupName of names) {
    const more = { DBParameterGroupFamily: 'postgres17', Description: 'test' };
    await send(new CreateDBParameterGroupCommand({ DBParameterGroupName, ...more }));
  }
  const seen: string[] = [];
  const sizes: number[] = [];
  let Marker: string | undefined;
  do {
    const answer = await send(new DescribeDBParameterGroupsCommand({ MaxRecords: 20, Marker }));
    sizes.push(answer.DBParameterGroups!.length);
    seen.push(...answer.DBParameterGroups!.map(({ DBParameterGroupName }) => DBParameterGroupName!));
    Marker = answer.Marker;
  } while (Marker);
  expect(sizes).toEqual([20, 20, 5]);
  expect(seen).toEqual(['default.postgres17', ...names]);
  await expect(send(new DescribeDBInstancesCommand({ MaxRecords: 10 }))).rejects.toThrow('MaxRecords');
});

test('groups that do not exist are refused, as are names that are taken or malformed', async () => {
  const create = (id: string, more: object) => local().createDatabase(id, more);
  await expect(create('a', { DBSubnetGroupName: 'none' })).rejects.toMatchObject({
    name: 'DBSubnetGroupNotFoundFault',
  });
  await expect(create('a', { DBParameterGroupName: 'none' })).rejects.toMatchObject({
    name: 'DBParameterGroupNotFoundFault',
  });
  await expect(create('LIVE', {})).rejects.toMatchObject({ name: 'DBInstanceAlreadyExistsFault' });
  await expect(create('two--hyphens', {})).rejects.toThrow('not a valid identifier');
  await expect(create('a', { MasterUserPassword: 'short' })).rejects.toThrow('not a valid password');
  const group = { DBSubnetGroupName: 'Isolated', DBSubnetGroupDescription: 'd', SubnetIds: ['subnet-1', 'subnet-2'] };
  await send(new CreateDBSubnetGroupCommand(group));
  await expect(send(new CreateDBSubnetGroupCommand(group))).rejects.toMatchObject({
    name: 'DBSubnetGroupAlreadyExistsFault',
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}
