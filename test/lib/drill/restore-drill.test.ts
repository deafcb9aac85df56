import { App, CfnParameter, Duration, Stack } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as rds from 'aws-cdk-lib/aws-rds';
import {
  type DrillDefinition,
  drillDefinition,
  drillRequest,
  parse,
  RUN_SUFFIX_LENGTH,
} from '../../../lambda/contract';
import { DrillSite, DrillSource, RecoveryCheck, Recurrence, RestoreDrill, RestorePoint } from '../../../lib';
import { deployedWith } from '../../template/definition';
import {
  importedDatabase,
  newDatabase,
  newDrill,
  newStack,
  OBJECTIVES,
  Template,
  warningsOf,
} from '../../template/stacks';

const CONDUCTOR = /^DrillConductor/;

test('is deployed with a definition that its runbook accepts, whole', () => {
  const stack = newStack();
  newDrill(stack, {
    checks: [RecoveryCheck.rowCount('polls', { atLeast: 1 })],
    restore: RestorePoint.random({ within: Duration.days(7) }),
    databaseName: 'zephyr',
  });
  const definition = parse(drillDefinition, deployedWith(stack, CONDUCTOR), 'definition');
  expect(definition).toMatchObject({
    plan: 'Test',
    target: 'Drill',
    drill: 'Drill',
    source: { instance: 'orders' },
    restore: { kind: 'random', withinSeconds: 604_800 },
    database: 'zephyr',
    checks: [{ kind: 'row-count', table: 'polls', atLeast: 1 }],
    objectives: { rpoSeconds: 300, rtoSeconds: 3600 },
  });
});

describe('the definition that is deployed', () => {
  test('has values that only deployment knows, wherever they stand', () => {
    const stack = newStack();
    const token = (id: string) => new CfnParameter(stack, id).valueAsString;
    const other = new Stack(stack.node.root as App, 'Network');
    const site = new DrillSite(other, 'Site');
    const checks = [
      RecoveryCheck.query({
        name: 'rows of a tenant',
        sql: `SELECT count(*) FROM t WHERE id = '${token('Tenant')}'`,
        atLeast: 1,
      }),
    ];
    newDrill(stack, { source: DrillSource.database(importedDatabase(stack, token('Identifier'))), checks, site });
    const deployed = deployedWith(stack, CONDUCTOR) as DrillDefinition;
    expect(deployed.checks).toMatchObject([{ sql: "SELECT count(*) FROM t WHERE id = '<Tenant>'" }]);
    expect(deployed.source.instance).toBe('<Identifier>');
    // Of another stack: imported at deployment.
    expect(deployed.examiner).toMatch(/SiteExaminerFunction/);
    expect(deployed.copy.securityGroups).toEqual([expect.stringMatching(/SiteNetworkCopies/)]);
    expect(deployed.signingKey).toMatch(/SiteSigningKey/);
  });

  test('holds a hundred checks with long queries, within the 4 KB of variables that a function may have', () => {
    const stack = newStack();
    const sql = `SELECT count(*) FROM orders WHERE note <> '${'x'.repeat(4000)}'`;
    const checks = Array.from({ length: 100 }, (_, n) => RecoveryCheck.query({ name: `check ${n}`, sql, atLeast: n }));
    newDrill(stack, { checks });
    const { checks: deployed } = parse(drillDefinition, deployedWith(stack, CONDUCTOR), 'definition');
    expect(deployed).toEqual(checks.map(({ contract }) => contract));
    const functions = Template.fromStack(stack).findResources('AWS::Lambda::Function');
    for (const { Properties } of Object.values(functions)) {
      expect(JSON.stringify(Properties.Environment ?? {}).length).toBeLessThan(3000);
    }
  });

  test('is in the code of the version that is started, so a change of it makes a new version', () => {
    const version = (atLeast: number) => {
      const stack = newStack();
      newDrill(stack, { checks: [RecoveryCheck.rowCount('polls', { atLeast })] });
      return Object.keys(Template.fromStack(stack).findResources('AWS::Lambda::Version'));
    };
    expect(version(1)).toEqual(version(1));
    expect(version(1)).not.toEqual(version(0));
  });

  test('is no part of what its schedule hands over', () => {
    const stack = newStack();
    newDrill(stack);
    const schedules = Object.values(Template.fromStack(stack).findResources('AWS::Scheduler::Schedule'));
    const [own] = schedules.filter(({ Properties }) => JSON.stringify(Properties.Target.Arn).includes('DrillLive'));
    expect(parse(drillRequest, JSON.parse(own?.Properties.Target.Input), 'request')).toEqual({ reason: 'scheduled' });
  });
});

