import {
  type DBInstance,
  DeleteDBInstanceCommand,
  DescribeDBInstancesCommand,
  RestoreDBInstanceFromDBSnapshotCommand,
  RestoreDBInstanceToPointInTimeCommand,
} from '@aws-sdk/client-rds';
import { useRegion } from '../../real/region';
import { sendSigned } from '../../real/signed-request';

const local = useRegion();
const send: ReturnType<typeof local>['rds']['send'] = ((command: never) => local().rds.send(command)) as never;
const region = () => local().region;

let orders: DBInstance;
let snapshot: string;
beforeAll(async () => {
  orders = await local().createDatabase('orders');
  await local().query(orders, 'CREATE TABLE lines (n int PRIMARY KEY, note text)');
  await local().query(orders, "INSERT INTO lines SELECT n, repeat('x', 100) FROM generate_series(1, 20000) n");
  await local().query(orders, 'VACUUM ANALYZE lines');
  snapshot = await region().takeAutomatedSnapshot(local().name, 'orders');
});
afterEach(() => region().faults.clear());

const restore = (DBInstanceIdentifier: string) =>
  send(
    new RestoreDBInstanceFromDBSnapshotCommand({
      DBInstanceIdentifier,
      DBSnapshotIdentifier: snapshot,
      BackupRetentionPeriod: 0,
    }),
  );

test('a corrupt page is found by reading the table, and not by counting it', async () => {
  const damage = await region().corruptPage({ region: local().name, snapshot, table: 'lines' });
  expect(damage).toMatchObject({ database: 'shop', table: 'public.lines', countSucceeds: true });
  await restore('corrupt');
  const corrupt = await local().available('corrupt');
  expect(await local().query(corrupt, 'SELECT count(*)::int AS n FROM lines')).toEqual([{ n: 20_000 }]);
  const readAll = 'SELECT max(note) FROM lines';
  await expect(local().query(corrupt, readAll)).rejects.toThrow(`invalid page in block ${damage.block} of relation`);
  // The database that the snapshot was taken from is as it was.
  await local().query(orders, readAll);
});

test('zeroed pages are found by no read: rows are missing without an error, and counting says that they are there', async () => {
  const other = await region().takeAutomatedSnapshot(local().name, 'orders');
  const at = { region: local().name, snapshot: other, table: 'lines' };
  expect((await region().zeroPages(at, 3)).blocks).toHaveLength(3);
  await send(
    new RestoreDBInstanceFromDBSnapshotCommand({
      DBInstanceIdentifier: 'zeroed',
      DBSnapshotIdentifier: other,
      BackupRetentionPeriod: 0,
    }),
  );
  const zeroed = await local().available('zeroed');
  expect(await local().query(zeroed, 'SELECT count(*)::int AS n FROM lines')).toEqual([{ n: 20_000 }]);
  const [read] = await local().query<{ n: number }>(zeroed, 'SELECT count(note)::int AS n FROM lines');
  expect(read?.n).toBeLessThan(20_000);
  await expect(region().zeroPages(at, 1_000_000)).rejects.toThrow(/pages that are marked all-visible/);
});

test('damage to a table that is not in the snapshot is refused with those that are', async () => {
  const at = { region: local().name, snapshot, table: 'absent' };
  await expect(region().corruptPage(at)).rejects.toThrow(/no table public\.absent.*shop: public\.lines/);
});

test('a lost WAL segment makes a point in time unrecoverable, and the restore says so', async () => {
  await local().query(orders, "INSERT INTO lines SELECT n, repeat('y', 1000) FROM generate_series(20001, 30000) n");
  const segment = await region().loseWalSegment(local().name, 'orders');
  expect(segment).toMatch(/^[0-9A-F]{24}$/);
  await send(
    new RestoreDBInstanceToPointInTimeCommand({
      SourceDBInstanceIdentifier: 'orders',
      TargetDBInstanceIdentifier: 'incomplete',
      UseLatestRestorableTime: true,
      BackupRetentionPeriod: 0,
    }),
  );
  await expect(local().available('incomplete')).rejects.toThrow(
    /incompatible-restore.*recovery ended before configured recovery target was reached/,
  );
});

test('a restore that sticks stays creating, and can be deleted', async () => {
  region().faults.stickRestores();
  await restore('stuck');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const stuck = await local().describe('stuck');
  expect(stuck.DBInstanceStatus).toBe('creating');
  expect(stuck.Endpoint).toBeUndefined();
  await send(new DeleteDBInstanceCommand({ DBInstanceIdentifier: 'stuck', SkipFinalSnapshot: true }));
  await local().gone('stuck');
});

test('a restore that fails ends in the status asked for, and the next one works', async () => {
  region().faults.failRestores({ status: 'incompatible-network' });
  await restore('failing');
  await expect(local().available('failing')).rejects.toThrow('incompatible-network');
  await restore('working');
  await local().available('working');
});

test('throttled calls are told so as RDS does, and pass once it is over', async () => {
  region().faults.throttle({ calls: 2, operations: ['DescribeDBInstances'] });
  const started = Date.now();
  // The SDK's own retries get over two of them.
  await send(new DescribeDBInstancesCommand({}));
  expect(Date.now() - started).toBeGreaterThan(50);
  region().faults.throttle({ operations: ['DescribeDBInstances'] });
  await expect(send(new DescribeDBInstancesCommand({}))).rejects.toMatchObject({
    name: 'Throttling',
    $metadata: { httpStatusCode: 400 },
  });
});

test('a share of calls fails as when AWS is ill, whether or not they took effect', async () => {
  region().faults.failCalls({ status: 500, calls: 3, operations: ['DeleteDBInstance'], afterEffect: true });
  const remove = new DeleteDBInstanceCommand({ DBInstanceIdentifier: 'working', SkipFinalSnapshot: true });
  await expect(send(remove)).rejects.toBeDefined();
  await local().gone('working');
  region().faults.clear();
  region().faults.failCalls({ share: 0.5 });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 60 }, () =>
      sendSigned(
        region(),
        { region: local().name, service: 'rds' },
        { method: 'POST', body: 'Action=DescribeDBInstances&Version=2014-10-31' },
      ).then(({ status }) => status),
    ),
  );
  const statuses = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : outcome.reason));
  expect(new Set(statuses)).toEqual(new Set([200, 503]));
});

test('calls lag as long as they were told to', async () => {
  region().faults.delayCalls({ milliseconds: 300, calls: 1 });
  const started = Date.now();
  await send(new DescribeDBInstancesCommand({}));
  expect(Date.now() - started).toBeGreaterThanOrEqual(295);
});
