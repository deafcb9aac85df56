/** Restarts of ECS services: one deployment for one restart, awaited, and its failure told. */
import * as sdk from '@aws-sdk/client-ecs';
import { EcsRestart } from '../../../lambda/cut-over/ecs';
import { Recorder } from '../../simulated/recorder';
import { crashOnce, startUntilBegun } from './crashing';
import { later, RESTARTING } from './endpoints';

const deployment = (id: string, seconds: number, more: Partial<sdk.Deployment> = {}): sdk.Deployment => ({
  id,
  status: 'PRIMARY',
  createdAt: later(seconds),
  desiredCount: 3,
  runningCount: 3,
  rolloutState: 'COMPLETED',
  ...more,
});

function service(more: Partial<sdk.Service> = {}) {
  const state: { service: sdk.Service } = {
    service: { status: 'ACTIVE', desiredCount: 3, deployments: [deployment('old', -3600)], ...more },
  };
  const recorder = new Recorder(sdk).on('DescribeServices', () => ({ services: [state.service] }));
  let forced = 0;
  recorder.on('UpdateService', () => {
    forced += 1;
    const before = (state.service.deployments ?? []).map((one) => ({ ...one, status: 'ACTIVE' }));
    const own = deployment(`forced-${forced}`, forced, { rolloutState: 'IN_PROGRESS', runningCount: 0 });
    state.service = { ...state.service, deployments: [own, ...before] };
    return { service: state.service };
  });
  const ecs = recorder.client(sdk.ECSClient);
  const set = (...deployments: sdk.Deployment[]) => {
    state.service = { ...state.service, deployments };
  };
  return { recorder, ecs, set, way: new EcsRestart(ecs, 'shop', 'orders') };
}

test('a new deployment is forced, and done when its rollout is', async () => {
  const { recorder, set, way } = service();
  const { id = '' } = await way.start(RESTARTING);
  expect(recorder.inputs('UpdateService')).toEqual([{ cluster: 'shop', service: 'orders', forceNewDeployment: true }]);
  expect(await way.look(id, RESTARTING)).toEqual({
    done: false,
    state: 'deployment forced-1 is IN_PROGRESS: 0 of 3 tasks run',
  });
  set(deployment(id, 1));
  expect(await way.look(id, RESTARTING)).toMatchObject({ done: true });
});

test.each([true, false])('a crash around the call leads to one deployment (after its effect: %s)', async (after) => {
  const { recorder, ecs } = service();
  const way = new EcsRestart(crashOnce(ecs, 'UpdateService', after), 'shop', 'orders');
  expect(await startUntilBegun(() => way.start(RESTARTING))).toBe('forced-1');
  expect(recorder.inputs('UpdateService')).toHaveLength(1);
  await way.start(RESTARTING);
  expect(recorder.inputs('UpdateService')).toHaveLength(1);
});

test('a deployment from before applications were sent does not count as a restart', async () => {
  const { recorder, set, way } = service();
  set(deployment('just before', -1, { rolloutState: 'IN_PROGRESS' }));
  expect(await way.start(RESTARTING)).toEqual({ id: 'forced-1' });
  expect(recorder.inputs('UpdateService')).toHaveLength(1);
});

test("the circuit breaker's failure is told, rolled back or not", async () => {
  const { set, way } = service();
  const { id = '' } = await way.start(RESTARTING);
  const own = { rolloutState: 'FAILED', rolloutStateReason: 'ECS deployment circuit breaker: tasks failed to start.' };
  set(deployment(id, 1, own as Partial<sdk.Deployment>));
  expect((await way.look(id, RESTARTING)).failed).toMatch(/forced-1 failed \(ECS deployment circuit breaker: tasks/);
  const rolloutStateReason = 'ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.';
  set(deployment('back', 2, { rolloutStateReason }));
  expect(await way.look(id, RESTARTING)).toMatchObject({
    done: false,
    failed: expect.stringContaining('rolling back'),
  });
});

test("a later deployment of somebody's counts, since its tasks have read the new address too", async () => {
  const { set, way } = service();
  const { id = '' } = await way.start(RESTARTING);
  set(deployment('theirs', 5, { rolloutState: 'IN_PROGRESS' }), deployment(id, 1, { status: 'ACTIVE' }));
  expect(await way.look(id, RESTARTING)).toMatchObject({ done: false, state: expect.stringContaining('theirs') });
  set(deployment('theirs', 5));
  expect(await way.look(id, RESTARTING)).toMatchObject({ done: true });
});

test.each([
  [{ status: 'INACTIVE' }, 'is INACTIVE'],
  [{ deploymentController: { type: 'CODE_DEPLOY' as const } }, 'is deployed by CODE_DEPLOY'],
])('%j is refused', async (more, message) => {
  const { way } = service(more);
  await expect(way.start(RESTARTING)).rejects.toThrow(message);
});

test('a service without tasks or circuit breaker is told before the approval', async () => {
  const { way } = service({ desiredCount: 0 });
  expect(await way.warnings()).toEqual([
    expect.stringContaining('is set to run no task'),
    expect.stringContaining('has no deployment circuit breaker'),
  ]);
});
