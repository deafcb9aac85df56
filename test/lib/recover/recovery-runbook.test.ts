import { Duration, Fn } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import {
  type DatabaseRecoveryDefinition,
  databaseRecoveryDefinition,
  deployedRecovery,
  parse,
} from '../../../lambda/contract';
import {
  Approval,
  CutOver,
  DrillSource,
  Fence,
  Health,
  RecoveredStorage,
  RecoveryCheck,
  RecoveryRunbook,
  type RecoveryRunbookProps,
  RecoveryStart,
  RestorePoint,
} from '../../../lib';
import { deployedWith } from '../../template/definition';
import { passesNag } from '../../template/nag';
import { resolved } from '../../template/policies';
import {
  importedDatabase,
  newDatabase,
  newPlan,
  newStack,
  OBJECTIVES,
  Template,
  warningsOf,
} from '../../template/stacks';
import { least, newRecovery, secretOf, vpcOf } from './new-recovery';

const deployed = (props: Partial<RecoveryRunbookProps> = {}): DatabaseRecoveryDefinition => {
  const stack = newStack();
  newRecovery(stack, props);
  return parse(databaseRecoveryDefinition, deployedWith(stack, /^ProductionConductorHandlerFunction/), 'it');
};

test('is deployed with a definition that its runbook takes, and the safe choice of all that is left out', () => {
  expect(deployed()).toMatchObject({
    plan: 'Test',
    target: 'Orders',
    recovery: 'Production',
    source: { instance: 'orders' },
    fence: 'connect',
    cutOver: [{ kind: 'secret' }],
    approval: { timeoutSeconds: 14_400 },
    watchSeconds: 900,
    holdSeconds: 604_800,
  });
});

test('names what it makes by the target and its own path, never as drills do', () => {
  const { recovered } = deployed({ target: `lifeboat-${'Long'.repeat(22)}` });
  for (const prefix of [recovered.prefix, recovered.replacedPrefix]) {
    expect(prefix).toMatch(/^db-lifeboat-long(-long)*-re(covered|placed)-[0-9a-f]{8}-$/);
    expect(prefix.length).toBeLessThanOrEqual(51);
  }
  const [one, other] = [newRecovery(newStack('One')), newRecovery(newStack('Other'))];
  expect(one.definition.recovered.prefix).not.toBe(other.definition.recovered.prefix);
});

test('carries what was chosen', () => {
  const stack = newStack();
  const zone = { hostedZoneId: 'Z1' } as Parameters<typeof CutOver.dns>[0];
  const parameter = ssm.StringParameter.fromStringParameterName(stack, 'Host', '/orders/host');
  const { definition } = newRecovery(stack, {
    cutOver: [CutOver.rename(), CutOver.dns(zone, 'Orders.Example.com.'), CutOver.parameterWithPort(parameter)],
    fence: Fence.none(),
    approval: Approval.byAnyone({ timeout: Duration.hours(1) }),
    health: [Health.http('https://example.com/health', { status: 204 }), Health.query('SELECT true')],
    databaseName: 'shop',
    resourceId: 'db-ABC',
    watch: Duration.hours(1),
    hold: Duration.days(2),
    checks: [RecoveryCheck.rowCount('orders', { atLeast: 1 })],
  });
  expect(definition).toMatchObject({
    source: { resourceId: 'db-ABC' },
    cutOver: [
      { kind: 'rename' },
      { kind: 'dns', zone: 'Z1', record: 'orders.example.com' },
      { kind: 'parameter', parameter: '/orders/host', withPort: true },
    ],
    fence: 'none',
    approval: { byStarter: true, timeoutSeconds: 3600 },
    health: [
      { kind: 'http', url: 'https://example.com/health', status: 204 },
      { kind: 'query', sql: 'SELECT true' },
    ],
    checks: [{ kind: 'row-count', table: 'orders', atLeast: 1 }],
    watchSeconds: 3600,
    holdSeconds: 172_800,
  });
});

