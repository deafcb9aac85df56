import { App, CfnParameter, Duration, Stack } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import {
  BackupCopy,
  BackupWindow,
  DatabaseAlarms,
  DrillSource,
  type ProtectedDatabaseOptions,
  ProtectionPlan,
  RecoveryRegion,
  Recurrence,
  RestoreDrill,
  RestorePoint,
  SnapshotExport,
} from '../../../lib';
import { ACCOUNT } from '../../template/policies';
import {
  importedDatabase,
  newDatabase,
  newPlan,
  newStack,
  OBJECTIVES,
  Template,
  unheardAlarmsOf,
  warningsOf,
} from '../../template/stacks';

const daily = { schedule: Recurrence.daily({ hour: 2 }) };

test('applies window and retention to a database of the app', () => {
  const stack = newStack();
  newPlan(stack).addDatabase('Orders', {
    database: newDatabase(stack),
    window: BackupWindow.daily('03:00', '04:00'),
    retention: Duration.days(30),
  });
  Template.fromStack(stack).hasResourceProperties('AWS::RDS::DBInstance', {
    PreferredBackupWindow: '03:00-04:00',
    BackupRetentionPeriod: 30,
  });
});

test('leaves a database alone when nothing is asked of it', () => {
  const bare = newStack();
  newDatabase(bare);
  const stack = newStack();
  newPlan(stack)
    .addDatabase('Orders', { database: newDatabase(stack) })
    .addDrill('Daily', daily);
  const instances = (of: Stack) => Object.values(Template.fromStack(of).findResources('AWS::RDS::DBInstance'));
  expect(instances(stack)).toEqual(instances(bare));
});

test('sets window and retention of an imported database at deployment, and leaves open whether it may be deleted', () => {
  const stack = newStack();
  const window = BackupWindow.daily('03:00', '04:00');
  newPlan(stack).addDatabase('Orders', { database: importedDatabase(stack), window, retention: Duration.days(30) });
  const [settings] = Object.values(Template.fromStack(stack).findResources('Custom::LifeboatBackupSettings'));
  expect(JSON.parse(settings?.Properties.Request)).toEqual({
    instance: 'orders',
    window: '03:00-04:00',
    retentionDays: 30,
    copyTagsToSnapshot: true,
  });
});

describe('a database that is added twice', () => {
  const window = BackupWindow.daily('03:00', '04:00');
  type Options = Partial<ProtectedDatabaseOptions>;
  const twice = (one: Options, other: Options, identifier = 'orders') => {
    const stack = newStack();
    const plan = newPlan(stack);
    plan.addDatabase('Orders', { database: importedDatabase(stack), ...one });
    const again = importedDatabase(new Construct(stack, 'Again'), identifier);
    plan.addDatabase('Again', { database: again, ...other });
    return warningsOf(stack).filter((warning) => warning.includes('lifeboat:database-twice'));
  };

  test('is warned of, by whatever construct it is named; another one is not', () => {
    expect(twice({}, {}, 'ORDERS')).toEqual([
      expect.stringMatching(
        /^database 'Test\/Protection\/Again' is of the same instance as 'Test\/Protection\/Orders', so the evidence of its initial/,
      ),
    ]);
    expect(twice({ databaseName: 'shop' }, { databaseName: 'shop' })).toEqual([
      expect.stringContaining('database shop'),
    ]);
    expect(twice({ databaseName: 'shop' }, { databaseName: 'blog' })).toEqual([]);
    expect(twice({}, {}, 'users')).toEqual([]);
  });

  test('is refused where the two want its backups otherwise, and taken where they agree', () => {
    const both = (one: Options, other: Options) => () =>
      twice({ databaseName: 'shop', ...one }, { databaseName: 'blog', ...other });
    const [retention, later] = [Duration.days(7), BackupWindow.daily('05:00', '06:00')];
    expect(both({ window, retention }, { window: later, retention: Duration.days(8) })).toThrow(
      /window is 05:00-06:00 in the first and 03:00-04:00 in the second; state it .*\n {2}the backup retention is 8 days in the first and 7 days in/,
    );
    expect(both({ window, retention }, { window, retention })()).toEqual([]);
    expect(both({ window }, { retention })()).toEqual([]);
  });

  test('is two where only deployment will tell', () => {
    const stack = newStack();
    const plan = newPlan(stack);
    for (const id of ['One', 'Two']) {
      const identifier = new CfnParameter(stack, id).valueAsString;
      plan.addDatabase(id, { database: importedDatabase(new Construct(stack, `Of${id}`), identifier) });
    }
    expect(warningsOf(stack)).toEqual([]);
  });
});

