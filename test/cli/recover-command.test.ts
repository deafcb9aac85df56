/** `lifeboat recover` against a rehearsal region, which has no functions to start: what it refuses, and what it would call. */
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { type DeployedRecovery, deployedRecoveryParameter } from '../../lambda/contract';
import { type Deployed, RecoveryRun } from '../../lambda/recover/recovery';
import type { SharedPorts } from '../../lambda/recover/shared-ports';
import { readLock, takeLock } from '../../lambda/runbook/recovery-lock';
import { runOfExecution } from '../../lambda/runbook/run-id';
import type { Runbook } from '../../lambda/runbook/steps';
import { ssmClient } from '../../rehearsal/server/clients';
import { useRegion } from '../real/region';
import { recoveryOf } from '../simulated/parameters';
import { lifeboat } from './command';

const local = useRegion();
const ssm = () => ssmClient(local().region.clients(local().name));
const recover = (...args: string[]) => {
  const { accessKeyId, secretAccessKey } = local().region.keys;
  const keys = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
  return lifeboat(['recover', ...args, '--endpoint', local().region.endpoint, '--region', local().name], keys);
};

const deployed = (of: DeployedRecovery['of'], recovery: string): DeployedRecovery => ({
  formatVersion: 1,
  kind: 'recovery',
  of,
  plan: 'Shop',
  target: 'Orders',
  recovery,
  region: 'eu-central-1',
  instance: 'orders',
  function: `arn:aws:lambda:eu-central-1:111122223333:function:${recovery}:live`,
  approval: 'another',
  cutOver: [],
  evidenceBucket: 'evidence',
  signingKey: 'arn:aws:kms:eu-central-1:111122223333:key/1',
});

async function deploy(one: DeployedRecovery): Promise<void> {
  const Name = deployedRecoveryParameter(one);
  await ssm().send(new PutParameterCommand({ Name, Value: JSON.stringify(one), Type: 'String', Overwrite: true }));
}

const WHY = ['--reason', 'DELETE without WHERE'];

test.each<[string[], RegExp]>([
  [['database', 'Shop', 'Orders', '--to', 'yesterday', ...WHY], /'--to' is 'yesterday', which is not latest/],
  [['database', 'Shop', 'Orders', '--to', 'latest'], /required option '--reason <text>' not specified/],
  [['tables', 'Shop', 'Orders', '--to', 'latest', '--table', 'a.b.c', ...WHY], /'a.b.c', which is not a table/],
  [
    ['tables', 'Shop', 'Orders', '--to', 'latest', '--table', 'a', '--way', 'copy', ...WHY],
    /Allowed choices are insert/,
  ],
  [['undo', 'Shop', 'Orders', ...WHY], /required option '--run <run>' not specified/],
])('%j is misuse, and starts nothing', async (args, says) => {
  const { code, out, err } = await recover(...args);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toMatch(says);
});

test('says what is deployed, where there is none, or more than one', async () => {
  const start = ['tables', 'Shop', 'Orders', '--to', 'latest', '--table', 'votes', ...WHY];
  const none = await recover(...start);
  expect(none.code).toBe(1);
  expect(none.err).toMatch(/no recovery of tables of 'Orders' in plan 'Shop' is deployed in eu-central-1/);
  await deploy(deployed('tables', 'Rows'));
  await deploy(deployed('tables', 'More'));
  await deploy(deployed('database', 'Production'));
  const several = await recover(...start);
  expect(several.err).toMatch(/several are deployed in eu-central-1 .*: 'More', 'Rows'; name one with --recovery/);
  const started = await recover(...start, '--recovery', 'Rows');
  // It is asked for by its alias; a rehearsal has no functions, and says so.
  expect(started.err).toMatch(/does not model POST .*function%3ARows%3Alive\/invocations of Lambda/);
  expect(started.code).toBe(1);
});

test.each([
  ['recover-database', 'roll-back'],
  ['recover-tables', 'undo'],
] as const)('takes the command that the report of %s names', async (kind, action) => {
  const plan = { plan: 'Shop', target: 'Nothing here' } as Deployed;
  const command = new RecoveryRun({} as SharedPorts, plan, {} as Runbook, kind).commandToTakeBack('0123456789ab');
  expect(command).toBe(`lifeboat recover ${action} 'Shop' 'Nothing here' --run 0123456789ab --reason '...'`);
  const words = Array.from(command.matchAll(/'([^']*)'|(\S+)/g), ([, quoted, word]) => quoted ?? word!);
  const { code, err } = await recover(...words.slice(2));
  // Understood, and refused only since nothing of the target is deployed.
  expect([code, err]).toEqual([
    1,
    expect.stringContaining("of 'Nothing here' in plan 'Shop' is deployed in eu-central-1"),
  ]);
});

test('ends no other recovery than the named one', async () => {
  const of = { kind: 'database', id: 'orders' } as const;
  const open = recoveryOf(of, { plan: 'Shop', target: 'Orders' });
  await takeLock(ssm(), open);
  const { code, err } = await recover('abandon', 'Shop', 'Orders', '--run', '0123456789ab');
  expect(code).toBe(1);
  expect(err).toContain(`the open recovery is run ${runOfExecution(open.execution)}, not 0123456789ab`);
  expect(await readLock(ssm(), of)).toEqual(open);
  expect((await recover('abandon', 'Shop', 'Nothing', '--run', '0')).err).toMatch(
    /no recovery of 'Nothing' .* is open/,
  );
});