test('starts by its alias, durable from the first day, with few retries and a place for what was not started', () => {
  const stack = newStack();
  newDrill(stack);
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::Lambda::Function', {
    Runtime: 'nodejs24.x',
    DurableConfig: { ExecutionTimeout: 14 * 3600, RetentionPeriodInDays: 90 },
    DeadLetterConfig: Match.anyValue(),
    VpcConfig: Match.absent(),
  });
  template.hasResourceProperties('AWS::Scheduler::Schedule', {
    ScheduleExpression: 'cron(0 2 * * ? *)',
    ScheduleExpressionTimezone: 'Etc/UTC',
    State: 'ENABLED',
    Target: {
      Arn: { Ref: Match.stringLikeRegexp('^DrillLive') },
      RetryPolicy: { MaximumRetryAttempts: 2 },
      DeadLetterConfig: Match.anyValue(),
    },
  });
});

test('a drill in flight ends on the code it began with', () => {
  const stack = newStack();
  newDrill(stack);
  Template.fromStack(stack).hasResource('AWS::Lambda::Version', { DeletionPolicy: 'RetainExceptOnCreate' });
});

test('a copy outlives no drill by much: four recovery times, or what is asked for', () => {
  const long = newDrill(newStack(), { objectives: { ...OBJECTIVES, rto: Duration.hours(4) } });
  expect(long.definition.copy.expiresAfterSeconds).toBe(16 * 3600);
  const asked = newDrill(newStack(), { expiresAfter: Duration.hours(2) });
  expect(asked.definition.copy.expiresAfterSeconds).toBe(2 * 3600);
});

test('is given time to clean up and to publish once its copy has expired: what times out leaves no evidence', () => {
  const stack = newStack();
  newDrill(stack, { expiresAfter: Duration.hours(2) });
  Template.fromStack(stack).hasResourceProperties('AWS::Lambda::Function', {
    DurableConfig: { ExecutionTimeout: 10 * 3600 },
  });
});

describe('names of copies', () => {
  const prefix = (id: string, stackName = 'Test') => {
    const stack = new Stack(new App(), stackName);
    return new RestoreDrill(stack, id, {
      source: DrillSource.database(importedDatabase(stack)),
      schedule: Recurrence.daily({ hour: 2 }),
      objectives: OBJECTIVES,
    }).definition.copy.prefix;
  };

  test.each(['Orders', 'OrdersDb', 'orders_db 2', 'A'.repeat(100), '--x--', '()'])('are valid for %s', (id) => {
    const longest = prefix(id) + 'z'.repeat(RUN_SUFFIX_LENGTH);
    expect(longest).toMatch(/^[a-z](-?[a-z0-9])*$/);
    expect(longest.length).toBeLessThanOrEqual(63);
  });

  test('are told apart by stack, and stay', () => {
    expect(prefix('OrdersDb')).toBe(prefix('OrdersDb'));
    expect(prefix('OrdersDb', 'Staging')).not.toBe(prefix('OrdersDb', 'Production'));
    expect(prefix('OrdersDb')).toMatch(/^lifeboat-orders-db-[0-9a-f]{8}-$/);
  });
});

