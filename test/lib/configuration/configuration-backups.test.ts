import type { Service } from '@aws-sdk/client-ecs';
import { App, CfnParameter, Duration, Stack, Validations } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import { AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks } from 'cdk-nag';
import { storeConfiguration } from '../../../lambda/configuration/store-configuration';
import { type ConfigurationRequest, configurationRequest, parse } from '../../../lambda/contract';
import { watchBackups } from '../../../lambda/watch/watch-backups';
import { ConfigurationBackups, type ConfigurationBackupsProps } from '../../../lib';
import { errorNamed, SimulatedAccount } from '../../simulated/account';
import { ACCOUNT, allows, REGION, resolved, statementsOf } from '../../template/policies';
import { newStack, Template } from '../../template/stacks';

const NOW = Date.parse('2026-11-20T02:00:00Z');
const REQUEST: ConfigurationRequest = { bucket: 'files', prefix: 'configuration/' };

const SERVICE: Service = {
  serviceName: 'web',
  clusterArn: 'arn:aws:ecs:eu-west-1:111122223333:cluster/shop',
  status: 'ACTIVE',
  taskDefinition: 'arn:aws:ecs:eu-west-1:111122223333:task-definition/web:7',
  schedulingStrategy: 'REPLICA',
  launchType: 'FARGATE',
  desiredCount: 3,
  runningCount: 2,
  pendingCount: 1,
  networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-b', 'subnet-a'], securityGroups: ['sg-1'] } },
  roleArn: 'arn:aws:iam::111122223333:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS',
  createdAt: new Date(0),
  events: [{ id: '1', message: '(service web) has started 1 tasks' }],
  deployments: [
    { id: 'ecs-svc/2', status: 'ACTIVE', serviceConnectConfiguration: { enabled: false } },
    { id: 'ecs-svc/3', status: 'PRIMARY', failedTasks: 4, serviceConnectConfiguration: { enabled: true } },
  ],
  tags: [
    { key: 'team', value: 'web' },
    { key: 'aws:cloudformation:stack-name', value: 'zephyr' },
  ],
};

function account(): SimulatedAccount {
  const made = new SimulatedAccount();
  made.stacks.set('zephyr', {
    template: '{"Resources":{}}',
    status: 'UPDATE_COMPLETE',
    parameters: { Size: 'large' },
    outputs: { Url: 'https://zephyr.example.com' },
  });
  made.stacks.set('network', { template: 'Resources: {}\n', status: 'CREATE_COMPLETE', parameters: {} });
  made.stacks.set('draft', { template: '', status: 'REVIEW_IN_PROGRESS', parameters: {} });
  for (const name of ['/zephyr/url', '/zephyr/limit', '/other/url'])
    made.parameters.set(name, { type: 'String', value: `value of ${name}`, version: 1 });
  made.parameters.set('/zephyr/password', { type: 'SecureString', value: 'hunter2', version: 1 });
  made.taskDefinitions.set('web', { revision: 7, image: 'web:1' });
  made.services.set('shop/web', SERVICE);
  const value = (of: string) => [{ Value: of }];
  made.zones.set('zephyr.example.com', {
    id: 'Z1',
    records: [
      { Name: 'zephyr.example.com.', Type: 'NS', TTL: 172_800, ResourceRecords: value('ns-1.awsdns-1.org.') },
      { Name: 'api.zephyr.example.com.', Type: 'A', TTL: 60, ResourceRecords: value('192.0.2.1'), HealthCheckId: 'h1' },
      { Name: 'eu.zephyr.example.com.', Type: 'NS', TTL: 300, ResourceRecords: value('ns-2.awsdns-2.org.') },
    ],
  });
  made.healthChecks.push({
    Id: 'h1',
    CallerReference: '1',
    HealthCheckVersion: 3,
    HealthCheckConfig: { Type: 'HTTPS', FullyQualifiedDomainName: 'api.zephyr.example.com' },
  });
  return made;
}

const store = (of: SimulatedAccount, request: ConfigurationRequest = REQUEST, now = NOW) =>
  storeConfiguration(of.clients, () => now)(request);