describe('a database of this app', () => {
  const stack = newStack();
  const database = newDatabase(stack, { databaseName: 'shop', storageEncrypted: true });
  const { vpc, credentials, ...others } = least(stack);
  const recovery = new RecoveryRunbook(stack, 'Production', { ...others, source: DrillSource.database(database) });

  test('brings its secret, its VPC, its initial database and its resource id', () => {
    const { source, credentials: secret, database: name } = recovery.definition;
    const resolvedOf = (value: string | undefined) => resolved(stack.resolve(value));
    expect(name).toBe('shop');
    expect(resolvedOf(source.resourceId)).toMatch(/^<Database\w+\.DbiResourceId>$/);
    expect(resolvedOf(secret)).toMatch(/^<DatabaseSecret/);
  });

  test('lets the examiner in where its owner says so, and never the network of drills', () => {
    recovery.connections.allowToDefaultPort(database);
    const template = Template.fromStack(stack);
    const [examiner] = Object.entries(template.findResources('AWS::Lambda::Function')).filter(([id]) =>
      /^ProductionExaminerHandlerFunction/.test(id),
    );
    const { SecurityGroupIds, SubnetIds } = examiner?.[1].Properties.VpcConfig ?? {};
    expect(SecurityGroupIds.map(resolved)).toEqual([expect.stringMatching(/^<ProductionExaminerSecurityGroup/)]);
    expect(SubnetIds.map(resolved)).toEqual([
      expect.stringMatching(/^<VpcIsolatedSubnet1/),
      expect.stringMatching(/^<VpcIsolatedSubnet2/),
    ]);
    const ingress = Object.values(template.findResources('AWS::EC2::SecurityGroupIngress')).map(
      ({ Properties }) => `${resolved(Properties.SourceSecurityGroupId)} -> ${resolved(Properties.GroupId)}`,
    );
    expect(ingress.filter((rule) => rule.startsWith('<ProductionExaminer'))).toEqual([
      expect.stringMatching(/-> <DatabaseSecurityGroup/),
    ]);
  });
});