describe('refuses', () => {
  const withDatabase = (props: Partial<rds.DatabaseInstanceProps>, restore?: RestorePoint) => () => {
    const stack = newStack();
    newDrill(stack, { source: DrillSource.database(newDatabase(stack, props)), restore });
  };

  test('a database without automated backups, which leaves nothing to restore', () => {
    expect(withDatabase({ backupRetention: Duration.days(0) })).toThrow("the database's backup retention is 0 days");
    expect(withDatabase({ backupRetention: Duration.days(0) }, RestorePoint.snapshot('s'))).not.toThrow();
  });

  test('another engine, before it is deployed', () => {
    const engine = rds.DatabaseInstanceEngine.mysql({ version: rds.MysqlEngineVersion.VER_8_0 });
    expect(withDatabase({ engine })).toThrow('the database runs mysql, and drills examine only PostgreSQL');
  });

  test('to draw from further back than backups reach', () => {
    const restore = RestorePoint.random({ within: Duration.days(7) });
    expect(withDatabase({ backupRetention: Duration.days(3) }, restore)).toThrow(
      "'restore' draws from the last 7 days, and backups are kept for 3",
    );
  });

  test('a source that could be taken for a copy', () => {
    const stack = newStack();
    const database = importedDatabase(stack, 'Lifeboat-Orders');
    expect(() => newDrill(stack, { source: DrillSource.database(database) })).toThrow(
      "starts with 'lifeboat-', so it could be taken for a restored instance",
    );
  });

  test('names that evidence could not be kept under, all at once', () => {
    const refused = () => newDrill(newStack(), { planName: 'a/b', target: '' });
    expect(refused).toThrow(/plan: .*\n.*target: /);
  });

  test.each(['注文', 'Überweisungen', 'all*', ' ', 'two\nlines'])('a name that CloudWatch would drop: %j', (target) => {
    expect(() => newDrill(newStack(), { target })).toThrow(/target: must be 1 to 100 printable ASCII characters/);
  });
});

test('warns of a copy of another class, since it proves no recovery time', () => {
  const stack = newStack();
  const instanceType = ec2.InstanceType.of(ec2.InstanceClass.T3, ec2.InstanceSize.LARGE);
  const micro = ec2.InstanceType.of(ec2.InstanceClass.T3, ec2.InstanceSize.MICRO);
  newDrill(stack, { source: DrillSource.database(newDatabase(stack, { instanceType })), instanceType: micro });
  expect(warningsOf(stack)).toEqual([expect.stringContaining('lifeboat:copy-of-another-class')]);
  expect(deployedWith(stack, CONDUCTOR)).toMatchObject({ copy: { instanceClass: 'db.t3.micro' } });
});

test('warns of a snapshot that can not meet the recovery point, unless a day of loss is agreed to', () => {
  const drilled = (restore: RestorePoint, rpo: Duration) => {
    const stack = newStack();
    newDrill(stack, { restore, objectives: { rpo, rto: Duration.hours(1) } });
    return warningsOf(stack);
  };
  const warning = [expect.stringContaining('lifeboat:snapshot-beyond-rpo')];
  expect(drilled(RestorePoint.latestSnapshot(), Duration.hours(23))).toEqual(warning);
  expect(drilled(RestorePoint.latestSnapshot(), Duration.hours(24))).toEqual([]);
  expect(drilled(RestorePoint.latest(), Duration.minutes(5))).toEqual([]);
});

test('warns of a restore point that goes with its backup, while the schedule goes on; of others it does not', () => {
  const warned = (restore: RestorePoint, backupRetention?: Duration) => {
    const stack = newStack();
    const database = backupRetention ? newDatabase(stack, { backupRetention }) : importedDatabase(stack);
    newDrill(stack, {
      restore,
      source: DrillSource.database(database),
      objectives: { ...OBJECTIVES, rpo: Duration.days(1) },
    });
    return warningsOf(stack).filter((warning) => warning.includes('lifeboat:restore-point-expires'));
  };
  const moment = RestorePoint.at('2026-11-09T14:25:00Z');
  expect(warned(moment, Duration.days(7))).toEqual([
    expect.stringMatching(
      /^'restore' is always 2026-11-09T14:25:00Z, and backups are kept for 7 days, so all drills after/,
    ),
  ]);
  expect(warned(moment)).toEqual([expect.stringContaining('its backup is kept for at most 35 days')]);
  expect(warned(RestorePoint.snapshot('rds:orders-2026-11-09-03-10'))).toHaveLength(1);
  expect(warned(RestorePoint.snapshot('before-release'))).toEqual([]);
  expect(warned(RestorePoint.random({ within: Duration.days(7) }), Duration.days(7))).toEqual([]);
});

