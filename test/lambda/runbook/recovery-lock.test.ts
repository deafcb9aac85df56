/** The lock of a recovery, in the parameter store of a rehearsal region. */
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { recoveryParameter } from '../../../lambda/contract';
import { askHold, describeHold } from '../../../lambda/runbook/hold';
import { listRecoveries, readLock, releaseLock, takeLock, updateLock } from '../../../lambda/runbook/recovery-lock';
import { ssmClient } from '../../../rehearsal/server/clients';
import { useRegion } from '../../real/region';
import { recoveryOf } from '../../simulated/parameters';

const local = useRegion();
const ssm = () => ssmClient(local().region.clients(local().name));
let number = 0;
const database = () => ({ kind: 'database', id: `orders-${++number}` }) as const;
const other = 'arn:aws:lambda:us-west-2:123456789012:function:recover:1/durable-execution/two';
const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: Error) => ({ name: error.name, message: error.message }),
  );

test('two recoveries of one target never run together: the second is told who runs the first', async () => {
  const of = database();
  const one = recoveryOf(of);
  const two = recoveryOf(of, { execution: other });
  const both = await Promise.all([one, two].map((recovery) => failure(takeLock(ssm(), recovery))));
  expect(both.filter((error) => error === undefined)).toHaveLength(1);
  const [refused] = both.filter((error) => error !== undefined);
  expect(refused).toMatchObject({
    name: 'RecoveryLocked',
    message: expect.stringMatching(
      /orders-\d+ is being recovered by recover-database, which .*ada started at .*abandon/,
    ),
  });
  await takeLock(ssm(), recoveryOf(database(), { execution: other }));
});

test('the same run takes it again after a crash, and finds the state as it left it', async () => {
  const recovery = recoveryOf(database());
  await takeLock(ssm(), recovery);
  const state = { phase: 'restore', since: '2026-11-20T03:10:00Z', waitingFor: null, next: 'checks', approval: null };
  await updateLock(ssm(), recovery.of, recovery.execution, state);
  await takeLock(ssm(), recovery);
  expect(await readLock(ssm(), recovery.of)).toEqual({ ...recovery, ...state });
});

test('only the run that holds it changes or releases it; releasing it again does nothing', async () => {
  const recovery = recoveryOf(database());
  await takeLock(ssm(), recovery);
  const refused = expect.objectContaining({ name: 'RecoveryLocked' });
  expect(await failure(updateLock(ssm(), recovery.of, other, recovery))).toEqual(refused);
  expect(await failure(releaseLock(ssm(), recovery.of, other))).toEqual(refused);
  expect(await readLock(ssm(), recovery.of)).toEqual(recovery);
  await releaseLock(ssm(), recovery.of, recovery.execution);
  await releaseLock(ssm(), recovery.of, recovery.execution);
  expect(await readLock(ssm(), recovery.of)).toBeNull();
});

test('a run whose recovery was abandoned stops at its next change, and does not take the lock back by it', async () => {
  const recovery = recoveryOf(database());
  await takeLock(ssm(), recovery);
  await releaseLock(ssm(), recovery.of, recovery.execution);
  expect(await failure(updateLock(ssm(), recovery.of, recovery.execution, recovery))).toMatchObject({
    message: expect.stringMatching(/no longer open/),
  });
  expect(await readLock(ssm(), recovery.of)).toBeNull();
});

test('while it is open, its target is on hold; what cannot be understood holds it, too', async () => {
  const recovery = recoveryOf(database());
  const ask = askHold([ssm()], recovery.of, Date.now);
  expect(await ask()).toBeNull();
  await takeLock(ssm(), recovery);
  const held = await ask();
  expect(held && describeHold(held)).toBe(
    `on hold until its recovery ends, set by ${recovery.startedBy} at ${recovery.started}: recover-database is at work (approval)`,
  );
  const Name = recoveryParameter(recovery.of);
  await ssm().send(new PutParameterCommand({ Name, Value: '{}', Overwrite: true, Type: 'String' }));
  await expect(ask()).rejects.toThrow(/is not a recovery that this version understands/);
  expect((await listRecoveries(ssm())).unread).toEqual([expect.stringContaining(Name)]);
});

test('a state that no parameter can hold is refused before anything is written', async () => {
  const recovery = recoveryOf(database());
  const long = '\u{1f6df}'.repeat(200);
  const state = { ...recovery, phase: long, waitingFor: long, next: long };
  await takeLock(ssm(), recovery);
  const key = `${'k'.repeat(2000)}.md`;
  const approval = recovery.approval && { ...recovery.approval, key };
  await expect(updateLock(ssm(), recovery.of, recovery.execution, { ...state, approval })).rejects.toThrow(
    /holds 4096/,
  );
  expect(await readLock(ssm(), recovery.of)).toEqual(recovery);
});
