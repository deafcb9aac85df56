/** What each way of cutting over, restarting and looking at health lets a recovery do, and that it is no more. */
import type { Stack } from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as eks from 'aws-cdk-lib/aws-eks';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as route53 from 'aws-cdk-lib/aws-route53';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { CutOver, DrillSource, Health, RecoveredStorage, type RecoveryRunbookProps, Restart } from '../../../lib';
import { ACCOUNT, allows, type Call, REGION, resolved, statementsOf } from '../../template/policies';
import { importedDatabase, newStack, Template } from '../../template/stacks';
import { newRecovery, secretOf, vpcOf } from './new-recovery';

/** All that a recovery may do with these ways. */
function allowed(props: (stack: Stack) => Partial<RecoveryRunbookProps>) {
  const stack = newStack();
  const made = newRecovery(stack, { cutOver: [CutOver.rename()], ...props(stack) });
  const statements = statementsOf(Template.fromStack(stack), /^ProductionConductorHandlerRole/);
  return { definition: made.definition, can: (call: Call) => allows(statements, call) };
}
const at = (service: string, resource: string) => `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`;
const on = (action: string, ...resources: string[]) => ({ action, resources });

test('a secret: it writes a version of that one, and deletes none', () => {
  const { can } = allowed((stack) => ({ cutOver: [CutOver.secret(secretOf(stack, 'application'))] }));
  const secret = at('secretsmanager', 'secret:application-a1b2c3');
  for (const action of ['GetSecretValue', 'DescribeSecret', 'PutSecretValue', 'UpdateSecretVersionStage']) {
    expect(can(on(`secretsmanager:${action}`, secret))).toBe(true);
  }
  for (const action of ['DeleteSecret', 'UpdateSecret', 'RotateSecret', 'PutResourcePolicy']) {
    expect(can(on(`secretsmanager:${action}`, secret))).toBe(false);
  }
  expect(can(on('secretsmanager:PutSecretValue', at('secretsmanager', 'secret:application-two-a1b2c3')))).toBe(false);
});

describe('a record', () => {
  const { can } = allowed((stack) => {
    const zone = route53.HostedZone.fromHostedZoneId(stack, 'Zone', 'Z1');
    return { cutOver: [CutOver.dns(zone, 'orders.example.com')] };
  });
  const change = (changed: Partial<Record<'RecordNames' | 'RecordTypes' | 'Actions', string[]>>, zone = 'Z1') => {
    const { RecordNames = ['orders.example.com'], RecordTypes = ['CNAME'], Actions = ['DELETE', 'CREATE'] } = changed;
    const context = {
      'route53:ChangeResourceRecordSetsNormalizedRecordNames': RecordNames,
      'route53:ChangeResourceRecordSetsRecordTypes': RecordTypes,
      'route53:ChangeResourceRecordSetsActions': Actions,
    };
    const action = 'route53:ChangeResourceRecordSets';
    return can({ action, resources: [`arn:aws:route53:::hostedzone/${zone}`], context });
  };

  test('is replaced in one batch, and read', () => {
    expect(change({})).toBe(true);
    expect(can(on('route53:ListResourceRecordSets', 'arn:aws:route53:::hostedzone/Z1'))).toBe(true);
    expect(can(on('route53:GetChange', 'arn:aws:route53:::change/C1'))).toBe(true);
  });

  test('of another name, type or zone is not', () => {
    expect(change({ RecordNames: ['orders.example.com', 'example.com'] })).toBe(false);
    expect(change({ RecordNames: ['billing.example.com'] })).toBe(false);
    expect(change({ RecordTypes: ['A'] })).toBe(false);
    expect(change({ Actions: ['UPSERT'] })).toBe(false);
    expect(change({}, 'Z2')).toBe(false);
  });
});