describe('what is stored', () => {
  test('leaves out values that CloudFormation masks, which would be taken for passwords, and says which they are', async () => {
    const made = account();
    const parameters = { Password: '****', Size: 'large', Token: '*****', Pattern: '*.zephyr.example.com' };
    made.stacks.set('zephyr', { template: '{}', status: 'CREATE_COMPLETE', parameters });
    await store(made);
    const read = (name: string) => JSON.parse(made.newest(`configuration/stacks/zephyr/${name}`) ?? '');
    expect(read('stack.json').Parameters).toEqual([
      { ParameterKey: 'Pattern', ParameterValue: '*.zephyr.example.com' },
      { ParameterKey: 'Size', ParameterValue: 'large' },
    ]);
    expect(read('parameters-without-value.json')).toEqual(['Password', 'Token']);
  });

  test('builds the system again: templates as written, parameters, what ECS runs, and where names lead', async () => {
    const made = account();
    await store(made);
    expect([...made.objects.keys()].sort()).toEqual([
      'configuration/health-checks.json',
      'configuration/last-good.json',
      'configuration/parameters.json',
      'configuration/services/shop/web.json',
      'configuration/stacks/network/stack.json',
      'configuration/stacks/network/template.yaml',
      'configuration/stacks/zephyr/outputs.json',
      'configuration/stacks/zephyr/stack.json',
      'configuration/stacks/zephyr/template.json',
      'configuration/task-definitions/web.json',
      'configuration/zones/zephyr.example.com/Z1.json',
    ]);
    expect(made.newest('configuration/stacks/network/template.yaml')).toBe('Resources: {}\n');
    expect(JSON.parse(made.newest('configuration/stacks/zephyr/stack.json')!)).toEqual({
      StackName: 'zephyr',
      Parameters: [{ ParameterKey: 'Size', ParameterValue: 'large' }],
      Tags: [],
    });
    // Apart: create-stack refuses a file that says more than it asks for.
    const outputs = [{ OutputKey: 'Url', OutputValue: 'https://zephyr.example.com' }];
    expect(JSON.parse(made.newest('configuration/stacks/zephyr/outputs.json')!)).toEqual(outputs);
    expect(JSON.parse(made.newest('configuration/task-definitions/web.json')!)).toEqual({
      family: 'web',
      containerDefinitions: [{ name: 'app', image: 'web:1' }],
      tags: [],
    });
    const parameters = JSON.parse(made.newest('configuration/parameters.json')!);
    expect(parameters.map(({ Name }: { Name: string }) => Name)).toEqual([
      '/other/url',
      '/zephyr/limit',
      '/zephyr/url',
    ]);
  });

  test('is told of with its size, so that one of half the size is noticed', async () => {
    const [all, some] = [account(), account()];
    await store(all);
    await store(some, { ...REQUEST, stacks: [] });
    const bytesOf = (of: SimulatedAccount) => JSON.parse(of.newest('configuration/last-good.json')!).bytes;
    const files = [...all.objects].filter(([key]) => !key.endsWith('last-good.json'));
    expect(bytesOf(all)).toBe(files.reduce((sum, [, [version]]) => sum + Buffer.byteLength(version!.body), 0));
    expect(bytesOf(some)).toBeLessThan(bytesOf(all));
  });

  test('is written once until it changes, then as a new version', async () => {
    const made = account();
    const first = await store(made);
    expect(await store(made)).toEqual({ written: [], unchanged: first.written.length });
    made.taskDefinitions.set('web', { revision: 8, image: 'web:2' });
    expect(await store(made)).toEqual({
      written: ['configuration/task-definitions/web.json'],
      unchanged: first.written.length - 1,
    });
    expect(made.objects.get('configuration/task-definitions/web.json')).toHaveLength(2);
  });

  test('a new revision with the same content is no change', async () => {
    const made = account();
    await store(made);
    made.taskDefinitions.set('web', { revision: 8, image: 'web:1' });
    expect((await store(made)).written).toEqual([]);
  });

  describe('of a service', () => {
    const KEY = 'configuration/services/shop/web.json';
    const storedOf = async (service: Service) => {
      const made = account();
      made.services.set('shop/web', service);
      await store(made);
      return JSON.parse(made.newest(KEY)!);
    };

    test('is what creates it again, and nothing that ECS adds by itself', async () => {
      expect(await storedOf(SERVICE)).toEqual({
        cluster: 'shop',
        serviceName: 'web',
        taskDefinition: 'web:7',
        desiredCount: 3,
        schedulingStrategy: 'REPLICA',
        launchType: 'FARGATE',
        networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-a', 'subnet-b'], securityGroups: ['sg-1'] } },
        serviceConnectConfiguration: { enabled: true },
        tags: [{ key: 'team', value: 'web' }],
      });
    });

    test('is not written again for what runs, for events, nor for another order', async () => {
      const made = account();
      await store(made);
      made.services.set('shop/web', {
        ...SERVICE,
        runningCount: 3,
        pendingCount: 0,
        events: [],
        deployments: [{ id: 'ecs-svc/3', status: 'PRIMARY', serviceConnectConfiguration: { enabled: true } }],
        networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-a', 'subnet-b'], securityGroups: ['sg-1'] } },
        tags: [...(SERVICE.tags ?? [])].reverse(),
      });
      expect((await store(made)).written).toEqual([]);
      made.services.set('shop/web', { ...SERVICE, desiredCount: 4 });
      expect((await store(made)).written).toEqual([KEY]);
    });

    test('has no count where it is a daemon, which ECS would refuse', async () => {
      expect(await storedOf({ ...SERVICE, schedulingStrategy: 'DAEMON' })).not.toHaveProperty('desiredCount');
    });

    test('has the role that it was given', async () => {
      const roleArn = 'arn:aws:iam::111122223333:role/balancing';
      expect(await storedOf({ ...SERVICE, roleArn })).toMatchObject({ role: roleArn });
    });

    test('is what CodeDeploy switched to last', async () => {
      const deployed = { status: 'PRIMARY', taskDefinition: 'arn:aws:ecs:::task-definition/web:9', launchType: 'EC2' };
      expect(
        await storedOf({
          ...SERVICE,
          deploymentController: { type: 'CODE_DEPLOY' },
          taskSets: [{ status: 'ACTIVE' }, deployed as NonNullable<Service['taskSets']>[number]],
        }),
      ).toMatchObject({ taskDefinition: 'web:9', launchType: 'EC2', deploymentController: { type: 'CODE_DEPLOY' } });
    });

    test('is left out while it is being deleted', async () => {
      const made = account();
      made.services.set('shop/old', { ...SERVICE, serviceName: 'old', status: 'DRAINING' });
      await store(made);
      expect(made.newest('configuration/services/shop/old.json')).toBeUndefined();
    });
  });

  test('of a zone is each record that a new zone lacks, in the form that makes it again', async () => {
    const made = account();
    made.zones.set('shop.local', { id: 'Z2', linked: true, records: [{ Name: 'web.shop.local.', Type: 'A' }] });
    await store(made);
    const { Changes } = JSON.parse(made.newest('configuration/zones/zephyr.example.com/Z1.json')!);
    expect(Changes).toEqual([
      { Action: 'UPSERT', ResourceRecordSet: expect.objectContaining({ Name: 'api.zephyr.example.com.' }) },
      { Action: 'UPSERT', ResourceRecordSet: expect.objectContaining({ Name: 'eu.zephyr.example.com.', Type: 'NS' }) },
    ]);
    expect(JSON.parse(made.newest('configuration/health-checks.json')!)).toEqual([
      { Id: 'h1', HealthCheckConfig: expect.objectContaining({ Type: 'HTTPS' }) },
    ]);
    expect([...made.objects.keys()].join()).not.toContain('shop.local');
  });

  test('every service of every cluster, over as many pages as there are', async () => {
    const made = account();
    const names = Array.from({ length: 25 }, (_, index) => `${index % 2 ? 'shop' : 'jobs'}/service-${index}`);
    for (const name of names) made.services.set(name, SERVICE);
    await store(made);
    for (const name of names)
      expect([name, made.newest(`configuration/services/${name}.json`)]).not.toContain(undefined);
  });

  test('what was deleted stays as it was last', async () => {
    const made = account();
    await store(made);
    made.stacks.delete('zephyr');
    made.taskDefinitions.delete('web');
    await store(made);
    expect(made.newest('configuration/stacks/zephyr/template.json')).toBe('{"Resources":{}}');
    expect(made.newest('configuration/task-definitions/web.json')).toContain('web:1');
  });

  test('is what was named, where something was', async () => {
    const made = account();
    made.services.set('shop/api', { ...SERVICE, serviceName: 'api' });
    made.zones.set('example.org', { id: 'Z3', records: [] });
    await store(made, {
      ...REQUEST,
      stacks: ['network'],
      parameters: ['/zephyr/'],
      taskDefinitions: [],
      services: ['shop/api'],
      zones: ['example.org'],
    });
    expect([...made.objects.keys()].filter((key) => /stacks|task|services|zones/.test(key))).toEqual([
      'configuration/stacks/network/template.yaml',
      'configuration/stacks/network/stack.json',
      'configuration/services/shop/api.json',
      'configuration/zones/example.org/Z3.json',
    ]);
    expect(made.newest('configuration/parameters.json')).not.toContain('/other/');
  });

  test('what an empty list leaves out is not asked for: there is no leave to', async () => {
    const made = account();
    await store(made);
    await store(made, { ...REQUEST, stacks: ['zephyr'], parameters: [], taskDefinitions: [], services: [], zones: [] });
    const asked = made.calls.slice(made.calls.lastIndexOf('DescribeStacks'));
    expect(new Set(asked)).toEqual(new Set(['DescribeStacks', 'GetTemplate', 'HeadObject', 'PutObject']));
    expect(made.newest('configuration/parameters.json')).toContain('/zephyr/url');
  });
});

