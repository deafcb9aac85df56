import { Duration } from 'aws-cdk-lib';
import * as kms from 'aws-cdk-lib/aws-kms';
import { watchBackups } from '../../../lambda/watch/watch-backups';
import { ArchiveBucket } from '../../../lib';
import { BackupWatch } from '../../../lib/alarm/backup-watch';
import { errorNamed, SimulatedAccount } from '../../simulated/account';
import { allows, resolved, statementsOf } from '../../template/policies';
import { newStack, Template } from '../../template/stacks';

const NIGHT = Date.parse('2026-11-20T02:00:00Z');
const DAY = 86_400_000;
const MARKERS = 'dumps/orders/';

/** A backup of each size, one a night; the watch looks twice after each. */
async function changesOf(sizes: readonly number[], account = new SimulatedAccount()) {
  const changes: (number | undefined)[] = [];
  for (const [night, bytes] of sizes.entries()) {
    const finished = new Date(NIGHT + night * DAY).toISOString();
    account.objects.set(`${MARKERS}last-good.json`, [{ body: JSON.stringify({ finished, bytes }), metadata: {} }]);
    const now = NIGHT + night * DAY;
    const [first, second] = [await watched(account, 'good', now), await watched(account, 'good', now)];
    expect(second).toEqual(first);
    changes.push(first.find((metric) => 'BackupSizeChange' in metric)?.BackupSizeChange);
  }
  return changes;
}

async function watched(
  account: SimulatedAccount,
  state: 'good' | 'readable' = 'good',
  now = NIGHT,
): Promise<Record<string, number>[]> {
  const printed: string[] = [];
  const request = { bucket: 'dumps', backups: [{ backup: 'Orders', prefix: MARKERS, state }] };
  const watch = watchBackups(
    account.clients.s3,
    (line) => printed.push(line),
    () => now,
  );
  await watch(request);
  return printed.map((line) => JSON.parse(line));
}

test('the newest readable one is looked for apart from a good one', async () => {
  const account = new SimulatedAccount();
  const put = (state: string, day: number) => {
    const body = JSON.stringify({ finished: new Date(NIGHT - day * DAY).toISOString(), bytes: 1 });
    account.objects.set(`${MARKERS}last-${state}.json`, [{ body, metadata: {} }]);
  };
  put('good', 3);
  put('readable', 1);
  const age = async (state: 'good' | 'readable') =>
    (await watched(account, state)).find((metric) => 'SecondsSinceBackup' in metric)?.SecondsSinceBackup;
  expect([await age('good'), await age('readable')]).toEqual([3 * 86_400, 86_400]);
});

test('one that says that it was made in the future fails the watch, and tells no age that is never too high', async () => {
  const account = new SimulatedAccount();
  const body = JSON.stringify({ finished: '2999-01-01T00:00:00.000Z', bytes: 1 });
  account.objects.set(`${MARKERS}last-good.json`, [{ body, metadata: {} }]);
  await expect(watched(account)).rejects.toThrow(
    /last-good.json says that the backup was made at 2999-.*clock is right/,
  );
  account.objects.clear();
  account.objects.set(`${MARKERS}watched-since.json`, [
    { body: '{"watchedSince":"2999-01-01T00:00:00Z"}', metadata: {} },
  ]);
  await expect(watched(account)).rejects.toThrow(/watched-since.json says that the watch began at 2999-/);
});