test('a parameter: it writes that one', () => {
  const { can } = allowed((stack) => ({
    cutOver: [CutOver.parameter(ssm.StringParameter.fromStringParameterName(stack, 'Host', '/orders/host'))],
  }));
  expect(can(on('ssm:PutParameter', at('ssm', 'parameter/orders/host')))).toBe(true);
  expect(can(on('ssm:PutParameter', at('ssm', 'parameter/orders/hosts')))).toBe(false);
  expect(can(on('ssm:DeleteParameter', at('ssm', 'parameter/orders/host')))).toBe(false);
});

test('a service of ECS: it is deployed anew, and no other', () => {
  const { can, definition } = allowed((stack) => {
    const cluster = ecs.Cluster.fromClusterAttributes(stack, 'Cluster', {
      clusterName: 'shop',
      vpc: vpcOf(stack, 'C'),
    });
    const attributes = { cluster, serviceName: 'orders' };
    return { restart: [Restart.ecs(ecs.FargateService.fromFargateServiceAttributes(stack, 'Service', attributes))] };
  });
  expect(definition.restart).toEqual([{ kind: 'ecs', cluster: 'shop', service: 'orders' }]);
  const context = { 'ecs:cluster': at('ecs', 'cluster/shop') };
  const update = (service: string) => can({ ...on('ecs:UpdateService', at('ecs', `service/${service}`)), context });
  expect(update('shop/orders')).toBe(true);
  expect(update('shop/billing')).toBe(false);
  expect(can({ ...on('ecs:DeleteService', at('ecs', 'service/shop/orders')), context })).toBe(false);
});

test('an Auto Scaling group: it is refreshed, and no other', () => {
  const { can } = allowed((stack) => ({
    restart: [Restart.instanceRefresh(autoscaling.AutoScalingGroup.fromAutoScalingGroupName(stack, 'Group', 'web'))],
  }));
  const group = (name: string) => at('autoscaling', `autoScalingGroup:1-2-3:autoScalingGroupName/${name}`);
  expect(can(on('autoscaling:StartInstanceRefresh', group('web')))).toBe(true);
  expect(can(on('autoscaling:StartInstanceRefresh', group('webshop')))).toBe(false);
  expect(can(on('autoscaling:UpdateAutoScalingGroup', group('web')))).toBe(false);
  expect(can(on('autoscaling:DescribeInstanceRefreshes', '*'))).toBe(true);
});

test('a function: a version of it is published, and its alias moved', () => {
  const { can } = allowed((stack) => ({
    restart: [Restart.lambda(lambda.Function.fromFunctionName(stack, 'Orders', 'orders'), 'live')],
  }));
  for (const action of ['PublishVersion', 'UpdateAlias', 'UpdateFunctionConfiguration']) {
    expect(can(on(`lambda:${action}`, at('lambda', 'function:orders')))).toBe(true);
    expect(can(on(`lambda:${action}`, at('lambda', 'function:orders-two')))).toBe(false);
  }
  for (const action of ['UpdateFunctionCode', 'InvokeFunction', 'DeleteFunction', 'AddPermission']) {
    expect(can(on(`lambda:${action}`, at('lambda', 'function:orders')))).toBe(false);
  }
});

test('commands: on hosts with the tag, with that document', () => {
  const { can } = allowed(() => ({
    restart: [Restart.command({ tagKey: 'Role', tagValue: 'shop', commands: ['docker compose restart'] })],
  }));
  const send = (document: string, value: string) => {
    const context = { 'ssm:resourceTag/Role': value };
    const host = can({ ...on('ssm:SendCommand', at('ec2', 'instance/i-1')), context });
    return host && can(on('ssm:SendCommand', `arn:aws:ssm:${REGION}::document/${document}`));
  };
  expect(send('AWS-RunShellScript', 'shop')).toBe(true);
  expect(send('AWS-RunShellScript', 'billing')).toBe(false);
  expect(send('AWS-RunRemoteScript', 'shop')).toBe(false);
  expect(can(on('ssm:SendCommand', at('ec2', 'instance/i-1')))).toBe(false);
});

