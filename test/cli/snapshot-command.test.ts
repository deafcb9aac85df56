/** `lifeboat snapshot` as a user runs it: the bundled command in a process of its own, against a rehearsal region. */

import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CreateDBSnapshotCommand, DescribeDBSnapshotsCommand, type RDSClient } from '@aws-sdk/client-rds';
import { applyBackupSettings } from '../../lambda/rds/apply-backup-settings';
import { snapshotByHand, snapshotRequest } from '../../lambda/rds/snapshot-from-terminal';
import { takeSnapshot } from '../../lambda/rds/take-snapshot';
import type { Runbook } from '../../lambda/runbook/runbook';
import { TerminalRunbook } from '../../lambda/runbook/terminal-runbook';
import { ssmClient } from '../../rehearsal/server/clients';
import { useRegion } from '../real/region';
import { lifeboat as command } from './command';

const local = useRegion();
beforeAll(() => local().createDatabase('orders', { Tags: [{ Key: 'team', Value: 'shop' }] }));

const lifeboat = (args: readonly string[], env?: NodeJS.ProcessEnv, interruptAt?: RegExp) =>
  command(['snapshot', ...args], env, interruptAt);
const here = () => ['--endpoint', local().region.endpoint, '--region', local().name];
const exported = () => {
  const { accessKeyId, secretAccessKey } = local().region.keys;
  return { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
};
const clients = () => ({ rds: local().rds, ssm: ssmClient(local().region.clients(local().name)) });
const about = ['--reason', 'pre-deployment', '--deployment', 'v1.4.2'];
const tagsOf = async (name: string) => {
  const { DBSnapshots } = await local().rds.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: name }));
  return Object.fromEntries(DBSnapshots?.[0]?.TagList?.map(({ Key, Value }) => [Key, Value]) ?? []);
};
const manual = async () => {
  const query = { DBInstanceIdentifier: 'orders', SnapshotType: 'manual' };
  const { DBSnapshots = [] } = await local().rds.send(new DescribeDBSnapshotsCommand(query));
  return DBSnapshots.map(({ DBSnapshotIdentifier }) => String(DBSnapshotIdentifier)).sort();
};

test('prints the identifier of a snapshot that is available, alone on standard output', async () => {
  // A real profile lies around: with an endpoint it stays out of it.
  const env = { ...exported(), AWS_PROFILE: 'production' };
  const { code, out, err } = await lifeboat(['orders', ...about, ...here()], env);
  expect([code, out]).toEqual([0, expect.stringMatching(/^lifeboat-before-orders-v1-4-2-[0-9a-f]{12}\n$/)]);
  expect(err).toContain("of database 'orders' in eu-central-1");
  expect(err).toContain('wait until it is available: available');
  await local().snapshotAvailable(out.trim());
  expect(await tagsOf(out.trim())).toMatchObject({
    Reason: 'pre-deployment',
    DeploymentVersion: 'v1.4.2',
    'lifeboat:before-deployment-of': 'orders',
    'lifeboat:keep': 'forever',
  });
});

test("finds the user's own credentials, region and endpoint as the SDK always does", async () => {
  const { code, out } = await lifeboat(['ORDERS', ...about], {
    ...exported(),
    AWS_REGION: local().name,
    AWS_ENDPOINT_URL_RDS: local().region.endpoint,
  });
  expect(code).toBe(0);
  expect(await manual()).toContain(out.trim());
});

test('keeps the newest so many, all those for ever, and what others made', async () => {
  const DBSnapshotIdentifier = 'by-hand';
  await local().rds.send(new CreateDBSnapshotCommand({ DBInstanceIdentifier: 'orders', DBSnapshotIdentifier }));
  await local().snapshotAvailable(DBSnapshotIdentifier);
  const before = await manual();
  const take = (deployment: string) =>
    snapshotByHand(clients(), snapshotRequest('orders', { reason: 'x', deployment, keep: 2 }), () => {});
  const first = await take('1');
  const second = await take('2');
  const { code, out, err } = await lifeboat(
    ['orders', '--reason', 'x', '--deployment', '3', '--keep', '2', ...here()],
    exported(),
  );
  expect([code, await manual()]).toEqual([0, [...before, second, out.trim()].sort()]);
  expect(err).toContain(`deleted ${first}`);
});

test('two that keep one at once leave what each of them announced', async () => {
  const take = (deployment: string) =>
    snapshotByHand(clients(), snapshotRequest('orders', { reason: 'x', deployment, keep: 1 }), () => {});
  const older = await take('older');
  // Of one process, so that they do begin at once.
  const announced = await Promise.all([take('left'), take('right')]);
  const after = await manual();
  expect(after).toEqual(expect.arrayContaining(announced));
  // What was there before both is over age for either, and both are for the next.
  expect(after).not.toContain(older);
  const next = await take('next');
  const left = await manual();
  expect([left.includes(next), left.filter((name) => announced.includes(name))]).toEqual([true, []]);
});