describe('secure values', () => {
  test('are neither asked for nor stored without a key', async () => {
    const made = account();
    const asked: string[] = [];
    made.fault = (operation, input) => {
      if (operation === 'GetParameters') asked.push(...(input as { Names: string[] }).Names);
      return undefined;
    };
    await store(made);
    expect(asked).not.toContain('/zephyr/password');
    expect(JSON.stringify([...made.objects])).not.toMatch(/hunter2|ciphertext|password/);
  });

  test('lie in a file of their own under the key, and nothing tells of them outside of it', async () => {
    const made = account();
    await store(made, { ...REQUEST, secureValuesKey: 'arn:key' });
    const key = 'configuration/secure-parameters.json';
    const [version] = made.objects.get(key)!;
    expect(version).toMatchObject({ key: 'arn:key', body: expect.stringContaining('hunter2') });
    made.objects.delete(key);
    expect(JSON.stringify([...made.objects])).not.toContain('hunter2');
  });

  test('are written again when a version or another key follows, and their fingerprint is none of the value', async () => {
    const [made, other] = [account(), account()];
    other.parameters.set('/zephyr/password', { type: 'SecureString', value: 'another', version: 1 });
    const request = { ...REQUEST, secureValuesKey: 'arn:key' };
    const fingerprints: unknown[] = [];
    for (const each of [made, other]) {
      await store(each, request);
      fingerprints.push(each.objects.get('configuration/secure-parameters.json')?.[0]?.metadata);
    }
    expect(fingerprints[0]).toEqual(fingerprints[1]);
    const another = { ...REQUEST, secureValuesKey: 'arn:another-key' };
    expect((await store(other, another)).written).toEqual(['configuration/secure-parameters.json']);
    Object.assign(made.parameters.get('/zephyr/password')!, { value: 'new', version: 2 });
    expect((await store(made, request)).written).toEqual(['configuration/secure-parameters.json']);
  });
});