test('what is only known at deployment is not compared', () => {
  const stack = newStack();
  const retention = new CfnParameter(stack, 'Days', { type: 'Number' }).valueAsNumber;
  const instanceIdentifier = new CfnParameter(stack, 'Identifier').valueAsString;
  const database = newDatabase(stack, { backupRetention: Duration.days(retention), instanceIdentifier });
  expect(() =>
    newDrill(stack, {
      source: DrillSource.database(database),
      restore: RestorePoint.random({ within: Duration.days(7) }),
    }),
  ).not.toThrow();
});

describe('alarms', () => {
  const stack = newStack();
  newDrill(stack, { schedule: Recurrence.firstSunday({ hour: 10 }) });
  const template = Template.fromStack(stack);
  const alarm = (properties: object) => template.hasResourceProperties('AWS::CloudWatch::Alarm', properties);

  test('ring when a drill did not pass', () => {
    alarm({ MetricName: 'DrillPassed', ComparisonOperator: 'LessThanThreshold', Threshold: 1 });
  });

  test('ring when an objective was missed', () => {
    const AlarmDescription = Match.stringLikeRegexp('RTO of 1 hour, .* RPO of 5 minutes');
    alarm({
      MetricName: 'ObjectivesMissed',
      ComparisonOperator: 'GreaterThanThreshold',
      Threshold: 0,
      AlarmDescription,
    });
  });

  test('ring when nothing was proven for longer than the schedule explains, and when nobody is watching', () => {
    const Dimensions = Match.arrayWith([{ Name: 'Drill', Value: 'Drill' }]);
    const Threshold = 36 * 86_400;
    alarm({ MetricName: 'SecondsSinceProven', Dimensions, Threshold, TreatMissingData: 'breaching' });
  });

  test('ring when the janitor broke off, or something was not started', () => {
    const errors = Object.values(template.findResources('AWS::CloudWatch::Alarm')).filter(
      ({ Properties }) => Properties.MetricName === 'Errors',
    );
    expect(errors).toHaveLength(1);
    alarm({ MetricName: 'ApproximateNumberOfMessagesVisible', Threshold: 0 });
  });

  test('ring when a run was stopped, timed out or failed: its event is told to the watch, which counts it as failed', () => {
    const conductor = { 'Fn::GetAtt': [Match.stringLikeRegexp('^DrillConductorFunction'), 'Arn'] };
    template.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: ['aws.lambda'],
        'detail-type': ['Durable Execution Status Change'],
        detail: {
          status: ['FAILED', 'STOPPED', 'TIMED_OUT'],
          functionArn: [{ prefix: { 'Fn::Join': ['', [conductor, ':']] } }],
        },
      },
      Targets: [
        {
          Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('WatchHandlerFunction'), 'Arn'] },
          InputTransformer: {
            InputPathsMap: {
              status: '$.detail.status',
              function: '$.detail.functionArn',
              execution: '$.detail.durableExecutionArn',
            },
            InputTemplate: {
              'Fn::Join': [
                '',
                [
                  '{"runs":[{"plan":"Test","target":"Drill","drill":"Drill","function":"',
                  conductor,
                  '"}],"status":"<status>","function":"<function>","execution":"<execution>"}',
                ],
              ],
            },
          },
        },
      ],
    });
    template.hasResourceProperties('AWS::Lambda::Permission', { Principal: 'events.amazonaws.com' });
  });

  test('of a drill in another stack than its site reach the site, without a circle between the two', () => {
    const app = new App();
    const site = new DrillSite(new Stack(app, 'Site'), 'Site');
    newDrill(new Stack(app, 'Shop'), { site });
    expect(() => app.synth()).not.toThrow();
  });

  test('look back no further than CloudWatch does', () => {
    for (const { Properties } of Object.values(template.findResources('AWS::CloudWatch::Alarm'))) {
      expect(Properties.Period * Properties.EvaluationPeriods).toBeLessThanOrEqual(7 * 86_400);
    }
  });
});
