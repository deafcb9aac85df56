/** What the runbooks' files call of AWS is what their roles allow: nothing that is called is left to fail at night. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Stack } from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as eks from 'aws-cdk-lib/aws-eks';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as route53 from 'aws-cdk-lib/aws-route53';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { CutOver, Health, Restart, TableRecoveryRunbook } from '../../../lib';
import { type Statement, statementsOf } from '../../template/policies';
import { newStack, Template } from '../../template/stacks';
import { least, newRecovery, secretOf, vpcOf } from './new-recovery';

const lambdas = join(__dirname, '..', '..', '..', 'lambda');

/** Actions by the name of their command, where IAM calls them differently. */
const RENAMED: Readonly<Record<string, string>> = {
  'lambda:Invoke': 'lambda:InvokeFunction',
  's3:ListObjectsV2': 's3:ListBucket',
};

/**
 * Anyone may call the first for themselves; the second lists locks for the command line, and the third deletes copies of
 * drills, in files that recoveries import as well.
 */
const FREE = ['sts:GetCallerIdentity', 'ssm:GetParametersByPath', 'rds:DeleteDBInstance'];

/** Services by the name of their client. */
const SERVICES: Readonly<Record<string, string>> = {
  'auto-scaling': 'autoscaling',
  'route-53': 'route53',
  'secrets-manager': 'secretsmanager',
};

/** Actions that a file and all that it imports call. */
function calledFrom(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return new Set();
  seen.add(file);
  const text = readFileSync(file, 'utf8');
  const called = new Set<string>();
  for (const [, names = '', from = ''] of text.matchAll(/^import (?!type)[^;]*?\{([^}]*)\} from '([^']+)';/gm)) {
    const [, client] = /^@aws-sdk\/client-(.+)$/.exec(from) ?? [];
    if (client) {
      const service = SERVICES[client] ?? client;
      for (const name of names.split(',').map((one) => one.trim())) {
        const [, command] = /^(?:(\w+)Command|paginate(\w+))$/.exec(name)?.filter(Boolean) ?? [];
        if (command) called.add(RENAMED[`${service}:${command}`] ?? `${service}:${command}`);
      }
    }
    const beside = join(file, '..', `${from}.ts`);
    if (from.startsWith('.') && existsSync(beside)) for (const one of calledFrom(beside, seen)) called.add(one);
  }
  return called;
}

function everyWay(stack: Stack): Statement[] {
  const cluster = ecs.Cluster.fromClusterAttributes(stack, 'Cluster', { clusterName: 'shop', vpc: vpcOf(stack, 'C') });
  const service = { cluster, serviceName: 'orders' };
  newRecovery(stack, {
    cutOver: [
      CutOver.secret(secretOf(stack, 'application')),
      CutOver.rename(),
      CutOver.dns(route53.HostedZone.fromHostedZoneId(stack, 'Zone', 'Z1'), 'orders.example.com'),
      CutOver.parameter(ssm.StringParameter.fromStringParameterName(stack, 'Host', '/orders/host')),
    ],
    restart: [
      Restart.ecs(ecs.FargateService.fromFargateServiceAttributes(stack, 'Service', service)),
      Restart.instanceRefresh(autoscaling.AutoScalingGroup.fromAutoScalingGroupName(stack, 'Group', 'web')),
      Restart.lambda(lambda.Function.fromFunctionName(stack, 'Orders', 'orders'), 'live'),
      Restart.command({ tagKey: 'Role', tagValue: 'shop', commands: ['docker compose restart'] }),
      Restart.kubernetes(eks.Cluster.fromClusterAttributes(stack, 'Eks', { clusterName: 'shop' }), {
        namespace: 'shop',
        deployments: ['orders'],
      }),
    ],
    health: [Health.alarms(cloudwatch.Alarm.fromAlarmName(stack, 'Alarm', 'errors'))],
  });
  return statementsOf(Template.fromStack(stack), /^ProductionConductorHandlerRole/);
}

function tables(stack: Stack): Statement[] {
  const { cutOver, ...others } = least(stack);
  new TableRecoveryRunbook(stack, 'Tables', {
    ...others,
    databaseName: 'shop',
    notify: sns.Topic.fromTopicArn(stack, 'Told', 'arn:aws:sns:us-east-1:123456789012:told'),
  });
  return statementsOf(Template.fromStack(stack), /^TablesConductorHandlerRole/);
}

const actionsOf = (statements: readonly Statement[]) =>
  new Set(statements.filter(({ Effect }) => Effect === 'Allow').flatMap(({ Action }) => [Action].flat()));

test('commands are found in what a file imports', () => {
  const called = calledFrom(join(lambdas, 'drill', 'drill-restore.ts'));
  expect([...called]).toEqual(
    expect.arrayContaining(['rds:DeleteDBInstance', 's3:PutObject', 'lambda:InvokeFunction']),
  );
});

test.each([
  ['a recovery of a database', everyWay, [join('recover', 'recover-database.ts')]],
  ['a recovery of tables', tables, [join('recover-tables', 'recover-tables.ts')]],
] as const)('%s is allowed all that it calls', (_, make, files) => {
  const allowed = actionsOf(make(newStack()));
  const called = files.flatMap((file) => [...calledFrom(join(lambdas, file))]);
  expect(called.filter((action) => !allowed.has(action) && !FREE.includes(action)).sort()).toEqual([]);
});

test('each way of cutting over, restarting and seeing health is allowed all that it calls', () => {
  const allowed = actionsOf(everyWay(newStack()));
  const called = [...calledFrom(join(lambdas, 'cut-over', 'ways.ts'))];
  expect(called.length).toBeGreaterThan(15);
  expect(called.filter((action) => !allowed.has(action) && !FREE.includes(action)).sort()).toEqual([]);
});