describe('the maintenance window', () => {
  const window = BackupWindow.daily('03:00', '04:00');
  const planned = (options: Partial<ProtectedDatabaseOptions>) => () => {
    const stack = newStack();
    return newPlan(stack).addDatabase('Orders', { database: importedDatabase(stack), ...options });
  };

  test('of an imported database is held against its backup window', () => {
    expect(planned({ window, maintenance: 'sun:03:30-sun:04:30' })).toThrow(
      'the backup window 03:00-04:00 overlaps the maintenance window sun:03:30-sun:04:30, so RDS would refuse both',
    );
    expect(planned({ window, maintenance: 'sun:04:00-sun:05:00' })).not.toThrow();
  });

  test('is refused where it would be held against nothing', () => {
    const maintenance = 'sun:04:00-sun:05:00';
    expect(planned({ maintenance })).toThrow(
      `database 'Test/Protection/Orders': 'maintenance' is ${maintenance}, and 'window' is missing, so it would not be compared ` +
        "with anything; state 'window', too, or leave 'maintenance' out",
    );
    expect(planned({ window, maintenance, database: newDatabase(newStack('App')) })).toThrow(
      /the database is in this app, so it would not be compared with anything; set preferredMaintenanceWindow/,
    );
  });
});

test('refuses to turn the backups of an imported database off', () => {
  const stack = newStack();
  const retention = Duration.days(0);
  expect(() => newPlan(stack).addDatabase('Orders', { database: importedDatabase(stack), retention })).toThrow(
    "'retention' is 0 days, not 1 to 35",
  );
});

test('drills an imported database', () => {
  const stack = newStack();
  const drill = newPlan(stack)
    .addDatabase('Orders', { database: importedDatabase(stack) })
    .addDrill('Daily', daily);
  expect(drill.definition).toMatchObject({
    plan: 'Test-Protection',
    target: 'Orders',
    drill: 'Daily',
    source: { instance: 'orders' },
  });
});

describe('an id that the plan needs itself', () => {
  const plan = () => newPlan(newStack());
  const database = (of: ProtectionPlan) => ({ database: importedDatabase(of) });

  test.each(['Site', 'CopyKey'])("is refused of a database: '%s'", (id) => {
    const of = plan();
    expect(() => of.addDatabase(id, database(of))).toThrow(
      `database 'Test/Protection/${id}' has an id that Lifeboat uses there itself (CopyKey, Site), so one of the two could not ` +
        `be created; use another id, as in '${id}Database'`,
    );
  });

  test.each(['Alarms', 'Backups', 'Snapshots'])("is refused of a drill: '%s'", (id) => {
    const of = plan();
    expect(() => of.addDatabase('Orders', database(of)).addDrill(id, daily)).toThrow(
      `drill 'Test/Protection/Orders/${id}' has an id that Lifeboat uses there itself (Alarms, Backups, Snapshots)`,
    );
  });

  test.each([
    ['SiteDatabase', 'AlarmsDrill'],
    ['Alarms', 'Site'],
    ['Backups', 'CopyKey'],
  ])("is any but those: '%s' and '%s' work", (databaseId, drillId) => {
    const of = plan();
    expect(() => of.addDatabase(databaseId, database(of)).addDrill(drillId, daily)).not.toThrow();
  });
});

test('its drills share one site, one watch, one janitor, and the alarms of their target', () => {
  const stack = newStack();
  const orders = newPlan(stack).addDatabase('Orders', { database: importedDatabase(stack) });
  orders.addDrill('Daily', daily);
  orders.addDrill('Quarterly', { schedule: Recurrence.quarterly({ hour: 10 }) });
  const template = Template.fromStack(stack);
  template.resourceCountIs('AWS::EC2::VPC', 1);
  template.resourceCountIs('AWS::SecretsManager::Secret', 1);
  template.resourceCountIs('AWS::Lambda::Function', 5);
  template.resourceCountIs('AWS::Scheduler::Schedule', 4);
  template.resourcePropertiesCountIs('AWS::CloudWatch::Alarm', { MetricName: 'DrillPassed' }, 1);
  template.resourcePropertiesCountIs('AWS::CloudWatch::Alarm', { MetricName: 'SecondsSinceProven' }, 2);
});

