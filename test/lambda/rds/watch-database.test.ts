/** The watch on a database's own backups, against the rehearsal region, and where RDS answers with less. */
import {
  CreateDBSnapshotCommand,
  DescribeDBInstancesCommand,
  DescribeDBSnapshotsCommand,
  ModifyDBInstanceCommand,
  RDSClient,
} from '@aws-sdk/client-rds';
import { watchDatabase } from '../../../lambda/rds/watch-database';
import { useRegion } from '../../real/region';
import { SimulatedParameters } from '../../simulated/parameters';

const local = useRegion();
const HOUR = 3600;

/** What is published, by name. */
async function said(
  rds: RDSClient,
  at = Date.now(),
  instance = 'orders',
  parameters = new SimulatedParameters(),
): Promise<Record<string, number>> {
  const lines: Record<string, unknown>[] = [];
  await watchDatabase(
    { rds, ssm: parameters.client('us-east-1') },
    (line) => lines.push(JSON.parse(line)),
    () => at,
  )({ instance });
  return Object.fromEntries(
    lines.map(({ _aws, Database, ...metric }) => {
      expect(Database).toBe(instance);
      return Object.entries(metric)[0] as [string, number];
    }),
  );
}

describe('in the rehearsal region', () => {
  beforeAll(async () => {
    await local().createDatabase('orders', { BackupRetentionPeriod: 14 });
    while (!(await local().describe('orders')).LatestRestorableTime) await new Promise((done) => setTimeout(done, 50));
  });

  test('says how old the newest moment and the newest snapshot are, and how long RDS keeps them', async () => {
    const metrics = await said(local().rds, Date.now() + 2 * HOUR * 1000);
    expect(metrics.BackupRetention).toBe(14);
    expect(metrics.RecoveryPointAge).toBeGreaterThan(2 * HOUR - 60);
    expect(metrics.SnapshotAge).toBeGreaterThan(2 * HOUR - 60);
  });

  test('takes no snapshot of a person for the one of a night', async () => {
    const before = await said(local().rds, Date.now() + 2 * HOUR * 1000);
    const id = { DBInstanceIdentifier: 'orders', DBSnapshotIdentifier: 'by-hand' };
    await local().rds.send(new CreateDBSnapshotCommand(id));
    await local().snapshotAvailable('by-hand');
    const after = await said(local().rds, Date.now() + 2 * HOUR * 1000);
    expect(after.SnapshotAge).toBeGreaterThanOrEqual(before.SnapshotAge as number);
  });

  test('publishes 0 days, and no age, once backups are switched off', async () => {
    const off = { DBInstanceIdentifier: 'orders', BackupRetentionPeriod: 0, ApplyImmediately: true };
    await local().rds.send(new ModifyDBInstanceCommand(off));
    await local().available('orders');
    expect(await said(local().rds)).toEqual({ BackupRetention: 0 });
  });

  test('fails for a database that is not there, so that silence rings', async () => {
    await expect(said(local().rds, Date.now(), 'other')).rejects.toThrow(/other/);
  });
});

describe('where RDS answers in pages, in no order', () => {
  const taken = (daysAgo: number, Status = 'available') => ({
    Status,
    SnapshotCreateTime: new Date(Date.UTC(2026, 10, 20) - daysAgo * 86_400_000),
  });
  function answering(...pages: ReturnType<typeof taken>[][]): RDSClient {
    const rds = new RDSClient({ region: 'us-east-1' });
    rds.send = async (command: object) => {
      if (command instanceof DescribeDBInstancesCommand) return { DBInstances: [{ BackupRetentionPeriod: 7 }] };
      if (!(command instanceof DescribeDBSnapshotsCommand)) throw new Error('not asked for');
      const page = Number(command.input.Marker ?? 0);
      return { DBSnapshots: pages[page], Marker: page + 1 < pages.length ? String(page + 1) : undefined };
    };
    return rds;
  }
  const today = Date.UTC(2026, 10, 20);

  test('finds the newest that is available', async () => {
    const rds = answering([taken(3), taken(1)], [taken(0, 'creating'), taken(2)]);
    expect(await said(rds, today)).toEqual({ BackupRetention: 7, SnapshotAge: 86_400 });
  });

  test('says how old the hold on the database is, for as long as it is in force', async () => {
    const parameters = new SimulatedParameters();
    const hold = { reason: 'x', by: 'ada', since: '2026-11-11T00:00:00Z', until: '2026-11-21T00:00:00Z' };
    parameters.hold('us-east-1', { kind: 'database', id: 'orders' }, hold);
    const on = (at: number) => said(answering([]), at, 'orders', parameters);
    expect(await on(today)).toEqual({ BackupRetention: 7, HoldAge: 9 * 86_400 });
    expect(await on(Date.parse(hold.until))).toEqual({ BackupRetention: 7 });
  });

  test('says how old an open recovery is, too', async () => {
    const parameters = new SimulatedParameters();
    parameters.recover('us-east-1', { kind: 'database', id: 'orders' });
    const at = Date.UTC(2026, 10, 21, 3);
    expect(await said(answering([]), at, 'orders', parameters)).toEqual({ BackupRetention: 7, HoldAge: 86_400 });
  });

  test('fails where nobody can say whether it is on hold', async () => {
    const parameters = new SimulatedParameters();
    parameters.refuses.set('us-east-1', 'AccessDeniedException');
    await expect(said(answering([taken(1)]), today, 'orders', parameters)).rejects.toThrow(/AccessDenied/);
  });

  test('publishes no age of a snapshot where there is none, so that silence rings', async () => {
    expect(await said(answering([taken(0, 'failed')]), today)).toEqual({ BackupRetention: 7 });
  });
});