describe('how a size differs from the usual', () => {
  test('is told from the second backup on, in percent, up and down alike', async () => {
    expect(await changesOf([1000])).toEqual([undefined]);
    expect(await changesOf([1000, 1500])).toEqual([undefined, 50]);
    expect(await changesOf([1000, 400])).toEqual([undefined, 60]);
  });

  test('does not depend on how long ago the one before was', async () => {
    const account = new SimulatedAccount();
    await changesOf([1000], account);
    const finished = new Date(NIGHT + 100 * DAY).toISOString();
    const body = JSON.stringify({ finished, bytes: 100 });
    account.objects.set(`${MARKERS}last-good.json`, [{ body, metadata: {} }]);
    const change = expect.objectContaining({ BackupSizeChange: 90 });
    expect(await watched(account, 'good', NIGHT + 100 * DAY)).toContainEqual(change);
  });

  test('is of the odd one alone: it does not make the next ones odd', async () => {
    expect(await changesOf([1000, 1000, 1000, 100, 1000])).toEqual([undefined, 0, 0, 90, 0]);
  });

  test('follows what stays: the fifth of another size is usual', async () => {
    const seven = Array.from({ length: 7 }, () => 1000);
    const changes = await changesOf([...seven, 400, 400, 400, 400, 400]);
    expect(changes.slice(7)).toEqual([60, 60, 60, 60, 0]);
  });

  test('remembers eight sizes, however many backups there were', async () => {
    const account = new SimulatedAccount();
    await changesOf(
      Array.from({ length: 30 }, (_, index) => 1000 + index),
      account,
    );
    expect(JSON.parse(account.newest(`${MARKERS}sizes.json`)!)).toHaveLength(8);
  });

  test('is not told where nothing was before: no percent of it is anything', async () => {
    expect(await changesOf([0, 10])).toEqual([undefined, undefined]);
  });

  test('that can not be told fails the watch, after it told the age', async () => {
    const account = new SimulatedAccount();
    await changesOf([1000], account);
    account.objects.set(`${MARKERS}sizes.json`, [{ body: '[{"bytes":-1}]', metadata: {} }]);
    const printed: string[] = [];
    const watch = watchBackups(account.clients.s3, (line) => printed.push(line));
    const request = { bucket: 'dumps', backups: [{ backup: 'Orders', prefix: MARKERS, state: 'good' }] };
    await expect(watch(request)).rejects.toThrow(
      /size of these backups are unknown:\n {2}Orders: [\s\S]*sizes\.json is not valid/,
    );
    expect(printed.join()).toContain('SecondsSinceBackup');
  });

  test('is the same when a write whose answer was lost is done again', async () => {
    const account = new SimulatedAccount();
    await changesOf([1000, 1000], account);
    let lost = 1;
    account.fault = (operation) =>
      operation === 'PutObject' && lost-- > 0 ? { error: errorNamed('TimeoutError', 'lost'), after: true } : undefined;
    const body = JSON.stringify({ finished: new Date(NIGHT + 9 * DAY).toISOString(), bytes: 400 });
    account.objects.set(`${MARKERS}last-good.json`, [{ body, metadata: {} }]);
    await expect(watched(account, 'good', NIGHT + 9 * DAY)).rejects.toThrow('lost');
    expect(await watched(account, 'good', NIGHT + 9 * DAY)).toContainEqual(
      expect.objectContaining({ BackupSizeChange: 60 }),
    );
    expect(JSON.parse(account.newest(`${MARKERS}sizes.json`)!)).toHaveLength(3);
  });
});

describe('the watch on backups', () => {
  const watch = (sizeTolerance?: number) => {
    const stack = newStack();
    const { bucket } = new ArchiveBucket(stack, 'Archive');
    new BackupWatch(stack, 'Watch', {
      backup: 'Orders',
      bucket,
      prefix: MARKERS,
      overdueAfter: Duration.days(1),
      overdue: 'It is too old',
      sizeTolerance,
      encryptionKey: new kms.Key(stack, 'Key'),
    });
    return { stack, bucket, template: Template.fromStack(stack) };
  };

  test('rings on a size beyond the tolerance, until a backup of the usual size follows', () => {
    watch(30).template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'BackupSizeChange',
      Dimensions: [{ Name: 'Backup', Value: 'Orders' }],
      Threshold: 30,
      ComparisonOperator: 'GreaterThanThreshold',
      Statistic: 'Maximum',
      TreatMissingData: 'ignore',
    });
  });

  test('rings on no size where none is stated', () => {
    expect(JSON.stringify(watch().template.findResources('AWS::CloudWatch::Alarm'))).not.toContain('BackupSizeChange');
  });

  test('writes what it remembers, and no mark of a good backup', () => {
    const { stack, bucket, template } = watch();
    const statements = statementsOf(template, /^WatchHandlerRole/);
    const may = (action: string, key: string) =>
      allows(statements, { action, resources: [`${resolved(stack.resolve(bucket.bucketArn))}/${MARKERS}${key}`] });
    expect([may('s3:PutObject', 'sizes.json'), may('s3:GetObject', 'sizes.json')]).toEqual([true, true]);
    expect([may('s3:PutObject', 'last-good.json'), may('s3:DeleteObject', 'sizes.json')]).toEqual([false, false]);
  });

  test.each([
    [0, "backup 'Test': 'sizeTolerance' is 0 %, so the alarm would fire for every backup"],
    [100, 'is 100 %, so an empty backup would not fire the alarm; set percent above 0 and below 100'],
  ])('refuses a tolerance of %d %%', (tolerance, message) => {
    expect(() => watch(tolerance)).toThrow(message);
  });

  test.each([1, 99])('takes a tolerance of %d %%', (tolerance) => {
    expect(() => watch(tolerance)).not.toThrow();
  });
});
