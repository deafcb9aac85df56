import { DeleteDBInstanceCommand, type DescribeDBInstancesCommand } from '@aws-sdk/client-rds';
import { deleteExpired } from '../../../lambda/drill/delete-expired';
import { tellOfEnd, watchDrills } from '../../../lambda/drill/watch-drills';
import { SIGNER, simulate } from '../../simulated/drill';
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

/** The region's, which answers deletions of one copy with an error. */
function refusing(region: SimulatedRegion, name: string, error: Error) {
  const rds = region.rds(() => true);
  const refusingOne: typeof rds = Object.create(rds, {
    send: {
      value: async (command: object) => {
        if (command instanceof DeleteDBInstanceCommand && command.input.DBInstanceIdentifier === name) throw error;
        return rds.send(command as DescribeDBInstancesCommand);
      },
    },
  });
  return refusingOne;
}

test('the janitor says what it could not delete', async () => {
  const region = regionWith({ 'lifeboat-expired': copyTags('2026-11-01T09:00:00Z') });
  const denying = refusing(region, 'lifeboat-expired', new Error('not authorized'));
  await expect(deleteExpired(denying, clock)({ prefix: 'lifeboat-' })).rejects.toThrow(
    /lifeboat-expired: .*not authorized/,
  );
});

describe('a copy that does not go', () => {
  const busy = Object.assign(new Error('Instance lifeboat-stuck is not available for deletion.'), {
    name: 'InvalidDBInstanceStateFault',
  });
  const round = (expires: string, more: Record<string, { Key: string; Value: string }[]> = {}) => {
    const region = regionWith({ 'lifeboat-stuck': copyTags(expires), ...more });
    const swept = deleteExpired(refusing(region, 'lifeboat-stuck', busy), clock)({ prefix: 'lifeboat-' });
    return { region, swept };
  };

  test('is left to the next round while RDS may be busy with it', async () => {
    expect(await round('2026-11-01T04:00:01Z').swept).toEqual({ deleted: [] });
  });

  test('fails the round after six hours, in words that say its state, and holds up no other copy', async () => {
    const { region, swept } = round('2026-11-01T03:59:59Z', { 'lifeboat-z': copyTags('2026-11-01T09:00:00Z') });
    await expect(swept).rejects.toThrow(
      /lifeboat-stuck: it is available, and RDS refuses to delete it: .*not available for deletion.*, 6 hours after it expired/,
    );
    expect(region.touched).toEqual(['delete lifeboat-z']);
  });

  test('fails the round when RDS has been deleting it for six hours', async () => {
    const region = regionWith({ 'lifeboat-stuck': copyTags('2026-10-30T10:00:00Z') });
    const rds = region.rds(() => true);
    const deleting: typeof rds = Object.create(rds, {
      send: {
        value: async (command: DescribeDBInstancesCommand) => {
          const { DBInstances = [], ...page } = await rds.send(command);
          return { ...page, DBInstances: DBInstances.map((one) => ({ ...one, DBInstanceStatus: 'deleting' })) };
        },
      },
    });
    await expect(deleteExpired(deleting, clock)({ prefix: 'lifeboat-' })).rejects.toThrow(
      'lifeboat-stuck: RDS is still deleting it, 48 hours after it expired',
    );
    expect(region.touched).toEqual([]);
  });

  test('because nobody can read its date fails the round, too', async () => {
    const region = regionWith({
      'lifeboat-unreadable': copyTags('soon'),
      'lifeboat-expired': copyTags('2026-11-01T09:00:00Z'),
    });
    await expect(
      deleteExpired(
        region.rds(() => true),
        clock,
      )({ prefix: 'lifeboat-' }),
    ).rejects.toThrow(/lifeboat-unreadable: its tag 'lifeboat:expires' is 'soon', which is not a date/);
    expect(region.touched).toEqual(['delete lifeboat-expired']);
  });
});

