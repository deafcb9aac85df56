/** `lifeboat status` and `lifeboat approve` against a rehearsal region, in which a run waits for its approval. */
import { createHash } from 'node:crypto';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { Approval } from '../../lambda/runbook/approval';
import { identityOf } from '../../lambda/runbook/identity';
import { identifyBySts } from '../../lambda/runbook/proof';
import { releaseLock, takeLock, updateLock } from '../../lambda/runbook/recovery-lock';
import { durable, type Runbook } from '../../lambda/runbook/runbook';
import { impatient } from '../../rehearsal/runbooks/drill-site';
import { RunningExecution } from '../../rehearsal/runbooks/durable-executions';
import { s3Client, ssmClient } from '../../rehearsal/server/clients';
import { useRegion } from '../real/region';
import { recoveryOf } from '../simulated/parameters';
import { lifeboat } from './command';

const local = useRegion();
const STARTER = identityOf('arn:aws:sts::123456789012:assumed-role/Operators/ada');
const DOCUMENT = '# Restore orders to 03:12\n\n| lost | 12 rows |\n\u001b[31m';
const SHA256 = createHash('sha256').update(DOCUMENT).digest('hex');
const HOUR = 3_600_000;
const inHours = (hours: number) => new Date(Date.now() + hours * HOUR).toISOString();
const here = () => ['--endpoint', local().region.endpoint, '--region', local().name];
const as = ({ accessKeyId, secretAccessKey } = local().region.keys) => ({
  AWS_ACCESS_KEY_ID: accessKeyId,
  AWS_SECRET_ACCESS_KEY: secretAccessKey,
});
const ssm = () => ssmClient(local().region.clients(local().name));
const s3 = () => s3Client(local().region.clients(local().name));
let number = 0;
const stop = new AbortController();

beforeAll(() => s3().send(new CreateBucketCommand({ Bucket: 'evidence' })));
afterAll(() => stop.abort());

/** A run in small: takes the lock, shows a document, waits for its approval, and releases the lock. */
function begin({ document = DOCUMENT, wants = SHA256, expires = inHours(5) } = {}) {
  const id = ++number;
  const target = `Orders ${id}`;
  const of = { kind: 'database', id: `orders-${id}` } as const;
  const key = `shown-${id}.md`;
  const shown = { sha256: wants, resources: ['db-1'], expires };
  const approval = { ...shown, bucket: 'evidence', key };
  const recover = async (_: unknown, runbook: Runbook) => {
    const execution = String(runbook.execution);
    const started = new Date(Date.now() - HOUR).toISOString();
    const recovery = recoveryOf(of, { target, execution, started, phase: 'assess', approval: null });
    await runbook.step('open', () => takeLock(ssm(), recovery));
    await runbook.step('show', async () => {
      await s3().send(new PutObjectCommand({ Bucket: 'evidence', Key: key, Body: document }));
      await updateLock(ssm(), of, execution, { ...recovery, phase: 'approval', since: inHours(0), approval });
    });
    const approvers = { identify: identifyBySts({ endpoint: local().region.endpoint }), notBy: STARTER };
    const answered = await runbook.approve('cut over', shown, { hours: 5 }, approvers);
    await runbook.step('close', () => releaseLock(ssm(), of, execution));
    return answered;
  };
  const running = new RunningExecution(
    (client) => durable(recover, { durableExecutionClient: client }),
    {},
    {
      name: `recovery-${id}`,
      clock: impatient(stop.signal),
    },
  );
  running.ended.catch(() => {});
  local().region.show(running);
  return { target, running, ended: () => running.ended.then((end) => end as { result: Approval }) };
}