test('makes nothing for a plan without drills', () => {
  const stack = newStack();
  newPlan(stack).addDatabase('Orders', { database: importedDatabase(stack) });
  expect(Template.fromStack(stack).toJSON().Resources).toBeUndefined();
});

test('the watch is told of every drill, also of those added last', () => {
  const stack = newStack();
  const plan = newPlan(stack);
  plan.addDatabase('Orders', { database: importedDatabase(stack) }).addDrill('Daily', daily);
  plan.addDatabase('Billing', { database: importedDatabase(stack, 'billing') }).addDrill('Daily', daily);
  Template.fromStack(stack).hasResourceProperties('AWS::Scheduler::Schedule', {
    Target: {
      Input: {
        'Fn::Join': [
          '',
          Match.arrayWith([
            Match.stringLikeRegexp(
              '"drills":\\[\\{"plan":"Test-Protection","target":"Orders","drill":"Daily"\\},' +
                '\\{"plan":"Test-Protection","target":"Billing","drill":"Daily"\\}\\]',
            ),
          ]),
        ],
      },
    },
  });
});

test('tells the topic of every alarm', () => {
  const stack = newStack();
  const plan = new ProtectionPlan(stack, 'Protection', {
    objectives: OBJECTIVES,
    notify: new sns.Topic(stack, 'Topic'),
  });
  plan.addDatabase('Orders', { database: importedDatabase(stack) }).addDrill('Daily', daily);
  const alarms = Object.values(Template.fromStack(stack).findResources('AWS::CloudWatch::Alarm'));
  expect(alarms).toHaveLength(6);
  for (const { Properties } of alarms) expect(Properties.AlarmActions).toHaveLength(1);
  expect(unheardAlarmsOf(stack)).toEqual([]);
});

test('warns when nobody would be told, once for all of its alarms', () => {
  const stack = newStack();
  newPlan(stack)
    .addDatabase('Orders', { database: importedDatabase(stack) })
    .addDrill('Daily', daily);
  expect(unheardAlarmsOf(stack)).toHaveLength(1);
});

test('lets somebody start its drills, those added later too, and nothing else', () => {
  const stack = newStack();
  const plan = newPlan(stack);
  const orders = plan.addDatabase('Orders', { database: importedDatabase(stack) });
  orders.addDrill('Daily', daily);
  plan.grants.startDrill(new iam.Role(stack, 'OnCall', { assumedBy: new iam.AccountRootPrincipal() }));
  orders.addDrill('Quarterly', { schedule: Recurrence.quarterly({ hour: 10 }) });
  const [policy] = Object.values(Template.fromStack(stack).findResources('AWS::IAM::Policy'));
  const statements: { Action: string | string[]; Resource: unknown[] }[] = policy?.Properties.PolicyDocument.Statement;
  const actions = new Set(statements.flatMap(({ Action }) => Action));
  expect(actions).toEqual(new Set(['lambda:InvokeFunction']));
  const granted = JSON.stringify(statements);
  for (const drill of ['Daily', 'Quarterly']) expect(granted).toContain(`ProtectionOrders${drill}Live`);
});

test('gives what its drills measure as metrics of what is measured', () => {
  const stack = newStack();
  const orders = newPlan(stack).addDatabase('Orders', { database: importedDatabase(stack) });
  const drill = orders.addDrill('Daily', daily);
  const snapshot = orders.addDrill('Snapshot', { ...daily, objectives: { ...OBJECTIVES, rpo: Duration.days(1) } });
  const written = (metric: { namespace: string; metricName: string; dimensions?: object }) => [
    metric.namespace,
    metric.metricName,
    metric.dimensions,
  ];
  const of = { Plan: 'Test-Protection', Target: 'Orders' };
  for (const { metrics } of [orders, drill]) {
    expect(written(metrics.drillPassed())).toEqual(['Lifeboat', 'DrillPassed', of]);
    expect(written(metrics.recoveryTime())).toEqual(['Lifeboat', 'RecoveryTime', of]);
    expect(written(metrics.recoveryPoint())).toEqual(['Lifeboat', 'RecoveryPoint', of]);
    expect(written(metrics.checksFailed())).toEqual(['Lifeboat', 'ChecksFailed', of]);
  }
  expect(snapshot.metrics.drillPassed().dimensions).toEqual({ ...of, Target: 'Orders-Snapshot' });
  expect(written(drill.metrics.phaseDuration('restore'))).toEqual([
    'Lifeboat',
    'PhaseDuration',
    { ...of, Phase: 'restore' },
  ]);
  expect(written(drill.metricSecondsSinceProven())).toEqual([
    'Lifeboat',
    'SecondsSinceProven',
    { ...of, Drill: 'Daily' },
  ]);
});

