import { DeleteDBInstanceCommand, type DescribeDBInstancesCommand } from '@aws-sdk/client-rds';
import { deleteExpired } from '../../../lambda/drill/delete-expired';
import { watchDrills } from '../../../lambda/drill/watch-drills';
import { drillRequest, simulate } from '../../simulated/drill';
import { QUIET, SimulatedRegion } from '../../simulated/region';

const NOW = Date.parse('2026-11-01T10:00:00Z');
const clock = () => NOW;

const copyTags = (expires: string) => [
  { Key: 'lifeboat:copy-of', Value: 'orders' },
  { Key: 'lifeboat:run', Value: '0123456789ab' },
  { Key: 'lifeboat:expires', Value: expires },
];

function regionWith(instances: Record<string, { Key: string; Value: string }[]>, behaviour = QUIET) {
  const region = new SimulatedRegion(clock, () => 0.5, behaviour);
  for (const [name, tags] of Object.entries(instances)) region.existing(name, tags);
  return region;
}

test('the janitor deletes what carries the prefix, all tags and a date that is over; nothing else', async () => {
  const region = regionWith({
    orders: [],
    'orders-tagged': copyTags('2026-11-01T09:00:00Z'),
    'lifeboat-untagged': [],
    'lifeboat-half-tagged': copyTags('2026-11-01T09:00:00Z')
      .slice(0, 1)
      .concat(copyTags('2026-11-01T09:00:00Z').slice(2)),
    'lifeboat-unreadable': copyTags('soon'),
    'lifeboat-running': copyTags('2026-11-01T11:00:00Z'),
    'lifeboat-expired': copyTags('2026-11-01T09:00:00Z'),
  });
  const { deleted } = await deleteExpired(
    region.rds(() => true),
    clock,
  )({ prefix: 'lifeboat-' });
  expect(deleted).toEqual(['lifeboat-expired']);
  expect(region.touched).toEqual(['delete lifeboat-expired']);
});

test('the janitor keeps to its own prefix', async () => {
  const region = regionWith({ 'lifeboat-other': copyTags('2026-11-01T09:00:00Z') });
  expect(
    await deleteExpired(
      region.rds(() => true),
      clock,
    )({ prefix: 'lifeboat-orders-' }),
  ).toEqual({ deleted: [] });
  await expect(
    deleteExpired(
      region.rds(() => true),
      clock,
    )({ prefix: '' }),
  ).rejects.toThrow(/prefix/);
});

test('the janitor says what it could not delete', async () => {
  const region = regionWith({ 'lifeboat-expired': copyTags('2026-11-01T09:00:00Z') });
  const rds = region.rds(() => true);
  const denying: typeof rds = Object.create(rds, {
    send: {
      value: async (command: object) => {
        if (command instanceof DeleteDBInstanceCommand) throw new Error('not authorized');
        return rds.send(command as DescribeDBInstancesCommand);
      },
    },
  });
  await expect(deleteExpired(denying, clock)({ prefix: 'lifeboat-' })).rejects.toThrow(
    /lifeboat-expired: not authorized/,
  );
});

describe('the watch', () => {
  const drill = { plan: 'Protection', target: 'Orders', drill: 'Monthly' };
  const watch = async (region: SimulatedRegion, now: number) => {
    const printed: string[] = [];
    const request = { evidenceBucket: 'evidence', drills: [drill] };
    await watchDrills(
      region.s3(() => true),
      (line) => printed.push(line),
      () => now,
    )(request);
    return JSON.parse(printed.join()).SecondsSinceProven;
  };

  test('counts from the last drill that passed', async () => {
    const { region, evidence } = await simulate({ request: drillRequest });
    const finished = Date.parse(String(evidence[0]?.finished));
    expect(await watch(region, finished + 5000)).toBe(5);
  });

  test('does not count one that failed', async () => {
    const { region, evidence } = await simulate({ database: 'corrupt' });
    const finished = Date.parse(String(evidence[0]?.finished));
    await watch(region, finished);
    expect(await watch(region, finished + 60_000)).toBe(60);
  });

  test('counts a drill that never ran from when it was first watched', async () => {
    const region = regionWith({});
    expect(await watch(region, NOW)).toBe(0);
    expect(await watch(region, NOW + 86_400_000)).toBe(86_400);
  });

  test('evidence that nobody can read silences its own drill only, and fails', async () => {
    const region = regionWith({});
    region.objects.set('evidence/Protection/Orders/00000001.json', '{"schema":"damaged"}');
    const printed: string[] = [];
    const round = watchDrills(
      region.s3(() => true),
      (line) => printed.push(line),
      clock,
    )({ evidenceBucket: 'evidence', drills: [drill, { ...drill, target: 'Ledger' }] });
    await expect(round).rejects.toThrow(/nobody can say when[\s\S]*Protection\/Orders\/Monthly: evidence/);
    expect(printed.map((line) => JSON.parse(line).Target)).toEqual(['Ledger']);
  });
});