describe('faults', () => {
  test('a template that did not come is a failure, and leaves the one of yesterday', async () => {
    const made = account();
    await store(made);
    made.stacks.set('network', { template: '', status: 'UPDATE_COMPLETE', parameters: {} });
    await expect(store(made)).rejects.toThrow('stack network: CloudFormation gave no template');
    expect(made.newest('configuration/stacks/network/template.yaml')).toBe('Resources: {}\n');
  });

  test('one stack that can not be read fails the run, names it, and the rest is stored', async () => {
    const made = account();
    made.fault = (operation, input) =>
      operation === 'GetTemplate' && JSON.stringify(input).includes('zephyr')
        ? { error: errorNamed('Throttling', 'Rate exceeded') }
        : undefined;
    await expect(store(made)).rejects.toThrow(
      /some configuration could not be stored:\n {2}stack zephyr: Rate exceeded/,
    );
    expect(made.newest('configuration/task-definitions/web.json')).toBeDefined();
    expect(made.newest('configuration/last-good.json')).toBeUndefined();
  });

  test('a service that is down does not keep the others from being stored', async () => {
    const made = account();
    made.fault = (operation) =>
      operation === 'DescribeParameters' ? { error: errorNamed('InternalServerError', 'down') } : undefined;
    await expect(store(made)).rejects.toThrow('SSM parameters: down');
    expect(made.newest('configuration/task-definitions/web.json')).toBeDefined();
  });

  test('what was deleted between listing and reading is left out, and is no failure', async () => {
    const made = account();
    made.fault = (operation, input) => {
      if (operation === 'GetTemplate' && JSON.stringify(input).includes('zephyr')) made.stacks.delete('zephyr');
      if (operation === 'GetParameters') made.parameters.delete('/zephyr/url');
      if (operation === 'DescribeServices') made.services.delete('shop/web');
      if (operation === 'ListResourceRecordSets') made.zones.delete('zephyr.example.com');
      if (operation !== 'DescribeTaskDefinition') return undefined;
      return { error: errorNamed('ClientException', 'Unable to describe task definition.') };
    };
    await store(made);
    expect(made.newest('configuration/stacks/zephyr/template.json')).toBeUndefined();
    expect(made.newest('configuration/parameters.json')).not.toContain('/zephyr/url');
    expect([...made.objects.keys()].join()).not.toMatch(/services|zones/);
  });

  test('a cluster that can not be looked into fails the run, names it, and the others are stored', async () => {
    const made = account();
    made.services.set('jobs/nightly', SERVICE);
    made.fault = (operation, input) =>
      operation === 'ListServices' && JSON.stringify(input).includes('shop')
        ? { error: errorNamed('AccessDeniedException', 'denied') }
        : undefined;
    await expect(store(made, { ...REQUEST, services: ['shop/web', 'jobs/nightly'] })).rejects.toThrow(
      /could not be stored:\n {2}services of cluster shop: denied$/,
    );
    expect(made.newest('configuration/services/jobs/nightly.json')).toBeDefined();
  });

  test('a zone that can not be read fails the run, and the rest is stored', async () => {
    const made = account();
    made.fault = (operation) =>
      operation === 'ListResourceRecordSets' ? { error: errorNamed('Throttling', 'Rate exceeded') } : undefined;
    await expect(store(made)).rejects.toThrow(/could not be stored:\n {2}zone zephyr.example.com: Rate exceeded$/);
    expect(made.newest('configuration/health-checks.json')).toBeDefined();
  });

  test('a name that is nowhere fails the run: nobody may think it stored', async () => {
    const wrong = {
      ...REQUEST,
      stacks: ['zefir'],
      taskDefinitions: ['wed'],
      services: ['shop/wed', 'stop/web'],
      zones: ['zefir.com'],
    };
    await expect(store(account(), wrong)).rejects.toThrow(
      'stack zefir does not exist\n  task definition wed does not exist\n  service shop/wed does not exist\n' +
        '  service stop/web does not exist\n  zone zefir.com does not exist',
    );
  });

  test('a write whose answer was lost is found by the next run', async () => {
    const made = account();
    let lost = 1;
    made.fault = (operation) =>
      operation === 'PutObject' && lost-- > 0 ? { error: errorNamed('TimeoutError', 'lost'), after: true } : undefined;
    await expect(store(made)).rejects.toThrow('lost');
    await store(made);
    for (const [key, versions] of made.objects) expect([key, versions.length]).toEqual([key, 1]);
  });
});

