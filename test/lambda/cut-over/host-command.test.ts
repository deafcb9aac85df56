/** Restarts by a command on hosts: sent once, found again by its comment, awaited on each host. */
import * as sdk from '@aws-sdk/client-ssm';
import { HostCommandRestart } from '../../../lambda/cut-over/host-command';
import { Recorder } from '../../simulated/recorder';
import { crashOnce, startUntilBegun } from './crashing';
import { RESTARTING } from './endpoints';

const COMMAND = {
  document: 'AWS-RunShellScript',
  tagKey: 'role',
  tagValue: 'web',
  commands: ['cd /srv/shop', 'docker compose restart'],
};

function hosts() {
  const recorder = new Recorder(sdk);
  const state: { commands: sdk.Command[]; invocations: sdk.CommandInvocation[] } = { commands: [], invocations: [] };
  recorder.on('ListCommands', ({ CommandId: id }: sdk.ListCommandsRequest) => ({
    Commands: state.commands.filter(({ CommandId }) => id === undefined || CommandId === id),
  }));
  recorder.on('ListCommandInvocations', () => ({ CommandInvocations: state.invocations }));
  recorder.on('SendCommand', ({ Comment }: sdk.SendCommandRequest) => {
    const Command: sdk.Command = { CommandId: `c-${state.commands.length + 1}`, Comment, Status: 'Pending' };
    state.commands = [Command, ...state.commands];
    return { Command };
  });
  const ssm = recorder.client(sdk.SSMClient);
  const set = (more: sdk.Command, ...invocations: sdk.CommandInvocation[]) => {
    state.commands = [{ ...state.commands[0], TargetCount: 2, CompletedCount: 2, ...more }];
    state.invocations = invocations;
  };
  return { recorder, ssm, set, way: new HostCommandRestart(ssm, COMMAND) };
}

test('the command is sent to the tagged hosts, and done when each of them is', async () => {
  const { recorder, set, way } = hosts();
  const { id = '' } = await way.start(RESTARTING);
  expect(recorder.inputs('SendCommand')).toEqual([
    {
      DocumentName: 'AWS-RunShellScript',
      Targets: [{ Key: 'tag:role', Values: ['web'] }],
      Parameters: { commands: COMMAND.commands },
      Comment: expect.stringMatching(/^lifeboat 0123456789ab-[0-9a-z]+ [0-9a-f]{12}$/),
      MaxErrors: '100%',
    },
  ]);
  set({ Status: 'InProgress', StatusDetails: 'InProgress', CompletedCount: 1 });
  expect(await way.look(id)).toEqual({ done: false, state: 'command c-1 is InProgress: 1 of 2 hosts are done' });
  set({ Status: 'Success' }, { InstanceId: 'i-1', Status: 'Success' }, { InstanceId: 'i-2', Status: 'Success' });
  expect(await way.look(id)).toMatchObject({ done: true });
});

test.each([true, false])('a crash around the call leads to one command (after its effect: %s)', async (after) => {
  const { recorder, ssm } = hosts();
  const way = new HostCommandRestart(crashOnce(ssm, 'SendCommand', after), COMMAND);
  expect(await startUntilBegun(() => way.start(RESTARTING))).toBe('c-1');
  expect(recorder.inputs('SendCommand')).toHaveLength(1);
});

test('another command of the run, and a later restart of it, are sent as well', async () => {
  const { recorder, ssm, way } = hosts();
  await way.start(RESTARTING);
  await new HostCommandRestart(ssm, { ...COMMAND, commands: ['reboot'] }).start(RESTARTING);
  await way.start({ ...RESTARTING, since: '2026-11-29T05:00:00Z' });
  expect(recorder.inputs('SendCommand')).toHaveLength(3);
});

test('hosts that failed are named, without what they printed', async () => {
  const { set, way } = hosts();
  const { id = '' } = await way.start(RESTARTING);
  set(
    { Status: 'Success' },
    { InstanceId: 'i-1', Status: 'Success' },
    { InstanceId: 'i-2', Status: 'Failed', StatusDetails: 'Failed', TraceOutput: 'hunter2' },
  );
  const { failed, done } = await way.look(id);
  expect(failed).toMatch(/\(i-2: Failed\)/);
  expect([done, failed?.includes('hunter2')]).toEqual([false, false]);
});

test('a tag that no host has is a failure, though SSM calls it a success', async () => {
  const { set, way } = hosts();
  const { id = '' } = await way.start(RESTARTING);
  set({ Status: 'Success', StatusDetails: 'NoInstancesInTag', TargetCount: 0, CompletedCount: 0 });
  expect((await way.look(id)).failed).toContain('no host has this tag');
});