async function waiting(options?: Parameters<typeof begin>[0]) {
  const run = begin(options);
  while (run.running.waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  return run;
}

const approve = (target: string, args: readonly string[], keys = local().region.keys) =>
  lifeboat(['approve', 'Protection', target, ...args, ...here()], as(keys));

test('shows the document, and a person approves it by its hash', async () => {
  const { target, ended } = await waiting();
  const { code, out, err } = await approve(target, ['--sha256', SHA256]);
  expect([code, err]).toEqual([0, '']);
  expect(out).toContain('# Restore orders to 03:12\n\n| lost | 12 rows |');
  expect(out).toContain(`sha256   ${SHA256}`);
  expect(out).toMatch(/approved by arn:aws:iam::123456789012:user\/rehearsal\n$/);
  // Nothing of a document acts on the terminal.
  expect(out).not.toContain('\u001b');
  expect((await ended()).result).toMatchObject({ outcome: 'approved', ignored: [] });
});

test('a refusal is recorded with who gave it, as JSON if asked', async () => {
  const { target, ended } = await waiting();
  const { code, out } = await approve(target, ['--refuse', '--json'], local().region.person('grace'));
  const by = 'arn:aws:sts::123456789012:assumed-role/Operators/grace';
  expect([code, JSON.parse(out)]).toEqual([
    0,
    expect.objectContaining({
      target,
      decision: 'refuse',
      sha256: SHA256,
      document: expect.anything(),
      outcome: 'refused',
      by,
    }),
  ]);
  expect((await ended()).result).toMatchObject({ outcome: 'refused', by });
});

test('the approval of whoever started it does not count, which they are told, and another person approves', async () => {
  const { target, ended } = await waiting();
  const own = await approve(target, ['--yes'], local().region.person('ada'));
  expect([own.code, own.out]).toEqual([1, expect.stringMatching(/did not count: .*another person has to approve it/)]);
  expect((await approve(target, ['--yes'])).code).toBe(0);
  expect((await ended()).result).toMatchObject({
    outcome: 'approved',
    ignored: [expect.stringMatching(/ada started/)],
  });
});

test('sends nothing for a document that is another than the one that is wanted', async () => {
  const { target, running } = await waiting({ document: 'better numbers' });
  const changed = await approve(target, ['--yes']);
  expect([changed.code, changed.out]).toEqual([1, '']);
  expect(changed.err).toMatch(/somebody changed one of them: nothing was sent/);
  const other = await waiting();
  const stale = await approve(other.target, ['--sha256', 'a'.repeat(64)]);
  expect([stale.code, stale.err]).toEqual([
    1,
    expect.stringMatching(/another document approved than '--sha256' names/),
  ]);
  for (const each of [running, other.running]) {
    expect(each.history().filter(({ EventType }) => EventType === 'CallbackSucceeded')).toEqual([]);
  }
});

test('says so where nothing waits for an approval', async () => {
  const none = await approve('Nothing', ['--yes']);
  expect([none.code, none.err]).toEqual([
    1,
    expect.stringMatching(/no recovery of 'Nothing' in plan 'Protection' is open/),
  ]);
  await takeLock(ssm(), recoveryOf({ kind: 'database', id: 'assessed' }, { target: 'Assessed', approval: null }));
  expect((await approve('Assessed', ['--yes'])).err).toMatch(/waits for no approval now \(phase: approval\)/);
  await takeLock(ssm(), recoveryOf({ kind: 'database', id: 'stale' }, { target: 'Stale' }));
  expect((await approve('Stale', ['--yes'])).err).toMatch(
    /expired at 2026-11-21T03:00:00Z, so an answer would not count/,
  );
});

test('status lists what is open: phase, elapsed time, what is waited for, what comes next', async () => {
  const { target } = await waiting();
  const { code, out } = await lifeboat(['status', ...here()], as());
  expect(code).toBe(0);
  expect(out).toContain(`eu-central-1: recover-database of ${target} in plan Protection (database orders-`);
  expect(out).toMatch(/phase {7}approval, for \d+ s; 60 min in all\n {2}waits for {3}an approval\n/);
  expect(out).toContain(`lifeboat approve 'Protection' '${target}' --region eu-central-1`);
  expect(out).toContain('next        fence writes');
  const json = JSON.parse((await lifeboat(['status', '--json', ...here()], as())).out);
  expect(json.recoveries).toContainEqual(
    expect.objectContaining({
      target,
      phase: 'approval',
      elapsedSeconds: expect.any(Number),
      phaseSeconds: expect.any(Number),
    }),
  );
  const elsewhere = await lifeboat(['status', '--endpoint', local().region.endpoint, '--region', 'us-west-2'], as());
  expect([elsewhere.code, elsewhere.out]).toEqual([0, 'us-west-2: no recovery is open\n']);
});

test("a callback's id is printed nowhere", async () => {
  const { target, running } = await waiting();
  const id = String(running.waiting[0]?.id);
  const status = await lifeboat(['status', '--json', ...here()], as());
  const approved = await approve(target, ['--yes', '--json']);
  expect(approved.code).toBe(0);
  expect([status.out, approved.out, approved.err].join()).not.toContain(id);
});

test.each([
  ['no target', ['Protection'], /missing required argument 'target'/],
  ['a hash that is none', ['Protection', 'Orders', '--sha256', 'abc'], /not a SHA-256/],
  ['approving and refusing', ['Protection', 'Orders', '--yes', '--refuse'], /either --refuse, or --yes/],
  ['nobody to ask', ['Protection', 'Orders'], /nobody can be asked here/],
  ['no region', ['Protection', 'Orders', '--yes'], /no AWS region is known/],
])('exits with 2 on %s', async (_, args, message) => {
  const { code, out, err } = await lifeboat(['approve', ...args], as());
  expect([code, out, err]).toEqual([2, '', expect.stringMatching(message)]);
});
