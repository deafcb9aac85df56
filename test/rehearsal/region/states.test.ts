import {
  CreateDBInstanceCommand,
  CreateDBSnapshotCommand,
  DeleteDBInstanceCommand,
  DescribeDBInstancesCommand,
  DescribeDBSnapshotsCommand,
} from '@aws-sdk/client-rds';
import { MASTER, useRegion } from '../../real/region';

const PACE = 300;
const local = useRegion({ pacing: PACE, maxInstances: 1, maxSnapshots: 3 });
const create = (DBInstanceIdentifier: string) =>
  local().rds.send(
    new CreateDBInstanceCommand({
      DBInstanceIdentifier,
      Engine: 'postgres',
      DBInstanceClass: 'db.t3.micro',
      MasterUsername: MASTER.user,
      MasterUserPassword: MASTER.password,
    }),
  );

/** The states an instance is seen in, until it is in the last one or gone. */
async function statesUntil(last: string): Promise<string[]> {
  const seen: string[] = [];
  for (;;) {
    const { DBInstances } = await local().rds.send(new DescribeDBInstancesCommand({}));
    const state = DBInstances![0]?.DBInstanceStatus ?? 'gone';
    if (seen.at(-1) !== state) seen.push(state);
    if (state === last) return seen;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('states follow each other as on RDS, each for as long as the pace says', async () => {
  const started = Date.now();
  const { DBInstance } = await create('orders');
  expect(DBInstance).toMatchObject({ DBInstanceStatus: 'creating' });
  expect(DBInstance).not.toHaveProperty('Endpoint');
  expect(await statesUntil('available')).toEqual(['creating', 'backing-up', 'available']);
  expect(Date.now() - started).toBeGreaterThanOrEqual(2 * PACE);
  const snapshot = { DBInstanceIdentifier: 'orders', DBSnapshotIdentifier: 'manual' };
  const { DBSnapshot } = await local().rds.send(new CreateDBSnapshotCommand(snapshot));
  expect(DBSnapshot).toMatchObject({ Status: 'creating', PercentProgress: 0 });
  await expect(
    local().rds.send(new CreateDBSnapshotCommand({ ...snapshot, DBSnapshotIdentifier: 'early' })),
  ).rejects.toMatchObject({ name: 'InvalidDBInstanceStateFault' });
  const begun = Date.now();
  expect(await statesUntil('available')).toEqual(['backing-up', 'available']);
  expect(Date.now() - begun).toBeGreaterThanOrEqual(PACE - 50);
  const { DBSnapshots } = await local().rds.send(new DescribeDBSnapshotsCommand({ SnapshotType: 'manual' }));
  expect(DBSnapshots).toMatchObject([{ Status: 'available', PercentProgress: 100 }]);
});

test('it holds no more than it was told to', async () => {
  await expect(create('second')).rejects.toMatchObject({ name: 'InstanceQuotaExceededFault' });
  const snapshot = { DBInstanceIdentifier: 'orders', DBSnapshotIdentifier: 'third' };
  await local().rds.send(new CreateDBSnapshotCommand(snapshot));
  await local().snapshotAvailable('third');
  const another = { DBInstanceIdentifier: 'orders', DBSnapshotIdentifier: 'fourth' };
  await expect(local().rds.send(new CreateDBSnapshotCommand(another))).rejects.toMatchObject({
    name: 'SnapshotQuotaExceededFault',
  });
});

test('a deleted instance is deleting, then gone', async () => {
  const command = new DeleteDBInstanceCommand({ DBInstanceIdentifier: 'orders', SkipFinalSnapshot: true });
  expect((await local().rds.send(command)).DBInstance?.DBInstanceStatus).toBe('deleting');
  expect(await statesUntil('gone')).toEqual(['deleting', 'gone']);
});
