import { App, CfnParameter, Duration, Stack, Stage } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as rds from 'aws-cdk-lib/aws-rds';
import { TAGS } from '../../../lambda/contract';
import {
  BackupCopy,
  DrillSource,
  type ProtectedDatabase,
  ProtectionPlan,
  RecoveryRegion,
  Recurrence,
  type RegionDrillOptions,
  RestorePoint,
  SnapshotCopy,
  SnapshotSource,
} from '../../../lib';
import { ACCOUNT, allows, type Call, resolved, statementsOf } from '../../template/policies';
import {
  importedDatabase,
  newDatabase,
  newDrill,
  newStack,
  OBJECTIVES,
  Template,
  unheardAlarmsOf,
  warningsOf,
} from '../../template/stacks';

const WEST = RecoveryRegion.named('us-west-2', { topicArn: `arn:aws:sns:us-west-2:${ACCOUNT}:operators` });
const SNAPSHOTS = BackupCopy.snapshots({ retention: Duration.days(7) });
const QUARTERLY = { schedule: Recurrence.daily({ hour: 10 }) };
const ORDERS = { instanceIdentifier: 'Orders', databaseName: 'shop', storageEncrypted: true };

const isTold = (stack: Stack, path: RegExp) =>
  Object.values(Template.fromStack(stack).findResources('AWS::CloudWatch::Alarm'))
    .filter(({ Properties }) => path.test(Properties.AlarmDescription))
    .flatMap(({ Properties }) => Properties.AlarmActions);

/** A plan with one database whose backups are copied west. */
function protectedOrders(
  copies: BackupCopy[] = [BackupCopy.automatedBackups(), SNAPSHOTS],
  recovery: RecoveryRegion | undefined = WEST,
  props: Partial<rds.DatabaseInstanceProps> = ORDERS,
) {
  const app = new App({ builtinCloudFormationValidation: false });
  const stack = new Stack(app, 'Shop', { env: { region: 'us-east-1', account: ACCOUNT } });
  const database = newDatabase(stack, props);
  const plan = new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES, recovery });
  const orders = plan.addDatabase('Orders', { database, copies });
  return { orders, plan, stack, west: () => app.node.findChild('Shop-us-west-2') as Stack };
}

const definitionOf = (orders: ProtectedDatabase, options: Partial<RegionDrillOptions> = {}) =>
  orders.addRegionDrill('West', { ...QUARTERLY, ...options }).definition;

test('lies in the recovery region, with a definition that is whole', () => {
  const { orders, west } = protectedOrders();
  const drill = orders.addRegionDrill('West', { ...QUARTERLY, parameterGroupName: 'orders-west' });
  expect(Stack.of(drill)).toBe(west());
  expect(west().resolve(drill.definition)).toMatchObject({
    plan: 'Shop-Protection',
    target: 'Orders',
    drill: 'West',
    source: {
      instance: 'orders',
      copied: { instanceClass: 'db.m5.large', parameterGroup: 'orders-west' },
    },
    database: 'shop',
    objectives: { rpoSeconds: 300, rtoSeconds: 3600 },
  });
  const from = west().resolve(drill.definition.source.copied?.from);
  expect(resolved(from)).toBe(`arn:aws:rds:us-east-1:${ACCOUNT}:db:orders`);
});

