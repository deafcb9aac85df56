/** The recorder refuses what AWS's own schemas refuse, in requests and in the answers of tests. */
import * as sdk from '@aws-sdk/client-ecs';
import { Recorder } from '../../simulated/recorder';

const make = () => {
  const recorder = new Recorder(sdk);
  return { recorder, ecs: recorder.client(sdk.ECSClient) };
};

test('a request that fits is recorded, and answered from the script', async () => {
  const { recorder, ecs } = make();
  recorder.on('UpdateService', ({ service }) => ({ service: { serviceName: service } }));
  const answer = await ecs.send(new sdk.UpdateServiceCommand({ service: 'orders', forceNewDeployment: true }));
  expect(answer.service?.serviceName).toBe('orders');
  expect(recorder.calls).toEqual([
    { operation: 'UpdateService', input: { service: 'orders', forceNewDeployment: true } },
  ]);
});

test.each([
  [{ cluster: 'shop' }, "UpdateService lacks the required member 'service'"],
  [{ service: 'orders', force: true }, "UpdateService has no member 'force'"],
  [{ service: 'orders', desiredCount: '2' }, 'UpdateService.desiredCount is "2", but has to be a number'],
  [{ service: 'orders', loadBalancers: [{ containerPort: true }] }, 'loadBalancers[0].containerPort is true'],
])('a request %j is refused', async (input, message) => {
  const { recorder, ecs } = make();
  recorder.on('UpdateService', () => ({}));
  const command = new sdk.UpdateServiceCommand(input as unknown as sdk.UpdateServiceCommandInput);
  await expect(ecs.send(command)).rejects.toThrow(message);
  expect(recorder.calls).toEqual([]);
});

test('a call without a script, an answer that AWS could not give, and an unknown error are refused', async () => {
  const { recorder, ecs } = make();
  const describe = new sdk.DescribeServicesCommand({ services: ['orders'] });
  await expect(ecs.send(describe)).rejects.toThrow('the test has no answer to DescribeServices');
  recorder.on('DescribeServices', () => ({ services: [{ createdAt: 'today' }] }));
  await expect(ecs.send(describe)).rejects.toThrow('createdAt is "today", but has to be a Date');
  expect(() => recorder.on('RestartService', () => ({}))).toThrow("the service has no operation 'RestartService'");
  expect(() => recorder.error('ServiceGone', '')).toThrow("the service has no error 'ServiceGone'");
  expect(recorder.error('ServiceNotFoundException', 'gone').name).toBe('ServiceNotFoundException');
});
