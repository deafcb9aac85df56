/** Restarts of Auto Scaling groups: one refresh for one restart, after any earlier one. */
import * as sdk from '@aws-sdk/client-auto-scaling';
import { InstanceRefreshRestart } from '../../../lambda/cut-over/instance-refresh';
import { Recorder } from '../../simulated/recorder';
import { crashOnce, startUntilBegun } from './crashing';
import { later, RESTARTING } from './endpoints';

/** A group that runs one refresh at a time, as Auto Scaling does. */
function group(...refreshes: sdk.InstanceRefresh[]) {
  const recorder = new Recorder(sdk);
  const state = { refreshes };
  recorder.on('DescribeInstanceRefreshes', ({ InstanceRefreshIds: ids }: sdk.DescribeInstanceRefreshesType) => ({
    InstanceRefreshes: state.refreshes.filter(({ InstanceRefreshId = '' }) => !ids || ids.includes(InstanceRefreshId)),
  }));
  recorder.on('StartInstanceRefresh', () => {
    if (state.refreshes.some(({ Status }) => Status === 'InProgress' || Status === 'Pending')) {
      throw recorder.error('InstanceRefreshInProgressFault', 'An Instance Refresh is already in progress');
    }
    const InstanceRefreshId = `refresh-${state.refreshes.length + 1}`;
    state.refreshes = [{ InstanceRefreshId, Status: 'Pending' }, ...state.refreshes];
    return { InstanceRefreshId };
  });
  const autoScaling = recorder.client(sdk.AutoScalingClient);
  return { recorder, state, autoScaling, way: new InstanceRefreshRestart(autoScaling, 'web') };
}

test('a refresh is started without skipping instances, and awaited', async () => {
  const { recorder, state, way } = group();
  expect(await way.start(RESTARTING)).toEqual({ id: 'refresh-1' });
  expect(recorder.inputs('StartInstanceRefresh')).toEqual([
    { AutoScalingGroupName: 'web', Preferences: { SkipMatching: false } },
  ]);
  state.refreshes = [{ InstanceRefreshId: 'refresh-1', Status: 'InProgress', PercentageComplete: 40 }];
  expect(await way.look('refresh-1')).toEqual({ done: false, state: 'refresh refresh-1 is InProgress, 40 % complete' });
  state.refreshes = [{ InstanceRefreshId: 'refresh-1', Status: 'Successful', PercentageComplete: 100 }];
  expect(await way.look('refresh-1')).toMatchObject({ done: true });
});

test.each([true, false])('a crash around the call leads to one refresh (after its effect: %s)', async (after) => {
  const { recorder, autoScaling } = group();
  const way = new InstanceRefreshRestart(crashOnce(autoScaling, 'StartInstanceRefresh', after), 'web');
  expect(await startUntilBegun(() => way.start(RESTARTING))).toBe('refresh-1');
  expect(recorder.inputs('StartInstanceRefresh')).toHaveLength(1);
});

test('one that finished before the crash was noticed is found, not repeated', async () => {
  const { recorder, way } = group({ InstanceRefreshId: 'quick', Status: 'Successful', StartTime: later(5) });
  expect(await way.start(RESTARTING)).toEqual({ id: 'quick' });
  expect(recorder.operations).not.toContain('StartInstanceRefresh');
});

test('one that began before applications were sent is waited for, and then ours begins', async () => {
  const old = { InstanceRefreshId: 'old', Status: 'InProgress' as const, StartTime: later(-600) };
  const { state, way } = group(old);
  expect(await way.start(RESTARTING)).toEqual({ waits: expect.stringContaining('refresh old is InProgress') });
  state.refreshes = [{ ...old, Status: 'Successful' }];
  expect(await way.start(RESTARTING)).toEqual({ id: 'refresh-2' });
});

test('one that begins between the look and the call is found by the next start', async () => {
  const { recorder, state, way } = group();
  recorder.on('DescribeInstanceRefreshes', () => {
    const seen = [...state.refreshes];
    state.refreshes = [{ InstanceRefreshId: 'theirs', Status: 'Pending' }];
    return { InstanceRefreshes: seen };
  });
  expect(await way.start(RESTARTING)).toEqual({ waits: 'a refresh has just begun' });
  expect(await way.start(RESTARTING)).toEqual({ id: 'theirs' });
});

test.each(['Failed', 'Cancelled', 'RollbackSuccessful'] as const)(
  '%s is a failure, with what to do',
  async (Status) => {
    const { way } = group({ InstanceRefreshId: 'x', Status, StatusReason: 'no healthy instance' });
    expect((await way.look('x')).failed).toMatch(/no healthy instance.* still use the damaged database/);
  },
);