test("its stack takes nothing of the primary's, which may be gone when it is deployed", () => {
  const { orders, west } = protectedOrders();
  orders.addRegionDrill('West', QUARTERLY);
  const template = Template.fromStack(west());
  expect(JSON.stringify(template.toJSON())).not.toMatch(/ImportValue|GetStackOutput|us-east-1"/);
  expect(west().dependencies).toEqual([]);
  template.resourceCountIs('AWS::Scheduler::Schedule', 3);
});

test('goes back to where least is lost: replicated backups, else the latest copy of a snapshot', () => {
  expect(definitionOf(protectedOrders().orders).restore).toEqual({ kind: 'latest' });
  expect(definitionOf(protectedOrders([SNAPSHOTS]).orders).restore).toEqual({ kind: 'latest-snapshot' });
  const restore = RestorePoint.random({ within: Duration.days(1) });
  expect(definitionOf(protectedOrders().orders, { restore }).restore).toMatchObject({ kind: 'random' });
});

test("is held against the region's own objectives, where it has some: with a region more is lost", () => {
  const objectives = { rpo: Duration.days(2), rto: Duration.hours(8) };
  const recovery = RecoveryRegion.named('us-west-2', { topicArn: WEST.topicArn, objectives });
  const { orders, stack, west } = protectedOrders([SNAPSHOTS], recovery);
  expect(definitionOf(orders).objectives).toEqual({ rpoSeconds: 2 * 86_400, rtoSeconds: 8 * 3600 });
  Template.fromStack(west()).hasResourceProperties('AWS::CloudWatch::Alarm', {
    MetricName: 'ObjectivesMissed',
    AlarmDescription: Match.stringLikeRegexp('RTO of 8 hours, .* RPO of 2 days'),
  });
  const beyond = expect.stringMatching(/lifeboat:(copies|snapshot)-beyond-rpo/);
  expect([...warningsOf(stack), ...warningsOf(west())]).not.toContainEqual(beyond);
  const strict = protectedOrders([SNAPSHOTS]);
  definitionOf(strict.orders);
  expect(warningsOf(strict.stack)).toContainEqual(beyond);
  expect(warningsOf(strict.west())).toContainEqual(beyond);
});

test('of a snapshot that somebody else brought makes no key for copies that there are none of', () => {
  const { orders, west } = protectedOrders([]);
  definitionOf(orders, { restore: RestorePoint.snapshot('by-hand') });
  Template.fromStack(west()).resourceCountIs('AWS::KMS::Alias', 0);
});

test('drills there share one site, and those of one database its alarms', () => {
  const { orders, plan, stack, west } = protectedOrders();
  const imported = importedDatabase(stack, 'carts');
  const carts = plan.addDatabase('Carts', { database: imported, copies: [SNAPSHOTS], databaseName: 'carts' });
  orders.addRegionDrill('Quarterly', QUARTERLY);
  orders.addRegionDrill('Yearly', QUARTERLY);
  carts.addRegionDrill('Quarterly', { ...QUARTERLY, instanceType: new ec2.InstanceType('t3.large') });
  const template = Template.fromStack(west());
  template.resourceCountIs('AWS::EC2::VPC', 1);
  const failed = Object.values(template.findResources('AWS::CloudWatch::Alarm')).filter(({ Properties }) =>
    String(Properties.AlarmDescription).startsWith('A restore drill of'),
  );
  expect(failed).toHaveLength(2);
});

test("two plans' drills there tell each their own topic, and do not meet by what they are called", () => {
  const { stack, west } = protectedOrders();
  const planned = (planName: string, target: string, topic: string) => {
    const recovery = RecoveryRegion.named('us-west-2', { topicArn: `arn:aws:sns:us-west-2:${ACCOUNT}:${topic}` });
    const plan = new ProtectionPlan(stack, planName, { objectives: OBJECTIVES, recovery, planName });
    const database = importedDatabase(stack, target.toLowerCase());
    const options = { database, copies: [SNAPSHOTS], databaseName: 'shop' };
    const instanceType = new ec2.InstanceType('t3.large');
    for (const drill of ['Alarms', 'Topic', 'Drills', 'Recovery']) {
      const added = plan.addDatabase(`${target}-${drill}`, options);
      added.addRegionDrill(drill, { ...QUARTERLY, instanceType });
    }
  };
  planned('Shop', 'East-Orders', 'ours');
  planned('Shop-East', 'Orders', 'theirs');
  planned('Drills', 'Topic', 'ours');
  const told = (target: string) => new Set(isTold(west(), new RegExp(`(drill of|of) ${target}-Alarms`)));
  expect(told('East-Orders')).toEqual(new Set([`arn:aws:sns:us-west-2:${ACCOUNT}:ours`]));
  expect(told('Orders')).toEqual(new Set([`arn:aws:sns:us-west-2:${ACCOUNT}:theirs`]));
});

test('finds the key of copies, whichever stack the database lies in', () => {
  const app = new App({ builtinCloudFormationValidation: false });
  const env = { region: 'us-east-1', account: ACCOUNT };
  const data = new Stack(app, 'Data', { env });
  const stack = new Stack(app, 'Shop', { env });
  const plan = new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES, recovery: WEST });
  const database = newDatabase(data, ORDERS);
  plan.addDatabase('Orders', { database, copies: [BackupCopy.automatedBackups()] }).addRegionDrill('West', QUARTERLY);
  const west = app.node.findChild('Shop-us-west-2') as Stack;
  const [instance] = Object.values(Template.fromStack(data).findResources('AWS::RDS::DBInstance'));
  expect(resolved(instance?.Properties.AutomaticBackupReplicationKmsKeyId)).toBe(
    `arn:aws:kms:us-west-2:${ACCOUNT}:alias/lifeboat-Shop`,
  );
  Template.fromStack(west).hasResourceProperties('AWS::KMS::Alias', { AliasName: 'alias/lifeboat-Shop' });
  expect(data.dependencies).toEqual([west]);
});

