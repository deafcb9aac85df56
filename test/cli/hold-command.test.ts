/** `lifeboat hold` against a rehearsal region, and what prunes there. */
import { DescribeDBSnapshotsCommand } from '@aws-sdk/client-rds';
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { ssmClient } from '../../rehearsal/server/clients';
import { useRegion } from '../real/region';
import { lifeboat } from './command';

const local = useRegion();
beforeAll(() => local().createDatabase('orders'));

const endpoint = () => ['--endpoint', local().region.endpoint];
const here = () => [...endpoint(), '--region', local().name];
const exported = () => {
  const { accessKeyId, secretAccessKey } = local().region.keys;
  return { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
};
const hold = (...args: string[]) => lifeboat(['hold', ...args], exported());
const list = async () => (await hold('list', ...here())).out;
const manual = async () => {
  const { DBSnapshots = [] } = await local().rds.send(new DescribeDBSnapshotsCommand({ SnapshotType: 'manual' }));
  return DBSnapshots.map(({ DBSnapshotIdentifier }) => String(DBSnapshotIdentifier));
};
const snapshot = async (deployment: string) => {
  const about = ['--reason', 'x', '--deployment', deployment, '--keep', '1'];
  const { out, err } = await lifeboat(['snapshot', 'orders', ...about, ...here()], exported());
  return { name: out.trim(), err };
};
const put = (name: string, value: string) =>
  ssmClient(local().region.clients(local().name)).send(
    new PutParameterCommand({ Name: `/lifeboat/hold/${name}`, Value: value, Type: 'String', Overwrite: true }),
  );

test('keeps every snapshot while it stands, and lets them go once it is released', async () => {
  const first = await snapshot('1');
  const set = await hold('set', 'ORDERS', '--reason', 'recovery of 20 November', '--by', 'ada', ...here());
  expect([set.code, set.out]).toEqual([
    0,
    expect.stringMatching(
      /^eu-central-1: database orders is on hold until 20\S+Z, set by ada at 20\S+Z: recovery of 20 November\n$/,
    ),
  ]);
  // What it is no hold on is said as well.
  expect(set.err).toContain('RDS, ElastiCache, AWS Backup and S3 still expire backups');
  const second = await snapshot('2');
  expect(second.err).toMatch(
    new RegExp(`could not delete ${first.name}: on hold until .* set by ada .*: recovery of 20`),
  );
  expect(await manual()).toEqual(expect.arrayContaining([first.name, second.name]));

  expect(await hold('release', 'orders', ...here())).toMatchObject({
    code: 0,
    out: 'eu-central-1: database orders is no longer on hold\n',
  });
  const third = await snapshot('3');
  expect((await manual()).filter((name) => [first.name, second.name, third.name].includes(name))).toEqual([third.name]);
});

test('ends when its days are over, unless it is set again, which says what it replaced', async () => {
  const days = async (length: string) => {
    const { out } = await hold('set', 'orders', '--reason', 'x', '--days', length, ...here());
    const [, until = ''] = /until (\S+),/.exec(out) ?? [];
    return { out, left: Math.round((Date.parse(until) - Date.now()) / 86_400_000) };
  };
  expect((await days('1')).left).toBe(1);
  const again = await days('90');
  expect(again.left).toBe(90);
  expect(again.out).toMatch(/; it was on hold until .*: x\n$/);
});

test('is set in each region that is named, for databases and caches apart', async () => {
  const set = await hold(
    'set',
    'sessions',
    '--cache',
    '--reason',
    'x',
    ...endpoint(),
    '--region',
    'eu-west-1',
    'us-west-2',
  );
  expect(set.out).toMatch(/^eu-west-1: cache sessions is .*\nus-west-2: cache sessions is .*\n$/);
  const other = await hold('release', 'sessions', ...endpoint(), '--region', 'us-west-2');
  expect([other.code, other.out, other.err]).toEqual([
    1,
    '',
    expect.stringContaining('us-west-2: database sessions is not on hold, so nothing was released'),
  ]);
  const both = ['--region', 'us-west-2', 'eu-north-1', 'eu-west-1'];
  const released = await hold('release', 'sessions', '--cache', ...endpoint(), ...both);
  // One that fails keeps none of the others.
  expect([released.code, released.out.split('\n').length]).toEqual([1, 3]);
});

test('lists them all, those that ended, and what nobody understands', async () => {
  await put(
    'database/ended',
    JSON.stringify({ reason: 'x', by: 'ada', since: '2026-01-01T00:00:00Z', until: '2026-01-02T00:00:00Z' }),
  );
  await put('cache/odd', 'yes');
  for (let number = 0; number < 12; number++) {
    const since = new Date().toISOString();
    const until = new Date(Date.now() + 3_600_000).toISOString();
    await put(`database/many-${number}`, JSON.stringify({ reason: 'x', by: 'ada', since, until }));
  }
  const said = await list();
  expect(said.match(/database many-\d+: on hold until/g)).toHaveLength(12);
  expect(said).toContain('database ended: ended at 2026-01-02T00:00:00Z, set by ada');
  expect(said).toContain("cache odd: parameter '/lifeboat/hold/cache/odd' is not a hold that this version understands");
  // Setting it again mends it.
  expect((await hold('set', 'odd', '--cache', '--reason', 'x', ...here())).code).toBe(0);
  expect(await list()).toContain('cache odd: on hold until');
});

test.each([
  ['no target', ['set', '--reason', 'x'], /missing required argument 'target'/],
  ['no reason', ['set', 'orders'], /--reason/],
  ['a reason of two lines', ['set', 'orders', '--reason', 'a\nb'], /reason: must be one line of 1 to 500 characters/],
  ['a target that is no identifier', ['set', 'my_db', '--reason', 'x'], /id: must be an RDS identifier/],
  ['no day', ['set', 'orders', '--reason', 'x', '--days', '0'], /1 to 90 days/],
  ['too many days', ['set', 'orders', '--reason', 'x', '--days', '91'], /1 to 90 days/],
  ['no region', ['list'], /no AWS region is known; name it with --region/],
  ['an endpoint elsewhere', ['list', '--endpoint', 'https://ssm.us-east-1.amazonaws.com'], /not on this machine/],
])('exits with 2 on %s', async (_, args, message) => {
  const { code, out, err } = await hold(...args);
  expect([code, out]).toEqual([2, '']);
  expect(err).toMatch(message);
});