test('one that begins between another being available and being announced leaves it', async () => {
  const request = snapshotRequest('orders', { reason: 'x', deployment: 'slow', keep: 1 });
  const runbook = new TerminalRunbook(() => {});
  let other = '';
  // The first run's look at its snapshot takes as long as another run takes as a whole.
  const slow: Runbook = Object.create(runbook, {
    poll: {
      value: async (...args: Parameters<Runbook['poll']>) => {
        const seen = await runbook.poll(...args);
        if (seen === 'available') {
          const next = snapshotRequest('orders', { reason: 'x', deployment: 'quick', keep: 1 });
          other = await snapshotByHand(clients(), next, () => {});
        }
        return seen;
      },
    },
  });
  const hold = async () => null;
  const { snapshot } = await takeSnapshot({ rds: local().rds, hold }, { hours: 1 })(request, slow);
  expect(await manual()).toEqual(expect.arrayContaining([snapshot, other]));
});

test('exits with 1 and says why, when there is no such database', async () => {
  const { code, out, err } = await lifeboat(['nobody', ...about, ...here()], exported());
  expect([code, out]).toEqual([1, '']);
  expect(err).toMatch(/nobody.*not found/i);
});

test.each([
  ['no target', [...about], /missing required argument 'target'/],
  ['no reason', ['orders', '--deployment', 'v1'], /--reason/],
  ['no deployment', ['orders', '--reason', 'x'], /--deployment/],
  ['a reason that no tag holds', ['orders', '--reason', 'why?', '--deployment', 'v1'], /reason: must be 1 to 256/],
  ['a target that is no identifier', ['my_db', ...about], /instance: must be an RDS identifier/],
  ['none to be kept', ['orders', ...about, '--keep', '0'], /keepLast/],
  ['no number', ['orders', ...about, '--keep', 'all'], /whole number/],
  [
    'an endpoint elsewhere',
    ['orders', ...about, '--endpoint', 'https://rds.us-east-1.amazonaws.com'],
    /not on this machine/,
  ],
  [
    'an endpoint without its keys',
    ['orders', ...about, '--endpoint', 'http://127.0.0.1:9'],
    /keys alone.*AWS_ACCESS_KEY_ID.*run the line that `lifeboat region` printed/,
  ],
  ['an endpoint left empty', ['orders', ...about, '--endpoint', ''], /'' is not an endpoint; pass/],
  ['no region', ['orders', ...about], /no AWS region is known; name it with --region/],
])('exits with 2 on %s', async (_, args, message) => {
  const { code, out, err } = await lifeboat(args);
  expect([code, out]).toEqual([2, '']);
  expect(err).toMatch(message);
});

test('says what becomes of the snapshot when it is interrupted', async () => {
  const { code, out, err } = await lifeboat(
    ['nobody-yet', ...about, '--endpoint', 'http://127.0.0.1:9'],
    exported(),
    /looking again/,
  );
  expect([code, out]).toEqual([130, '']);
  expect(err).toMatch(
    /interrupted; if it was requested already, snapshot lifeboat-before-nobody-yet-\S+ becomes available/,
  );
});

test('a database of the region takes on the backup settings it is given, once', async () => {
  const answers: string[] = [];
  const answer = async (_: string, body: string) => {
    answers.push(JSON.parse(body).Status);
  };
  const settings = { instance: 'orders', window: '06:00-07:00', retentionDays: 14, deletionProtection: true };
  const event = {
    RequestType: 'Create',
    ResponseURL: 'https://answers.example',
    StackId: 'stack',
    RequestId: 'request',
    LogicalResourceId: 'Backups',
    ResourceProperties: { Request: JSON.stringify({ ...settings, copyTagsToSnapshot: true }) },
  };
  const cloudFormation: CloudFormationClient = Object.create(CloudFormationClient.prototype, {
    send: { value: async () => ({ Stacks: [{ StackStatus: 'CREATE_IN_PROGRESS' }] }) },
  });
  const apply = (rds: RDSClient) =>
    applyBackupSettings({ rds, ssm: clients().ssm, cloudFormation, answer })(event, new TerminalRunbook(() => {}));
  await apply(local().rds);
  await apply(local().rds);
  expect(answers).toEqual(['SUCCESS', 'SUCCESS']);
  expect(await local().describe('orders')).toMatchObject({
    PreferredBackupWindow: '06:00-07:00',
    BackupRetentionPeriod: 14,
    DeletionProtection: true,
    CopyTagsToSnapshot: true,
  });
});