test('inside a stage its stack lies in the stage, too', () => {
  const stage = new Stage(new App({ builtinCloudFormationValidation: false }), 'Live');
  const stack = new Stack(stage, 'Shop', { env: { region: 'us-east-1', account: ACCOUNT } });
  const plan = new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES, recovery: WEST });
  const drill = plan
    .addDatabase('Orders', { database: newDatabase(stack, ORDERS), copies: [SNAPSHOTS] })
    .addRegionDrill('West', QUARTERLY);
  expect(Stack.of(drill).stackName).toBe('Live-Shop-us-west-2');
  expect(Stage.of(drill)).toBe(stage);
});

test('may be started by a role that is imported beside it, and no policy in the primary region is asked to name it', () => {
  const { orders, stack, west } = protectedOrders();
  const drill = orders.addRegionDrill('West', QUARTERLY);
  const role = new iam.Role(stack, 'OnCall', { assumedBy: new iam.AccountRootPrincipal(), roleName: 'on-call' });
  expect(() => drill.grantStart(role)).toThrow(
    /is in us-west-2 and the grantee 'Shop\/OnCall' in us-east-1.*import it beside/,
  );
  drill.grantStart(iam.Role.fromRoleName(west(), 'OnCall', 'on-call'));
  Template.fromStack(west()).hasResourceProperties('AWS::IAM::Policy', { Roles: ['on-call'] });
});

test('may have objectives of its own there, and is then told apart from the others', () => {
  const objectives = { rpo: Duration.days(2), rto: Duration.hours(8) };
  const request = definitionOf(protectedOrders().orders, { objectives });
  expect(request).toMatchObject({ target: 'Orders-West', objectives: { rpoSeconds: 172_800, rtoSeconds: 28_800 } });
});