test('deployments of Kubernetes: the cluster is described, and lets the role in itself', () => {
  const { can, definition } = allowed((stack) => {
    const cluster = eks.Cluster.fromClusterAttributes(stack, 'Cluster', { clusterName: 'shop' });
    const secret = { name: 'database', hostField: 'HOST' };
    return { restart: [Restart.kubernetes(cluster, { namespace: 'shop', deployments: ['orders'], secret })] };
  });
  expect(definition.restart).toEqual([
    {
      kind: 'kubernetes',
      cluster: 'shop',
      namespace: 'shop',
      deployments: ['orders'],
      secret: { name: 'database', hostField: 'HOST' },
    },
  ]);
  expect(can(on('eks:DescribeCluster', at('eks', 'cluster/shop')))).toBe(true);
  expect(can(on('eks:UpdateClusterConfig', at('eks', 'cluster/shop')))).toBe(false);
});

test('alarms: they are read', () => {
  const { can, definition } = allowed((stack) => ({
    health: [Health.alarms(cloudwatch.Alarm.fromAlarmName(stack, 'Alarm', 'errors'))],
  }));
  expect(definition.health).toEqual([{ kind: 'alarms', names: ['errors'] }]);
  expect(can(on('cloudwatch:DescribeAlarms', at('cloudwatch', 'alarm:errors')))).toBe(true);
});

test('ways that are not deployed allow nothing', () => {
  const { can } = allowed(() => ({}));
  const calls = [
    on('secretsmanager:PutSecretValue', at('secretsmanager', 'secret:application-a1b2c3')),
    on('ecs:UpdateService', at('ecs', 'service/shop/orders')),
    on('ssm:SendCommand', at('ec2', 'instance/i-1')),
    on('lambda:UpdateAlias', at('lambda', 'function:orders')),
  ];
  expect(calls.filter(can)).toEqual([]);
});

test.each(['Handler', 'Ways'])('the policy %s fits a managed policy, with names as long as they get', (id) => {
  const stack = newStack();
  const long = 'o'.repeat(63);
  const source = DrillSource.database(importedDatabase(stack, long));
  const commands = ['docker compose restart'];
  const secrets = Array.from({ length: 3 }, (_, index) =>
    CutOver.secret(secretOf(stack, `${'s'.repeat(100)}${index}`)),
  );
  newRecovery(stack, {
    source,
    planName: 'P'.repeat(100),
    target: 'T'.repeat(100),
    cutOver: [
      ...secrets,
      CutOver.dns(route53.HostedZone.fromHostedZoneId(stack, 'Zone', 'Z'.repeat(32)), `${long}.com`),
    ],
    restart: [
      Restart.instanceRefresh(autoscaling.AutoScalingGroup.fromAutoScalingGroupName(stack, 'Group', 'g'.repeat(255))),
      Restart.lambda(lambda.Function.fromFunctionName(stack, 'Orders', 'f'.repeat(64)), 'live'),
      Restart.command({ tagKey: 'k'.repeat(128), tagValue: 'v'.repeat(255), commands }),
    ],
    storage: RecoveredStorage.encrypted(kms.Key.fromKeyArn(stack, 'Key', at('kms', `key/${'k'.repeat(36)}`))),
  });
  const policies = Object.entries(Template.fromStack(stack).findResources('AWS::IAM::ManagedPolicy'));
  const own = policies.filter(([name]) => name.startsWith(`ProductionConductor${id}`));
  expect(own.length).toBeGreaterThan(0);
  for (const [, policy] of own) {
    const written = JSON.stringify(policy.Properties.PolicyDocument, (_, value) => {
      const intrinsic =
        typeof value === 'object' && value !== null && Object.keys(value).some((key) => /^(Ref|Fn::)/.test(key));
      return intrinsic ? resolved(value).replace(/<[^>]*>/g, 'A'.repeat(140)) : value;
    });
    expect(written.length).toBeLessThanOrEqual(6144);
  }
});
