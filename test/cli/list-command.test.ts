/** `lifeboat list` against parameters of a rehearsal region, as drills are deployed with them. */
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import {
  type DeployedDrill,
  type DeployedRecovery,
  deployedParameter,
  deployedRecoveryParameter,
} from '../../lambda/contract';
import { listDeployed } from '../../lambda/runbook/deployed';
import { ssmClient } from '../../rehearsal/server/clients';
import { useRegion } from '../real/region';
import { lifeboat } from './command';

const local = useRegion();
const list = (region: string, ...args: string[]) => {
  const { accessKeyId, secretAccessKey } = local().region.keys;
  const keys = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
  return lifeboat(['list', '--endpoint', local().region.endpoint, '--region', region, ...args], keys);
};
const put = (region: string, name: string, value: string) =>
  ssmClient(local().region.clients(region)).send(
    new PutParameterCommand({ Name: name, Value: value, Type: 'String', Overwrite: true }),
  );
const drill = (target: string, region: string): DeployedDrill => ({
  formatVersion: 1,
  kind: 'drill',
  plan: 'Protection',
  target,
  drill: 'Monthly',
  region,
  instance: target.toLowerCase(),
  function: `arn:aws:lambda:${region}:111122223333:function:${target}:live`,
  schedule: `${target}-schedule`,
  evidenceBucket: 'evidence-bucket',
  signingKey: `arn:aws:kms:${region}:111122223333:key/1`,
});
const deploy = (deployed: DeployedDrill) =>
  put(deployed.region, deployedParameter(deployed), JSON.stringify({ ...deployed, fromLater: 1 }));

test('names what starts each drill of a region, and where its evidence is', async () => {
  const none = await list('eu-west-1');
  expect([none.code, none.out]).toEqual([0, 'eu-west-1: no drill is deployed\n']);
  const many = Array.from({ length: 11 }, (_, number) => `Orders${number + 10}`);
  for (const target of [...many, 'Billing']) await deploy(drill(target, 'eu-west-1'));
  await deploy(drill('Orders', 'us-west-2'));
  const { code, out, err } = await list('eu-west-1');
  expect([code, err]).toEqual([0, '']);
  expect(out.split('\n').slice(0, 6)).toEqual([
    'eu-west-1: drill Monthly of Billing in plan Protection',
    '  database  billing',
    '  function  arn:aws:lambda:eu-west-1:111122223333:function:Billing:live',
    '  schedule  Billing-schedule',
    '  evidence  s3://evidence-bucket/evidence/Protection/Billing/',
    'eu-west-1: drill Monthly of Orders10 in plan Protection',
  ]);
  expect(out.match(/^eu-west-1: /gm)).toHaveLength(12);
  const json = await list('us-west-2', '--json');
  expect(JSON.parse(json.out)).toEqual({ region: 'us-west-2', drills: [drill('Orders', 'us-west-2')], recoveries: [] });
});

test('names what starts each recovery, and leaves out kinds that only a later version knows', async () => {
  const region = 'eu-north-1';
  await deploy(drill('Orders', region));
  const recovery: DeployedRecovery = {
    formatVersion: 1,
    kind: 'recovery',
    of: 'database',
    plan: 'Protection',
    target: 'Orders',
    recovery: 'Monthly',
    region,
    instance: 'orders',
    function: `arn:aws:lambda:${region}:111122223333:function:Recovery:live`,
    approval: 'another',
    cutOver: ['rename'],
    evidenceBucket: 'evidence-bucket',
    signingKey: `arn:aws:kms:${region}:111122223333:key/1`,
  };
  await put(region, deployedRecoveryParameter(recovery), JSON.stringify(recovery));
  await put(region, '/lifeboat/targets/Protection/Orders/later/1', JSON.stringify({ formatVersion: 1, kind: 'later' }));
  const { code, out, err } = await list(region);
  expect([code, err]).toEqual([0, '']);
  expect(out.match(/^eu-north-1: /gm)).toHaveLength(2);
  expect(out).toContain("  start     lifeboat recover database 'Protection' 'Orders' --region eu-north-1");
  expect(out).toContain('  evidence  s3://evidence-bucket/recoveries/Protection/Orders/');
  const { recoveries, unread } = await listDeployed(ssmClient(local().region.clients(region)));
  expect([recoveries, unread]).toEqual([[recovery], []]);
});

test('a parameter that it can not read is named, and the others are listed', async () => {
  await deploy(drill('Orders', 'ap-south-1'));
  await put('ap-south-1', '/lifeboat/targets/Protection/Odd/Monthly', 'yes');
  await put('ap-south-1', '/lifeboat/targets/Protection/Later/Monthly', JSON.stringify({ formatVersion: 2 }));
  const { code, out, err } = await list('ap-south-1');
  expect(code).toBe(1);
  expect(out).toContain('drill Monthly of Orders');
  expect(err).toContain("ap-south-1: parameter '/lifeboat/targets/Protection/Odd/Monthly' is not JSON");
  expect(err).toMatch(/Later\/Monthly' is not valid[\s\S]*formatVersion: must be 1; another one needs another version/);
});