describe('is refused', () => {
  const refused = (props: Readonly<Record<string, unknown>>) => () => newRecovery(newStack(), props);
  const stack = newStack('Others');
  const alarm = cloudwatch.Alarm.fromAlarmArn(stack, 'Alarm', 'arn:aws:cloudwatch:eu-west-1:111122223333:alarm:gone');
  const copies = DrillSource.copies({ instanceIdentifier: 'orders', region: 'us-east-1' });
  const managed = secretsmanager.Secret.fromSecretCompleteArn(
    stack,
    'Managed',
    'arn:aws:secretsmanager:eu-west-1:111122223333:secret:rds!db-1-a1b2c3',
  );
  const secure = ssm.StringParameter.fromSecureStringParameterAttributes(stack, 'Secure', { parameterName: '/host' });

  test.each<[string, Readonly<Record<string, unknown>>, RegExp]>([
    ['without a cut-over', { cutOver: [] }, /'cutOver' is missing or empty, so no application would reach/],
    [
      'with a cut-over of another kind',
      { cutOver: ['rename'] },
      /'cutOver\[0\]' is 'rename', so no application would move/,
    ],
    [
      'that writes a secret of RDS',
      { cutOver: [CutOver.secret(managed)] },
      /'cutOver' writes secret '.*', which RDS manages/,
    ],
    ['that writes a secure string', { cutOver: [CutOver.parameter(secure)] }, /which is a SecureString/],
    [
      'with half a record',
      { cutOver: [CutOver.dns({ hostedZoneId: 'Z1' } as Parameters<typeof CutOver.dns>[0], 'orders')] },
      /changes the record 'orders', which is not a full name/,
    ],
    ['with two renames', { cutOver: [CutOver.rename(), CutOver.rename()] }, /has CutOver.rename\(\) twice/],
    [
      'with a way back shorter than the watch',
      { hold: Duration.minutes(5) },
      /'hold' is 5 minutes and 'watch' is 15 minutes, so there would be no way back/,
    ],
    ['with a number for a duration', { watch: 15 }, /'watch' is 15 and not a Duration/],
    ['without credentials', { credentials: undefined }, /'credentials' is missing/],
    ['without a VPC', { vpc: undefined }, /'vpc' is missing/],
    ['with an approval of another kind', { approval: true }, /'approval' is true, so nobody could agree/],
    ['with a query in an unknown database', { health: [Health.query('SELECT true')] }, /'databaseName' is missing/],
    [
      'with a check of a table in an unknown database',
      { checks: [RecoveryCheck.rowCount('orders', { atLeast: 1 })] },
      /'databaseName' is missing/,
    ],
    [
      'started by an alarm, unseen',
      { approval: Approval.waived(), startOn: RecoveryStart.onAlarm(alarm) },
      /a false alarm would replace the database of production unseen/,
    ],
    [
      'started unapproved, though an approval is wanted',
      { startOn: RecoveryStart.onAlarmUnapproved(alarm) },
      /it would wait for one all the same/,
    ],
    ['with a hold beyond what a run may take', { hold: Duration.days(370) }, /Lambda ends a run after 365/],
    ['with a name in which evidence can not lie', { target: 'Or/ders' }, /target: must be 1 to 100 printable/],
    [
      'with a name that only deployment knows',
      { target: Fn.importValue('target') },
      /'target' is unknown until deployment/,
    ],
    [
      'with an unknown prop',
      { cutover: [] },
      /'cutover' is a list, and RecoveryRunbook has no such property.*'cutOver'/,
    ],
    [
      'of copies by rename',
      { source: copies, cutOver: [CutOver.rename()] },
      /'source' is copies of a database elsewhere/,
    ],
    [
      'of copies without what they do not record',
      { source: copies },
      /'subnetGroupName' is missing[\s\S]*'securityGroups' is missing[\s\S]*'databaseName' is missing/,
    ],
    ['with health over plain HTTP', { health: [Health.http('http://example.com')] }, /must start with https:\/\//],
  ])('%s', (_, props, message) => {
    expect(refused(props)).toThrow(message);
  });

  test('of a database without encryption, unless it says what becomes of it', () => {
    const made = (storage?: RecoveredStorage) => () => {
      const alone = newStack();
      newRecovery(alone, { source: DrillSource.database(newDatabase(alone, { storageEncrypted: false })), storage });
    };
    expect(made()).toThrow(/the database is not encrypted and 'storage' is missing/);
    expect(made(RecoveredStorage.unencrypted())).not.toThrow();
  });

  test('of a restored instance of a drill, and of another engine', () => {
    const alone = newStack();
    const source = DrillSource.database(importedDatabase(alone, 'lifeboat-orders-1'));
    expect(refused({ source })).toThrow(/starts with 'lifeboat-', as those of restored instances, which drills delete/);
    const engine = rds.DatabaseInstanceEngine.mysql({ version: rds.MysqlEngineVersion.VER_8_0 });
    expect(refused({ source: DrillSource.database(newDatabase(newStack(), { engine })) })).toThrow(/runs mysql/);
  });

  test('without automated backups, unless it names snapshots', () => {
    const made = (snapshots?: string[]) => () => {
      const alone = newStack();
      const database = newDatabase(alone, { backupRetention: Duration.days(0), storageEncrypted: true });
      newRecovery(alone, { source: DrillSource.database(database), snapshots });
    };
    expect(made()).toThrow(/backup retention is 0 days/);
    expect(made(['before-release'])).not.toThrow();
  });

  test('twice under one name, since both would have one parameter', () => {
    const two = newStack();
    newRecovery(two);
    const again = () =>
      new RecoveryRunbook(newPlan(two), 'Production', {
        ...least(newStack('Elsewhere')),
        vpc: vpcOf(two, 'Again'),
        planName: 'Test',
        target: 'Orders',
      });
    expect(again).toThrow(
      /another recovery of this app writes the parameter '\/lifeboat\/targets\/Test\/Orders\/recovery\/Production'/,
    );
  });

  test('in public subnets', () => {
    const alone = newStack();
    const database = newDatabase(alone, { storageEncrypted: true });
    const subnets = { subnets: database.vpc.publicSubnets };
    expect(() => newRecovery(alone, { source: DrillSource.database(database), vpc: undefined, subnets })).toThrow(
      /'subnets' are public/,
    );
  });
});

describe('warns', () => {
  test('of applications that stay with the damaged database, as they read a secret at their start', () => {
    const stack = newStack();
    newRecovery(stack);
    expect(warningsOf(stack)).toContainEqual(expect.stringContaining('lifeboat:recovery-restarts-nothing'));
    const renaming = newStack();
    newRecovery(renaming, { cutOver: [CutOver.rename()] });
    expect(warningsOf(renaming).filter((warning) => warning.includes('restarts-nothing'))).toEqual([]);
  });

  test('of a password that RDS manages, and changes on the damaged database alone', () => {
    const stack = newStack();
    const credentials = secretsmanager.Secret.fromSecretCompleteArn(
      stack,
      'Managed',
      'arn:aws:secretsmanager:eu-west-1:111122223333:secret:rds!db-1-a1b2c3',
    );
    newRecovery(stack, { credentials });
    expect(warningsOf(stack)).toContainEqual(expect.stringContaining('lifeboat:managed-secret-stays'));
  });

  test('of approvals that no one is asked for', () => {
    const stack = newStack();
    newRecovery(stack, { notify: undefined });
    expect(warningsOf(stack)).toContainEqual(expect.stringContaining('lifeboat:recovery-notifies-no-one'));
  });
});

describe('an alarm', () => {
  const stack = newStack();
  const alarm = cloudwatch.Alarm.fromAlarmArn(stack, 'Alarm', 'arn:aws:cloudwatch:eu-west-1:111122223333:alarm:gone');
  const startOn = RecoveryStart.onAlarm(alarm, { restore: RestorePoint.latestSnapshot() });
  const { definition } = newRecovery(stack, { startOn });

  test('starts it with the deployed restore point, and it may be started without a proof of who does', () => {
    const rules = Object.values(Template.fromStack(stack).findResources('AWS::Events::Rule'));
    const [rule] = rules.filter(({ Properties }) => Properties.EventPattern.source[0] === 'aws.cloudwatch');
    expect(rule?.Properties.EventPattern).toMatchObject({
      resources: [alarm.alarmArn],
      detail: { state: { value: ['ALARM'] } },
    });
    const [{ Arn, Input }] = rule?.Properties.Targets ?? [];
    expect(resolved(Arn)).toMatch(/^<ProductionConductorLive/);
    expect(JSON.parse(Input)).toEqual({ action: 'recover', to: { kind: 'latest-snapshot' }, reason: 'alarm gone' });
    expect(definition.unattended).toBe(true);
  });

  test('is not needed: others start it with a proof', () => {
    expect(deployed().unattended).toBeUndefined();
  });
});

describe('a parameter', () => {
  test('tells programs where it is, what it takes and who approves', () => {
    const stack = newStack();
    newRecovery(stack, { approval: Approval.byAnyone() });
    const parameters = Object.values(Template.fromStack(stack).findResources('AWS::SSM::Parameter'));
    const [parameter] = parameters.filter(({ Properties }) => Properties.Name.includes('/recovery/'));
    expect(parameter?.Properties.Name).toBe('/lifeboat/targets/Test/Orders/recovery/Production');
    expect(parse(deployedRecovery, JSON.parse(resolved(parameter?.Properties.Value)), 'it')).toMatchObject({
      kind: 'recovery',
      of: 'database',
      instance: 'orders',
      approval: 'anyone',
      cutOver: ['secret'],
    });
  });
});

test('a run that ends without a report is told to its topic', () => {
  const stack = newStack();
  newRecovery(stack);
  const rules = Object.values(Template.fromStack(stack).findResources('AWS::Events::Rule'));
  const [rule] = rules.filter(({ Properties }) => resolved(Properties.Targets[0].Arn).startsWith('<Oncall'));
  expect(rule?.Properties.EventPattern).toMatchObject({
    source: ['aws.lambda'],
    detail: { status: ['FAILED', 'STOPPED', 'TIMED_OUT'] },
  });
});

describe('grants', () => {
  const actionsOf = (grant: (recovery: RecoveryRunbook, role: iam.Role) => unknown) => {
    const stack = newStack();
    grant(newRecovery(stack), new iam.Role(stack, 'Person', { assumedBy: new iam.AccountRootPrincipal() }));
    const policies = Object.values(Template.fromStack(stack).findResources('AWS::IAM::Policy'));
    const statements = policies.flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
    return statements.flatMap(({ Action, Resource }) =>
      [Action].flat().map((action: string) => [action, [Resource].flat().map(resolved)] as const),
    );
  };
  const SEEING = [
    'lambda:GetDurableExecution',
    'lambda:GetDurableExecutionHistory',
    'lambda:ListDurableExecutionsByFunction',
    'ssm:GetParameter',
    'ssm:GetParametersByPath',
    's3:GetObject*',
  ];

  test('to start one let a person start and see it, and not approve it', () => {
    const actions = actionsOf((recovery, role) => recovery.grantStart(role));
    const names = actions.map(([action]) => action);
    expect(names).toEqual(expect.arrayContaining(['lambda:InvokeFunction', ...SEEING]));
    expect(names).not.toContain('lambda:SendDurableExecutionCallbackSuccess');
    expect(names.filter((name) => /Put|Delete|Update|Sign$/.test(name))).toEqual([]);
  });

  test('to approve one let a person see and answer it, and not start it', () => {
    const actions = actionsOf((recovery, role) => recovery.grantApprove(role));
    const names = actions.map(([action]) => action);
    expect(names).toEqual(expect.arrayContaining(['lambda:SendDurableExecutionCallbackSuccess', ...SEEING]));
    expect(names).not.toContain('lambda:InvokeFunction');
    const [, executions] = actions.find(([action]) => action === 'lambda:SendDurableExecutionCallbackSuccess') ?? [];
    expect(executions).toEqual([expect.stringMatching(/^<ProductionConductorHandlerFunction\w+\.Arn>:\*$/)]);
    const [, objects] = actions.find(([action]) => action === 's3:GetObject*') ?? [];
    expect(objects).toContainEqual(expect.stringMatching(/>\/recoveries\/Test\/Orders\/\*$/));
  });
});

test("follows the rules of cdk-nag's packs, alone in a stack", () => {
  passesNag((stack) => {
    new RecoveryRunbook(stack, 'Recovery', {
      source: DrillSource.database(importedDatabase(stack)),
      objectives: OBJECTIVES,
      credentials: secretOf(stack, 'master'),
      vpc: vpcOf(stack),
      cutOver: [CutOver.secret(secretOf(stack, 'application')), CutOver.rename()],
      storage: undefined,
      notify: sns.Topic.fromTopicArn(stack, 'Oncall', 'arn:aws:sns:eu-west-1:111122223333:oncall'),
    });
  });
});