describe('refuses', () => {
  test('what nothing is copied for; the copy that it restores will do', () => {
    const { orders } = protectedOrders([SNAPSHOTS]);
    expect(() => definitionOf(orders, { restore: RestorePoint.latest() })).toThrow(
      /needs a copy by BackupCopy.automatedBackups\(\).*copies are: snapshots; add that copy/,
    );
    const replicated = protectedOrders([BackupCopy.automatedBackups()]).orders;
    expect(() => definitionOf(replicated, { restore: RestorePoint.latestSnapshot() })).toThrow(
      /BackupCopy.snapshots\(\)/,
    );
    expect(() => definitionOf(protectedOrders([]).orders)).toThrow(/copies are: none/);
    expect(() => definitionOf(orders, { restore: RestorePoint.snapshot('by-hand') })).not.toThrow();
  });

  test('a plan without a region to drill in', () => {
    const stack = newStack();
    const plan = new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES });
    const orders = plan.addDatabase('Orders', { database: newDatabase(stack) });
    expect(() => definitionOf(orders)).toThrow(/'recovery' of the plan is missing; state it/);
  });

  test('a database that could only be named at deployment, and one whose name in the instance is not known', () => {
    const { orders } = protectedOrders([SNAPSHOTS], WEST, { storageEncrypted: true });
    expect(() => definitionOf(orders)).toThrow(
      /identifier is unknown.*instanceIdentifier.*\n.*'databaseName' is missing/,
    );
  });

  test('an imported one without a class, since copies do not tell it', () => {
    const { plan, stack } = protectedOrders();
    const imported = { database: importedDatabase(stack, 'carts'), copies: [SNAPSHOTS], databaseName: 'carts' };
    const carts = plan.addDatabase('Carts', imported);
    expect(() => definitionOf(carts)).toThrow(/'instanceType' is missing, and the database's class is unknown/);
    const instanceType = new ec2.InstanceType('t3.large');
    const request = definitionOf(carts, { instanceType });
    expect(request.copy.instanceClass).toBe('db.t3.large');
    // The copy's class is not the database's, which evidence must not claim to know.
    expect(request.source.copied?.instanceClass).toBeUndefined();
  });

  test('a database whose region only deployment tells, since the stack there has to name it', () => {
    const stack = newStack();
    const plan = new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES, recovery: WEST });
    const orders = plan.addDatabase('Orders', { database: newDatabase(stack, ORDERS), copies: [SNAPSHOTS] });
    expect(() => definitionOf(orders)).toThrow(
      /region is unknown until deployment.*create the database's stack with env: \{ region \}/,
    );
  });

  test('a database of another engine, whose copies no drill could examine', () => {
    const engine = rds.DatabaseInstanceEngine.mysql({ version: rds.MysqlEngineVersion.VER_8_0_41 });
    const { orders } = protectedOrders([SNAPSHOTS], WEST, { ...ORDERS, engine });
    expect(() => definitionOf(orders)).toThrow(/the database runs mysql, and drills examine only PostgreSQL/);
  });

  test('a name in the instance, given as what only deployment tells', () => {
    const { plan, stack } = protectedOrders();
    const databaseName = new CfnParameter(stack, 'Name').valueAsString;
    const options = { database: importedDatabase(stack, 'carts'), copies: [SNAPSHOTS], databaseName };
    const carts = plan.addDatabase('Carts', options);
    const instanceType = new ec2.InstanceType('t3.large');
    expect(() => definitionOf(carts, { instanceType })).toThrow(/'databaseName' is missing, and unknown at synth/);
  });

  test('to draw from more days than backups are kept for there; as many are drawn from', () => {
    const within = (days: number) => ({ restore: RestorePoint.random({ within: Duration.days(days) }) });
    const kept = () => protectedOrders([BackupCopy.automatedBackups({ retention: Duration.days(3) })]).orders;
    expect(() => definitionOf(kept(), within(4))).toThrow(/last 4 days, and backups are kept there for 3.*shorten/);
    expect(() => definitionOf(kept(), within(3))).not.toThrow();
    const asAtHome = () => protectedOrders(undefined, WEST, { ...ORDERS, backupRetention: Duration.days(2) }).orders;
    expect(() => definitionOf(asAtHome(), within(3))).toThrow(/kept there for 2/);
  });

  test('a topic of another region, which alarms there can not reach', () => {
    const topicArn = `arn:aws:sns:us-east-1:${ACCOUNT}:operators`;
    expect(() => RecoveryRegion.named('us-west-2', { topicArn })).toThrow(
      /is in us-east-1.*state the ARN of a topic there/,
    );
  });
});