describe('the watch', () => {
  const drill = { plan: 'Protection', target: 'Orders', drill: 'Monthly' };
  const request = { evidenceBucket: 'evidence', signingKey: 'signing-key' };
  const ports = (region: SimulatedRegion, printed: string[]) => ({
    s3: region.s3(() => true),
    signer: () => SIGNER,
    print: (line: string) => printed.push(line),
  });
  const watch = async (region: SimulatedRegion, now: number) => {
    const printed: string[] = [];
    await watchDrills(ports(region, printed), () => now)({ ...request, drills: [drill] });
    return printed.map((line) => JSON.parse(line).SecondsSinceProven).find((seconds) => seconds !== undefined);
  };

  test('counts from the last drill that passed', async () => {
    const { region, evidence } = await simulate();
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

  test.each([
    ['a moment yet to come', '{"watchedSince":"2999-01-01T00:00:00Z"}', /says that the watch began at 2999-01-01/],
    ['garbage', 'x', /watched-since-Monthly.json is not valid/],
    ['no moment', '{}', /watched-since-Monthly.json is not valid/],
  ])('fails where %s stands for when it began', async (_, body, says) => {
    const region = regionWith({});
    region.objects.set('evidence/Protection/Orders/watched-since-Monthly.json', body);
    await expect(watch(region, NOW)).rejects.toThrow(says);
  });

  test('is not stopped by garbage in the chain, which is no proof', async () => {
    const { region, evidence } = await simulate();
    region.objects.set('evidence/Protection/Orders/00000002.json', '{"schema":"damaged"}');
    const finished = Date.parse(String(evidence[0]?.finished));
    expect(await watch(region, finished + 5000)).toBe(5);
  });

  test('counts no document that somebody else has written', async () => {
    const { region, evidence } = await simulate();
    const finished = Date.parse(String(evidence[0]?.finished));
    const forged = { ...evidence[0], sequence: 2, previous: null, finished: new Date(finished + 4000).toISOString() };
    region.objects.set('evidence/Protection/Orders/00000002.json', JSON.stringify(forged));
    expect(await watch(region, finished + 5000)).toBe(5);
  });

  test('says what is wrong with the evidence of a target, once for all its drills', async () => {
    const { region } = await simulate();
    const told = async () => {
      const printed: string[] = [];
      const drills = [drill, { ...drill, drill: 'Weekly' }];
      await watchDrills(ports(region, printed), clock)({ ...request, drills });
      return printed.map((line) => JSON.parse(line));
    };
    const metric = { Plan: 'Protection', Target: 'Orders' };
    const counts = (lines: Record<string, unknown>[]) => lines.filter((line) => line.EvidenceProblems !== undefined);
    const ofAll = { Bucket: 'evidence' };
    const said = (EvidenceProblems: number) =>
      [metric, ofAll].map((of) => expect.objectContaining({ ...of, EvidenceProblems }));
    expect(counts(await told())).toEqual(said(0));
    region.objects.set('evidence/Protection/Orders/00000002.json', 'garbage');
    const lines = await told();
    expect(counts(lines)).toEqual(said(1));
    expect(lines).toContainEqual({
      plan: 'Protection',
      target: 'Orders',
      problem: 'unreadable',
      says: expect.stringMatching(/^00000002\.json is not a document of evidence/),
    });
  });

  test.each(['STOPPED', 'TIMED_OUT', 'FAILED'])(
    'counts a run that ended %s as a drill that failed, and names it',
    (status) => {
      const conductor = 'arn:aws:lambda:eu-west-1:111122223333:function:conductor';
      const runs = [
        { ...drill, target: 'Other', function: `${conductor}-2` },
        { ...drill, function: conductor },
      ];
      const execution = `${conductor}:7/durable-execution/a/b`;
      const printed: string[] = [];
      tellOfEnd((line) => printed.push(line), clock)({ runs, function: `${conductor}:7`, status, execution });
      const [told, metric] = printed.map((line) => JSON.parse(line));
      expect(told).toEqual({ ...drill, status, execution });
      expect(metric).toMatchObject({ Plan: 'Protection', Target: 'Orders', DrillPassed: 0 });
      expect(metric._aws.CloudWatchMetrics[0].Dimensions).toEqual([['Plan', 'Target']]);
    },
  );

  test('a run of a function that no drill has is an error, and not a drill that failed', () => {
    const printed: string[] = [];
    const runs = [{ ...drill, function: 'arn:aws:lambda:eu-west-1:111122223333:function:conductor' }];
    const other = 'arn:aws:lambda:eu-west-1:111122223333:function:conductor-2:1';
    const told = { runs, function: other, status: 'FAILED', execution: `${other}/durable-execution/a/b` };
    expect(() => tellOfEnd((line) => printed.push(line), clock)(told)).toThrow('runs none of these drills');
    expect(printed).toEqual([]);
  });

  test('evidence that can not be read silences its own drill only, and fails', async () => {
    const region = regionWith({});
    const printed: string[] = [];
    const { s3, ...others } = ports(region, printed);
    const denying: typeof s3 = Object.create(s3, {
      send: {
        value: async (command: { input: { Prefix?: string } }) => {
          if (command.input.Prefix?.includes('/Orders/')) throw new Error('not authorized');
          return s3.send(command as Parameters<typeof s3.send>[0]);
        },
      },
    });
    const round = watchDrills(
      { s3: denying, ...others },
      clock,
    )({
      ...request,
      drills: [drill, { ...drill, target: 'Ledger' }],
    });
    await expect(round).rejects.toThrow(/it is unknown when[\s\S]*Protection\/Orders\/Monthly: not authorized/);
    const targets = printed.flatMap((line) => JSON.parse(line).Target ?? []);
    expect(new Set(targets)).toEqual(new Set(['Ledger']));
  });
});