test('gives its drills and alarms, and those of each database', () => {
  const stack = newStack();
  const plan = newPlan(stack);
  const orders = plan.addDatabase('Orders', { database: importedDatabase(stack) });
  const carts = plan.addDatabase('Carts', { database: importedDatabase(stack, 'carts') });
  const drills = [orders.addDrill('Daily', daily), carts.addDrill('Daily', daily)];
  expect([orders.drills, carts.drills, plan.drills]).toEqual([[drills[0]], [drills[1]], drills]);
  expect(orders.alarms.map(({ node }) => node.path)).toEqual([
    'Test/Protection/Orders/Default/Alarms/Failed',
    'Test/Protection/Orders/Default/Alarms/ObjectiveMissed',
    'Test/Protection/Orders/Daily/Overdue',
  ]);
  expect(plan.alarms).toEqual(expect.arrayContaining([...orders.alarms, ...carts.alarms]));
});

test('a drill may have objectives of its own, and then has alarms and a chain of evidence of its own', () => {
  const stack = newStack();
  const plan = newPlan(stack);
  const orders = plan.addDatabase('Orders', { database: importedDatabase(stack) });
  const day = { rpo: Duration.days(1), rto: Duration.hours(2) };
  orders.addDrill('Hourly', daily);
  const snapshot = orders.addDrill('Snapshot', { ...daily, restore: RestorePoint.latestSnapshot(), objectives: day });
  expect(snapshot.definition).toMatchObject({
    target: 'Orders-Snapshot',
    objectives: { rpoSeconds: 86_400, rtoSeconds: 7200 },
  });
  expect(warningsOf(stack).join()).not.toContain('lifeboat:snapshot-beyond-rpo');
  const limits = Object.values(
    Template.fromStack(stack).findResources('AWS::CloudWatch::Alarm', {
      Properties: { MetricName: 'ObjectivesMissed' },
    }),
  ).map(({ Properties }) => [
    Properties.Dimensions[1].Value,
    Properties.AlarmDescription.match(/(?<=RPO of )[^.]*/)[0],
  ]);
  expect(limits.sort()).toEqual([
    ['Orders', '5 minutes'],
    ['Orders-Snapshot', '1 day'],
  ]);
});

test("no id of what is put into a plan's scope, or a database's, meets one of the plan's own", () => {
  const app = new App({ builtinCloudFormationValidation: false });
  const stack = new Stack(app, 'Shop', { env: { region: 'us-east-1', account: ACCOUNT } });
  const recovery = RecoveryRegion.named('us-west-2');
  const plan = new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES, recovery });
  const database = importedDatabase(stack);
  const orders = plan.addDatabase('Orders', {
    database,
    retention: Duration.days(7),
    copies: [BackupCopy.snapshots({ retention: Duration.days(7) })],
  });
  orders.addDrill('Daily', daily);
  // As the pages of docs/ call them.
  for (const id of ['Alarms', 'Backups', 'Snapshots']) new DatabaseAlarms(orders, id, { database });
  for (const id of ['Site', 'CopyKey']) new DatabaseAlarms(plan, id, { database });
  const ids = Object.keys(Template.fromStack(stack).toJSON().Resources);
  // What holds data, or is looked for by its name, has the logical ID that it always had.
  for (const id of [
    'SiteEvidenceBucket',
    'SiteSigningKey',
    'CopyKey',
    'OrdersSnapshotsHandler',
    'OrdersBackups',
    'OrdersAlarmsFailed',
  ]) {
    expect(ids.filter((one) => one.startsWith(`Protection${id}`))).not.toEqual([]);
  }
});