describe('the watch', () => {
  const watch = async (of: SimulatedAccount, now: number) => {
    const printed: string[] = [];
    const request = {
      bucket: 'files',
      backups: [{ backup: 'Configuration', prefix: 'configuration/', state: 'good' }],
    };
    await watchBackups(
      of.clients.s3,
      (line) => printed.push(line),
      () => now,
    )(request);
    return printed.map((line) => JSON.parse(line));
  };

  test('counts from the last run that stored everything', async () => {
    const made = account();
    await store(made);
    expect(await watch(made, NOW + 5000)).toMatchObject([
      { Backup: 'Configuration', SecondsSinceBackup: 5 },
      { BackupBytes: expect.any(Number) },
    ]);
  });

  test('counts one that never ran from when it was first watched', async () => {
    const made = account();
    expect(await watch(made, NOW)).toMatchObject([{ SecondsSinceBackup: 0 }]);
    expect(await watch(made, NOW + 60_000)).toMatchObject([{ SecondsSinceBackup: 60 }]);
  });

  test('tells the size of what has one', async () => {
    const made = account();
    const body = JSON.stringify({ finished: new Date(NOW).toISOString(), bytes: 42, tables: [] });
    made.objects.set('configuration/last-good.json', [{ body, metadata: {} }]);
    expect(await watch(made, NOW)).toMatchObject([{ SecondsSinceBackup: 0 }, { BackupBytes: 42 }]);
  });

  test('says that it can not tell, instead of calling it young', async () => {
    const made = account();
    made.objects.set('configuration/last-good.json', [{ body: '{"finished":"yesterday"}', metadata: {} }]);
    await expect(watch(made, NOW)).rejects.toThrow(/the age and size of these backups are unknown[\s\S]*finished/);
  });
});