test('warns that nobody is told there, unless there is a topic', () => {
  const silent = protectedOrders(undefined, RecoveryRegion.named('us-west-2'));
  definitionOf(silent.orders);
  expect(unheardAlarmsOf(silent.west())).toEqual([
    expect.stringMatching(/'NotStartedAlarm', .* of '.*\/Drills' have no action.*RecoveryRegion.named\(.*topicArn/),
    expect.stringMatching(/'Orders\/Alarms\/Failed' and .* of '.*\/Plans\/.*' have no action/),
  ]);
  // Once for each plan, also where the first one of a stack, which tells of its site, has a topic.
  const both = protectedOrders();
  definitionOf(both.orders);
  const recovery = RecoveryRegion.named('us-west-2');
  const second = new ProtectionPlan(both.stack, 'Second', { objectives: OBJECTIVES, recovery });
  for (const name of ['carts', 'bills']) {
    const options = { database: importedDatabase(both.stack, name), copies: [SNAPSHOTS], databaseName: 'shop' };
    definitionOf(second.addDatabase(name, options), { instanceType: new ec2.InstanceType('t3.large') });
  }
  expect(unheardAlarmsOf(both.west())).toHaveLength(1);
  const heard = protectedOrders();
  definitionOf(heard.orders);
  expect(unheardAlarmsOf(heard.west())).toEqual([]);
  for (const { Properties } of Object.values(
    Template.fromStack(heard.west()).findResources('AWS::CloudWatch::Alarm'),
  )) {
    expect(Properties.AlarmActions).toEqual([WEST.topicArn]);
  }
});

describe('a drill of copies without a plan', () => {
  const instanceType = new ec2.InstanceType('t3.large');
  const vault = (account = ACCOUNT) => new Stack(new App(), 'Vault', { env: { region: 'us-west-2', account } });
  const options = { instanceIdentifier: 'orders', region: 'us-west-2', account: ACCOUNT };
  const drilled = (stack: Stack, restore?: RestorePoint, type: ec2.InstanceType | undefined = instanceType) =>
    newDrill(stack, { source: DrillSource.copies({ ...options, instanceType: type }), databaseName: 'shop', restore });

  test('looks for what the copying of shared snapshots tags its copies with', () => {
    const stack = vault('444455556666');
    const copy = new SnapshotCopy(stack, 'Copy', {
      source: SnapshotSource.shared({ account: ACCOUNT, instanceIdentifier: 'Orders' }),
      destination: WEST,
      retention: Duration.days(7),
    });
    const { source } = drilled(stack, RestorePoint.latestSnapshot()).definition;
    expect(resolved(stack.resolve(source.copied?.from))).toBe(resolved(stack.resolve(copy.definition.source.arn)));
  });

  test('refuses moments of another account, whose automated backups are not replicated into this one', () => {
    expect(() => drilled(vault('444455556666'))).toThrow(/from account 111122223333 into this one.*latestSnapshot/);
    expect(() => drilled(vault('444455556666'), RestorePoint.latestSnapshot())).not.toThrow();
    expect(() => drilled(vault())).not.toThrow();
  });

  test('refuses what is no account', () => {
    const of = (account: string) => () => {
      const source = DrillSource.copies({ ...options, account, instanceType });
      newDrill(vault('444455556666'), { source, databaseName: 'shop', restore: RestorePoint.latestSnapshot() });
    };
    expect(of('1111')).toThrow(
      "'1111' is not an AWS account ID, so no copy of its database would be found; use the 12-digit ID",
    );
    expect(of(ACCOUNT)).not.toThrow();
    const shared = (account: string) => () => SnapshotSource.shared({ account, instanceIdentifier: 'orders' });
    expect(shared('1111')).toThrow(
      "shared snapshots of database 'orders': '1111' is not an AWS account ID, so no snapshot would",
    );
    expect(shared(ACCOUNT)).not.toThrow();
  });

  test('an identifier that only deployment knows stays whole', () => {
    const stack = newStack();
    const instanceIdentifier = new CfnParameter(stack, 'Identifier').valueAsString;
    expect(SnapshotSource.shared({ account: ACCOUNT, instanceIdentifier }).instance).toBe(instanceIdentifier);
    expect(DrillSource.copies({ ...options, instanceIdentifier }).identifier).toBe(instanceIdentifier);
  });

  test("needs a class, the source's or the copy's", () => {
    const source = DrillSource.copies(options);
    expect(() => newDrill(vault(), { source, databaseName: 'shop' })).toThrow(/needs an instance class/);
    expect(() => newDrill(vault(), { source, databaseName: 'shop', instanceType: instanceType })).not.toThrow();
    expect(() => newDrill(vault(), { source, instanceType: instanceType })).toThrow(/needs the name of the database/);
  });

  test('warns where a day is all that may be lost, since a copy is older than its snapshot by the time that copying takes', () => {
    const warned = (rpo: Duration) => {
      const stack = vault();
      const source = DrillSource.copies({ ...options, instanceType });
      const objectives = { rpo, rto: Duration.hours(4) };
      newDrill(stack, { source, databaseName: 'shop', restore: RestorePoint.latestSnapshot(), objectives });
      return warningsOf(stack);
    };
    expect(warned(Duration.days(1))).toEqual([expect.stringContaining('state an RPO of two days')]);
    expect(warned(Duration.days(2))).toEqual([]);
  });
});

describe('its conductor', () => {
  const west = (kind: string, name: string) => `arn:aws:rds:us-west-2:${ACCOUNT}:${kind}:${name}`;
  const policies = (keyArn?: string) => {
    const stack = new Stack(new App(), 'West', { env: { region: 'us-west-2', account: ACCOUNT } });
    const instanceType = new ec2.InstanceType('t3.large');
    const source = DrillSource.copies({ instanceIdentifier: 'orders', region: 'us-east-1', instanceType, keyArn });
    const { prefix } = newDrill(stack, { source, databaseName: 'shop' }).definition.copy;
    const statements = statementsOf(Template.fromStack(stack), /^DrillConductorRole/);
    return { can: (call: Call) => allows(statements, call), copy: west('db', `${prefix}a1b2c3`) };
  };
  const context = {
    [`aws:RequestTag/${TAGS.copyOf}`]: 'orders',
    [`aws:RequestTag/${TAGS.run}`]: 'a1b2c3',
    [`aws:RequestTag/${TAGS.expires}`]: '2026-12-06T10:00:00Z',
    'aws:TagKeys': Object.values(TAGS),
    'rds:PubliclyAccessible': 'false',
  };

  test('restores copies of the one database, and no other snapshot', () => {
    const { can, copy } = policies();
    const restoring = (snapshot: string) =>
      can({ action: 'rds:RestoreDBInstanceFromDBSnapshot', resources: [copy, west('snapshot', snapshot)], context });
    expect(restoring('lifeboat-0a1b2c3d-orders-2026-12-06-03-04')).toBe(true);
    expect(restoring('lifeboat-0a1b2c3d-orders-archive-2026-12-06-03-04')).toBe(false);
    expect(restoring('rds:orders-2026-12-06-03-04')).toBe(false);
    const action = 'rds:RestoreDBInstanceToPointInTime';
    expect(can({ action, resources: [copy, west('auto-backup', 'ab-x')], context })).toBe(true);
    expect(can({ action, resources: [west('db', 'orders'), west('auto-backup', 'ab-x')], context })).toBe(false);
  });

  test('uses the key of the copies through RDS, by its ARN or an alias', () => {
    const key = `arn:aws:kms:us-west-2:${ACCOUNT}:key/1234`;
    const via = { 'kms:ViaService': 'rds.us-west-2.amazonaws.com' };
    const use = { action: 'kms:CreateGrant', resources: [key] };
    const byArn = policies(key);
    expect(byArn.can({ ...use, context: via })).toBe(true);
    expect(byArn.can(use)).toBe(false);
    const byAlias = policies(`arn:aws:kms:us-west-2:${ACCOUNT}:alias/copies`);
    expect(byAlias.can({ ...use, context: { ...via, 'kms:ResourceAliases': ['alias/copies'] } })).toBe(true);
    expect(byAlias.can({ ...use, context: { ...via, 'kms:ResourceAliases': ['alias/other'] } })).toBe(false);
  });
});
