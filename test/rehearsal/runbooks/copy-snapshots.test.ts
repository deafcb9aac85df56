/** The shipped copy runbook against two rehearsal regions: a real database's snapshot, restored where it was copied to. */
import {
  CopyDBSnapshotCommand,
  DeleteDBInstanceCommand,
  DescribeDBInstancesCommand,
  DescribeDBSnapshotAttributesCommand,
  DescribeDBSnapshotsCommand,
} from '@aws-sdk/client-rds';
import { GENERIC_CHECKS, type SnapshotCopyDefinition } from '../../../lambda/contract';
import { releaseHold, setHold } from '../../../lambda/runbook/hold';
import { copyRound } from '../../../rehearsal/runbooks/copy-round';
import { DrillSite } from '../../../rehearsal/runbooks/drill-site';
import { ssmClient } from '../../../rehearsal/server/clients';
import { LocalRegion, useRegion } from '../../real/region';

const HOME_KEY = 'arn:aws:kms:eu-central-1:123456789012:key/11111111-1111-1111-1111-111111111111';
const PARTNER = '444455556666';

const home = useRegion();
const away = () => new LocalRegion(home().region, 'us-west-2');
const request: SnapshotCopyDefinition = {
  plan: 'Protection',
  target: 'Orders',
  copy: 'Snapshots',
  source: {
    kind: 'automated',
    region: 'eu-central-1',
    instance: 'orders',
    arn: 'arn:aws:rds:eu-central-1:123456789012:db:orders',
  },
  destination: { region: 'us-west-2', key: 'arn:aws:kms:us-west-2:123456789012:alias/lifeboat-Shop' },
  keepSeconds: 7 * 86_400,
  shareWith: [PARTNER],
};

/** One round, on the real clock, with nothing but the two regions to talk to. */
async function round(changes: Partial<SnapshotCopyDefinition> = {}) {
  const printed: string[] = [];
  const onMetric = (line: string) => printed.push(line);
  const report = await copyRound(home().region, { ...request, ...changes }, { onMetric });
  return { ...report, printed };
}

const copies = async () =>
  (await away().rds.send(new DescribeDBSnapshotsCommand({ SnapshotType: 'manual' }))).DBSnapshots ?? [];

beforeAll(async () => {
  const Tags = [{ Key: 'team', Value: 'shop' }];
  const orders = await home().createDatabase('orders', {
    StorageEncrypted: true,
    KmsKeyId: HOME_KEY,
    CopyTagsToSnapshot: true,
    Tags,
  });
  await home().query(orders, 'CREATE TABLE lines AS SELECT generate_series(1, 42) AS n');
  await home().region.takeAutomatedSnapshot('eu-central-1', 'orders');
});
afterEach(() => home().region.faults.clear());

test('brings automated snapshots of an encrypted database into the other region, tagged, and under its key', async () => {
  const { copied, newest, printed } = await round();
  expect(copied.length).toBeGreaterThan(0);
  for (const copy of await copies()) {
    expect(copy).toMatchObject({ Status: 'available', Encrypted: true, SourceRegion: 'eu-central-1' });
    expect(copy.DBSnapshotIdentifier).toMatch(/^lifeboat-[0-9a-f]{8}-orders-20\d\d(-\d\d){4}/);
    expect(copy.KmsKeyId).toMatch(/^arn:aws:kms:us-west-2:/);
    expect(copy.TagList).toEqual([
      { Key: 'lifeboat:snapshot-of', Value: request.source.arn },
      { Key: 'lifeboat:copied-by', Value: 'Protection/Orders/Snapshots' },
      { Key: 'team', Value: 'shop' },
    ]);
  }
  expect(Date.parse(String(newest))).toBeLessThanOrEqual(Date.now());
  expect(printed).toEqual([expect.stringContaining('SnapshotCopyAge')]);
});

test('copies nothing twice, whatever fails on the way and whosever answer is lost', async () => {
  const { faults } = home().region;
  await home().region.takeAutomatedSnapshot('eu-central-1', 'orders');
  const before = (await copies()).length;
  faults.throttle({ operations: ['DescribeDBSnapshots'], calls: 4 });
  faults.failCalls({ operations: ['CopyDBSnapshot'], calls: 4, afterEffect: true });
  const { copied } = await round();
  expect(copied).toHaveLength(1);
  expect(await copies()).toHaveLength(before + 1);
  expect((await round()).copied).toEqual([]);
});