describe('the construct', () => {
  const synth = (props: ConfigurationBackupsProps = {}) => {
    const stack = newStack();
    const backups = new ConfigurationBackups(stack, 'Configuration', props);
    const template = Template.fromStack(stack);
    const statements = statementsOf(template, /^ConfigurationHandlerRole/);
    return { template, statements, bucket: resolved(stack.resolve(backups.bucket.bucketArn)) };
  };
  const arn = (service: string, name: string) => `arn:aws:${service}:${REGION}:${ACCOUNT}:${name}`;

  test('runs every night with a request that its handler takes, and keeps versions for 90 days', () => {
    const { template } = synth();
    const schedules = Object.values(template.findResources('AWS::Scheduler::Schedule')).map(
      ({ Properties }) => Properties,
    );
    const [nightly] = schedules.filter(({ ScheduleExpression }) => ScheduleExpression === 'cron(0 2 * * ? *)');
    expect(() => parse(configurationRequest, JSON.parse(resolved(nightly.Target.Input)), 'request')).not.toThrow();
    template.hasResourceProperties('AWS::S3::Bucket', {
      LifecycleConfiguration: {
        Rules: Match.arrayWith([
          Match.objectLike({ Prefix: 'configuration/', NoncurrentVersionExpiration: { NoncurrentDays: 90 } }),
        ]),
      },
    });
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'SecondsSinceBackup',
      Threshold: 30 * 3600,
      TreatMissingData: 'breaching',
    });
  });

  test('reads, writes under its prefix, and can change or delete nothing', () => {
    const { statements, bucket } = synth();
    const may = (action: string, resource: string, context = {}) =>
      allows(statements, { action, resources: [resource], context });
    expect(may('cloudformation:GetTemplate', arn('cloudformation', 'stack/zephyr/1'))).toBe(true);
    expect(may('ssm:GetParameters', arn('ssm', 'parameter/zephyr/url'))).toBe(true);
    expect(may('s3:PutObject', `${bucket}/configuration/parameters.json`)).toBe(true);
    expect(may('s3:PutObject', `${bucket}/evidence/1.json`)).toBe(false);
    expect(may('s3:DeleteObject', `${bucket}/configuration/parameters.json`)).toBe(false);
    for (const action of ['cloudformation:UpdateStack', 'cloudformation:DeleteStack'])
      expect(may(action, arn('cloudformation', 'stack/zephyr/1'))).toBe(false);
    expect(may('ssm:PutParameter', arn('ssm', 'parameter/zephyr/url'))).toBe(false);
    expect(may('ecs:RegisterTaskDefinition', '*')).toBe(false);
    expect(may('ecs:DescribeServices', arn('ecs', 'service/shop/web'))).toBe(true);
    for (const action of ['ecs:CreateService', 'ecs:UpdateService', 'ecs:DeleteService'])
      expect(may(action, arn('ecs', 'service/shop/web'))).toBe(false);
    expect(may('route53:ListResourceRecordSets', 'arn:aws:route53:::hostedzone/Z1')).toBe(true);
    expect(may('route53:ChangeResourceRecordSets', 'arn:aws:route53:::hostedzone/Z1')).toBe(false);
  });

  test('can decrypt secure values only where a key for them was given', () => {
    const context = { 'kms:ViaService': `ssm.${REGION}.amazonaws.com` };
    const call = { action: 'kms:Decrypt', resources: [arn('kms', 'key/theirs')], context };
    expect(allows(synth().statements, call)).toBe(false);
    const stack = newStack();
    new ConfigurationBackups(stack, 'Configuration', { secureValuesKey: new kms.Key(stack, 'Secure') });
    expect(allows(statementsOf(Template.fromStack(stack), /^ConfigurationHandlerRole/), call)).toBe(true);
  });

  test('reads no more than what was named', () => {
    const { statements } = synth({
      stacks: ['zephyr'],
      parameters: ['/zephyr/'],
      taskDefinitions: [],
      services: ['shop/web'],
      zones: [],
    });
    const may = (action: string, resource: string) => allows(statements, { action, resources: [resource] });
    expect(may('cloudformation:GetTemplate', arn('cloudformation', 'stack/zephyr/1'))).toBe(true);
    expect(may('cloudformation:GetTemplate', arn('cloudformation', 'stack/other/1'))).toBe(false);
    expect(may('ssm:GetParameters', arn('ssm', 'parameter/zephyr/url'))).toBe(true);
    expect(may('ssm:GetParameters', arn('ssm', 'parameter/other/url'))).toBe(false);
    expect(may('ecs:DescribeTaskDefinition', '*')).toBe(false);
    expect(may('ecs:DescribeServices', arn('ecs', 'service/shop/web'))).toBe(true);
    expect(may('ecs:DescribeServices', arn('ecs', 'service/shop/api'))).toBe(false);
    expect(may('route53:ListHostedZones', '*')).toBe(false);
  });

  test('refuses to store nothing, and takes a single list', () => {
    const nothing = { stacks: [], parameters: [], taskDefinitions: [], services: [], zones: [] };
    expect(() => synth(nothing)).toThrow(
      "configuration backups 'Test/Configuration':\n  'stacks', 'parameters', 'taskDefinitions', 'services' and 'zones' are empty",
    );
    expect(() => synth({ ...nothing, stacks: ['zephyr'] })).not.toThrow();
  });

  test("refuses the service 'web', and takes it with its cluster", () => {
    expect(() => synth({ services: ['web'] })).toThrow(
      "'services' has 'web' without a cluster, so it would not be found",
    );
    expect(() => synth({ services: ['shop/web'] })).not.toThrow();
    const stack = newStack();
    const services = [new CfnParameter(stack, 'Service').valueAsString];
    expect(() => new ConfigurationBackups(stack, 'Configuration', { services })).not.toThrow();
  });

  test('refuses a bucket of this app that keeps no versions, and takes one that does', () => {
    const into = (props: s3.BucketProps) => () => {
      const stack = newStack();
      new ConfigurationBackups(stack, 'Configuration', { bucket: new s3.Bucket(stack, 'Bucket', props) });
      Template.fromStack(stack);
    };
    expect(into({})).toThrow(
      /is not versioned, so each change.*would overwrite the configuration before it.*versioned: true/,
    );
    expect(into({ versioned: true })).not.toThrow();
  });

  test("refuses the prefix 'configuration', and takes it with a slash", () => {
    expect(() => synth({ prefix: 'configuration' })).toThrow("write it as in 'system/configuration/'");
    expect(() => synth({ prefix: 'system/configuration/' })).not.toThrow();
  });

  test("passes cdk-nag's packs in a stack of its own", () => {
    const app = new App();
    const stack = new Stack(app, 'Backups');
    const masterKey = new kms.Key(stack, 'Key', { enableKeyRotation: true });
    const notify = new sns.Topic(stack, 'Alerts', { masterKey, enforceSSL: true });
    new ConfigurationBackups(stack, 'All', { notify });
    new ConfigurationBackups(stack, 'Some', {
      notify,
      stacks: ['zephyr'],
      secureValuesKey: masterKey,
      overdueAfter: Duration.days(3),
    });
    const packs = [AwsSolutionsChecks, NIST80053R5Checks, HIPAASecurityChecks].map((Pack) => new Pack(app));
    Validations.of(app).addPlugins(...packs);
    expect(() => app.synth()).not.toThrow();
  });

  test('what holds files keeps its logical ID', () => {
    const { template } = synth();
    const ids = ['AWS::S3::Bucket', 'AWS::KMS::Key'].flatMap((type) => Object.keys(template.findResources(type)));
    expect(ids.sort()).toEqual([
      'ConfigurationFilesAccessLogs9ED83501',
      'ConfigurationFilesBucketEC55609A',
      'ConfigurationKey64546AE7',
    ]);
  });
});