describe("what is put into a plan's scope", () => {
  const planned = () => {
    const stack = newStack();
    const notify = new sns.Topic(stack, 'Operators');
    const plan = new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES, notify });
    const orders = plan.addDatabase('Orders', { database: importedDatabase(stack) });
    return { stack, plan, orders, notify: stack.resolve(notify.topicArn) };
  };
  const alarmsOf = (stack: Stack) =>
    Object.values(Template.fromStack(stack).findResources('AWS::CloudWatch::Alarm')).map(
      ({ Properties }) => Properties,
    );

  test('tells whom the plan tells, unless it is told otherwise', () => {
    const { stack, orders, notify } = planned();
    const files = new s3.Bucket(stack, 'Files');
    new SnapshotExport(orders, 'Weekly', { database: orders.database, bucket: files, prefix: 'weekly' });
    expect(alarmsOf(stack).length).toBeGreaterThan(1);
    expect(alarmsOf(stack).map(({ AlarmActions }) => AlarmActions)).toEqual(alarmsOf(stack).map(() => [notify]));

    const others = planned();
    const elsewhere = new sns.Topic(others.stack, 'Elsewhere');
    const bucket = new s3.Bucket(others.stack, 'Files');
    const { database } = others.orders;
    new SnapshotExport(others.orders, 'Weekly', { database, bucket, prefix: 'weekly', notify: elsewhere });
    const told = [others.stack.resolve(elsewhere.topicArn)];
    expect(alarmsOf(others.stack).map(({ AlarmActions }) => AlarmActions)).toEqual(
      alarmsOf(others.stack).map(() => told),
    );
  });

  test("has the plan's name in evidence, and its site", () => {
    const { stack, plan, orders } = planned();
    const source = DrillSource.database(orders.database);
    const drill = new RestoreDrill(orders, 'Alone', { source, objectives: OBJECTIVES, ...daily });
    expect(drill.definition).toMatchObject({ plan: plan.planName, target: 'Alone' });
    Template.fromStack(stack).resourceCountIs('AWS::EC2::VPC', 1);
    expect(drill.definition.examiner).toBe(plan.site.examiner.functionArn);
  });

  test('and nothing else is told by a plan beside it', () => {
    const { stack } = planned();
    new RestoreDrill(stack, 'Outside', {
      source: DrillSource.database(importedDatabase(stack, 'carts')),
      objectives: OBJECTIVES,
      ...daily,
    });
    expect(alarmsOf(stack).every(({ AlarmActions }) => AlarmActions === undefined)).toBe(true);
  });

  test('reaches no stack of another region in its scope, whose alarms could not tell its topic', () => {
    const app = new App({ builtinCloudFormationValidation: false });
    const stack = new Stack(app, 'East', { env: { region: 'us-east-1', account: ACCOUNT } });
    const notify = new sns.Topic(stack, 'Operators');
    const plan = new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES, notify });
    const inside = (id: string, region: string) => {
      const other = new Stack(plan, id, { env: { region, account: ACCOUNT } });
      const source = DrillSource.database(importedDatabase(other, 'carts'));
      const drill = new RestoreDrill(other, 'Alone', { source, objectives: OBJECTIVES, ...daily });
      return { other, drill };
    };
    const west = inside('West', 'us-west-2');
    expect(alarmsOf(west.other).every(({ AlarmActions }) => AlarmActions === undefined)).toBe(true);
    expect(JSON.stringify(Template.fromStack(west.other).toJSON())).not.toContain('ImportValue');
    expect(inside('Beside', 'us-east-1').drill.definition.plan).toBe(plan.planName);
  });

  test('is told which of its topics lies in another region; one of its own region is told', () => {
    const stack = new Stack(new App(), 'West', { env: { region: 'us-west-2', account: ACCOUNT } });
    const topic = (region: string) =>
      sns.Topic.fromTopicArn(stack, region, `arn:aws:sns:${region}:${ACCOUNT}:operators`);
    const told = (id: string, region: string) =>
      new RestoreDrill(stack, id, {
        source: DrillSource.database(importedDatabase(stack, `carts-in-${region}`)),
        objectives: OBJECTIVES,
        notify: topic(region),
        ...daily,
      });
    expect(() => told('Far', 'us-east-1')).toThrow(
      /in us-west-2 is topic arn:.* in us-east-1.*use a topic in us-west-2/,
    );
    expect(() => told('Near', 'us-west-2')).not.toThrow();
  });
});