test('lets the named account copy them on', async () => {
  const [copy] = await copies();
  const { DBSnapshotAttributesResult } = await away().rds.send(
    new DescribeDBSnapshotAttributesCommand({ DBSnapshotIdentifier: copy?.DBSnapshotIdentifier }),
  );
  expect(DBSnapshotAttributesResult?.DBSnapshotAttributes).toEqual([
    { AttributeName: 'restore', AttributeValues: [PARTNER] },
  ]);
});

test('prunes nothing while the database is on hold in the region of the copies, as when its own is down', async () => {
  const ssm = ssmClient(home().region.clients('us-west-2'));
  const target = { kind: 'database', id: 'orders' } as const;
  const since = new Date().toISOString();
  const hold = { reason: 'recovery', by: 'ada', since, until: new Date(Date.now() + 3_600_000).toISOString() };
  await setHold(ssm, target, hold);
  const before = (await copies()).length;
  const { deleted, printed, ...report } = await round({ keepSeconds: 0.001 });
  expect([deleted, report.hold, (await copies()).length]).toEqual([[], hold, before]);
  expect(printed).toContainEqual(expect.stringContaining('HoldAge'));
  expect(await releaseHold(ssm, target)).toBe(true);
});

test('prunes its own, never the newest good one, and no copy that a person made', async () => {
  const [original] = await copies();
  const byHand = {
    SourceDBSnapshotIdentifier: original?.DBSnapshotIdentifier,
    TargetDBSnapshotIdentifier: 'by-hand',
    CopyTags: true,
  };
  await away().rds.send(new CopyDBSnapshotCommand(byHand));
  await away().snapshotAvailable('by-hand');
  const newest = (await round()).newest;
  // All are older than a millisecond.
  const { deleted } = await round({ keepSeconds: 0.001 });
  expect(deleted.length).toBeGreaterThan(0);
  const left = await copies();
  expect(left.map(({ DBSnapshotIdentifier: name }) => name === 'by-hand').sort()).toEqual([false, true]);
  const kept = left.find(({ DBSnapshotIdentifier: name }) => name !== 'by-hand');
  expect(kept?.OriginalSnapshotCreateTime?.toISOString()).toBe(newest);
});

test('a drill there proves what was copied, with the database and its snapshots gone', async () => {
  const gone = { DBInstanceIdentifier: 'orders', SkipFinalSnapshot: true, DeleteAutomatedBackups: true };
  await home().rds.send(new DeleteDBInstanceCommand(gone));
  await home().gone('orders');
  const [kept] = (await copies()).filter(({ DBSnapshotIdentifier: name }) => name !== 'by-hand');
  const site = await DrillSite.build(home().region.clients('us-west-2'));
  const { document } = await site.run({
    plan: 'Protection',
    target: 'Orders',
    drill: 'QuarterlyWest',
    source: { instance: 'orders', copied: { from: request.source.arn, instanceClass: 'db.t3.medium' } },
    restore: { kind: 'latest-snapshot' },
    database: 'shop',
    checks: [...GENERIC_CHECKS, { kind: 'row-count', table: 'lines', atLeast: 42, atMost: 42 }],
    objectives: { rpoSeconds: 86_400, rtoSeconds: 3600 },
  });
  expect(document).toMatchObject({
    findings: [],
    outcome: 'passed',
    source: { instance: 'orders', copiedFrom: request.source.arn },
    restorePoint: { snapshot: kept?.DBSnapshotIdentifier },
    recoveryTime: { met: true },
    recoveryPoint: { met: true },
  });
  expect(document.checks.map(({ outcome }) => outcome)).toEqual(Array(6).fill('passed'));
  expect(await away().rds.send(new DescribeDBInstancesCommand({}))).toMatchObject({ DBInstances: [] });
  // With its source gone, the newest copy stays, although nothing newer will come.
  expect(await round({ keepSeconds: 0.001 })).toMatchObject({ copied: [], deleted: [] });
});
