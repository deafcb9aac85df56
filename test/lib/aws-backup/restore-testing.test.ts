import { App, Duration, Stack, TimeZone, Validations } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as sns from 'aws-cdk-lib/aws-sns';
import { AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks } from 'cdk-nag';
import {
  BackupTarget,
  BackupTier,
  BackupTiers,
  DrillSite,
  ProtectedVault,
  RecoveryCheck,
  Recurrence,
  Weekday,
} from '../../../lib';
import type { TestedDatabaseOptions } from '../../../lib/aws-backup/restore-test';
import { RestoreTesting, type RestoreTestingProps } from '../../../lib/aws-backup/restore-testing';
import { TestedRecoveryPoints } from '../../../lib/aws-backup/tested-recovery-points';
import { ACCOUNT, allows, REGION, statementsOf } from '../../template/policies';
import { importedDatabase, newDatabase, newStack, OBJECTIVES, Template, warningsOf } from '../../template/stacks';

const micro = ec2.InstanceType.of(ec2.InstanceClass.T4G, ec2.InstanceSize.MICRO);

function testingOf(stack: Stack, props: Partial<RestoreTestingProps> = {}): RestoreTesting {
  return new RestoreTesting(stack, 'Tests', {
    vaults: props.vaults ?? [new ProtectedVault(stack, 'Vault').vault],
    schedule: Recurrence.firstSunday({ hour: 5, timeZone: TimeZone.EUROPE_BERLIN }),
    ...props,
  });
}

function tested(options: Partial<TestedDatabaseOptions> = {}, props: Partial<RestoreTestingProps> = {}, id = 'Orders') {
  const stack = newStack();
  testingOf(stack, props).addDatabase(id, {
    database: importedDatabase(stack),
    objectives: OBJECTIVES,
    instanceType: micro,
    parameterGroupName: 'orders-pg17',
    ...options,
  });
  return Template.fromStack(stack);
}

const ofEngine = (engine: rds.IInstanceEngine) =>
  rds.DatabaseInstance.fromDatabaseInstanceAttributes(newStack('Elsewhere'), 'Database', {
    instanceIdentifier: 'orders',
    instanceEndpointAddress: 'orders.example.com',
    port: 5432,
    securityGroups: [],
    engine,
  });

test('S2: a database whose name has capitals is selected by the name that RDS keeps', () => {
  const template = tested({ database: importedDatabase(newStack(), 'Orders-Prod-DB') });
  const [selection] = Object.values(template.findResources('AWS::Backup::RestoreTestingSelection'));
  expect(JSON.stringify(selection?.Properties.ProtectedResourceArns)).toContain(':db:orders-prod-db"');
});

test('restores snapshots of the vaults on its schedule', () => {
  tested().hasResourceProperties('AWS::Backup::RestoreTestingPlan', {
    RestoreTestingPlanName: 'Test_Tests',
    ScheduleExpression: 'cron(0 5 ? * SUN#1 *)',
    ScheduleExpressionTimezone: 'Europe/Berlin',
    StartWindowHours: 24,
    RecoveryPointSelection: {
      Algorithm: 'LATEST_WITHIN_WINDOW',
      IncludeVaults: [{ 'Fn::GetAtt': [Match.stringLikeRegexp('^Vault'), 'BackupVaultArn'] }],
      RecoveryPointTypes: ['SNAPSHOT'],
      SelectionWindowDays: 30,
    },
  });
});

test('leaves no setting of the restored instance to defaults', () => {
  tested().hasResourceProperties('AWS::Backup::RestoreTestingSelection', {
    RestoreTestingSelectionName: 'Orders',
    ProtectedResourceType: 'RDS',
    ProtectedResourceArns: [Match.anyValue()],
    ValidationWindowHours: 8,
    RestoreMetadataOverrides: {
      dbSubnetGroupName: { Ref: Match.stringLikeRegexp('SubnetGroup') },
      vpcSecurityGroupIds: { 'Fn::Join': ['', ['["', Match.anyValue(), '"]']] },
      dbParameterGroupName: 'orders-pg17',
      dbInstanceClass: 'db.t4g.micro',
    },
  });
});

test("takes class and parameter group from a database of this app, and RDS's group of its version where it states none", () => {
  const stack = newStack();
  const engine = rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_17_5 });
  const database = newDatabase(stack, { engine, instanceType: micro });
  testingOf(stack).addDatabase('Orders', { database, objectives: OBJECTIVES });
  Template.fromStack(stack).hasResourceProperties('AWS::Backup::RestoreTestingSelection', {
    RestoreMetadataOverrides: { dbParameterGroupName: 'default.postgres17', dbInstanceClass: 'db.t4g.micro' },
  });
});

test('validates when AWS Backup tells of a restore of its own plan, with the checks of a drill', () => {
  const template = tested({ checks: [RecoveryCheck.rowCount('orders', { atLeast: 1 })] });
  template.hasResourceProperties('AWS::Events::Rule', {
    EventPattern: {
      source: ['aws.backup'],
      'detail-type': ['Restore Job State Change'],
      detail: {
        status: ['COMPLETED', 'FAILED', 'ABORTED'],
        resourceType: ['RDS'],
        restoreTestingPlanArn: [
          { 'Fn::GetAtt': ['TestsPlan10A12CF2', 'RestoreTestingPlanArn'].map(() => Match.anyValue()) },
        ],
      },
    },
    Targets: [
      {
        Arn: { Ref: Match.stringLikeRegexp('Live') },
        InputTransformer: { InputPathsMap: { 'detail-restoreJobId': '$.detail.restoreJobId' } },
      },
    ],
  });
  const rules = Object.values(template.findResources('AWS::Events::Rule'));
  const rule = rules.find(({ Properties }) => Properties.EventPattern.source[0] === 'aws.backup');
  const handed = rule?.Properties.Targets[0].InputTransformer.InputTemplate;
  expect(handed).toBe('{"restoreJob":<detail-restoreJobId>}');
});

describe('the validator', () => {
  const statements = statementsOf(tested(), /OrdersValidatorRole/);
  const db = (name: string) => `arn:aws:rds:${REGION}:${ACCOUNT}:db:${name}`;
  const modify = (name: string, context: Record<string, string>) =>
    allows(statements, { action: 'rds:ModifyDBInstance', resources: [db(name)], context });
  const tag = { 'aws:ResourceTag/awsbackup-restore-test': 'Tests' };

  test('changes what carries the name and the tag of a restore test', () => {
    expect(modify('awsbackup-restore-test-1', tag)).toBe(true);
  });

  test.each<[string, string, Record<string, string>]>([
    ['without the tag', 'awsbackup-restore-test-1', {}],
    ['with another tag', 'awsbackup-restore-test-1', { 'aws:ResourceTag/lifeboat:copy-of': 'orders' }],
    ['without the name', 'orders', tag],
  ])('changes nothing %s', (_, name, context) => {
    expect(modify(name, context)).toBe(false);
  });

  test.each([
    'rds:DeleteDBInstance',
    'rds:AddTagsToResource',
    'rds:RestoreDBInstanceFromDBSnapshot',
    'rds:RebootDBInstance',
  ])('may not %s, whatever carries the tag', (action) => {
    const resources = [db('awsbackup-restore-test-1')];
    expect(allows(statements, { action, resources, context: tag })).toBe(false);
  });

  test.each(['backup:DescribeRestoreJob', 'backup:PutRestoreValidationResult'])('may %s', (action) => {
    expect(allows(statements, { action, resources: ['*'] })).toBe(true);
  });

  test.each(['backup:DeleteRecoveryPoint', 'backup:StartRestoreJob', 'backup:DeleteBackupVault'])(
    'may not %s',
    (action) => {
      expect(allows(statements, { action, resources: ['*'] })).toBe(false);
    },
  );
});

test('is told of as overdue by the watch, since events may be lost', () => {
  tested().hasResourceProperties('AWS::CloudWatch::Alarm', {
    MetricName: 'SecondsSinceProven',
    TreatMissingData: 'breaching',
    Threshold: (35 + 1 + 1) * 86_400,
  });
});

describe('an objective that recovery points can not meet', () => {
  const testedWithin = (within: Duration, tier: BackupTier) => {
    const stack = newStack();
    const database = importedDatabase(stack);
    const { vault } = new ProtectedVault(stack, 'Vault');
    new BackupTiers(stack, 'Tiers', { vault, tiers: [tier], targets: [BackupTarget.database(database)] });
    const objectives = { rpo: Duration.days(7), rto: Duration.hours(4) };
    const of = { database, objectives, instanceType: micro, parameterGroupName: 'orders-pg17' };
    testingOf(stack, { vaults: [vault], recoveryPoints: TestedRecoveryPoints.random({ within }) }).addDatabase('O', of);
    return warningsOf(stack);
  };
  const warned = (rpo: Duration, tiers: BackupTier[], recoveryPoints?: TestedRecoveryPoints) => {
    const stack = newStack();
    const database = importedDatabase(stack);
    const { vault } = new ProtectedVault(stack, 'Vault');
    if (tiers.length > 0) {
      new BackupTiers(stack, 'Tiers', { vault, tiers, targets: [BackupTarget.database(database)] });
    }
    const objectives = { rpo, rto: Duration.hours(4) };
    const of = { database, objectives, instanceType: micro, parameterGroupName: 'orders-pg17' };
    testingOf(stack, { vaults: [vault], recoveryPoints }).addDatabase('Orders', of);
    return warningsOf(stack).filter((warning) => warning.includes('beyond-rpo'));
  };
  const daily = BackupTier.daily({ hour: 6 });
  const keep = Duration.days(30);
  const hourly = BackupTier.of('Hourly', { schedule: Recurrence.cron('0 * * * ? *'), retention: keep });
  const monthly = BackupTier.monthly({ hour: 8 });

  test.each([
    [[daily, monthly], Duration.hours(23), Duration.hours(24), 'every 1 day'],
    [[hourly, daily], Duration.minutes(59), Duration.hours(1), 'every 1 hour'],
    [[monthly], Duration.days(30), Duration.days(31), 'every 31 days'],
    [[], Duration.minutes(59), Duration.hours(1), 'AWS Backup takes at most a recovery point every 1 hour'],
  ])('is warned of, and the nearest one is not (%#)', (tiers, tooShort, enough, text) => {
    expect(warned(tooShort, tiers)).toEqual([expect.stringContaining(text)]);
    expect(warned(enough, tiers)).toEqual([]);
  });

  test('is no objective where no recovery point is in reach, which is warned of', () => {
    const weekly = BackupTier.weekly({ weekday: Weekday.SUNDAY, hour: 7 });
    const reaching = (within: number) =>
      testedWithin(Duration.days(within), weekly).filter((warning) => warning.includes('in-reach'));
    expect(reaching(6)).toEqual([expect.stringMatching(/of the last 6 days, and tiers Weekly take one every 7 days/)]);
    expect(reaching(7)).toEqual([]);
  });

  test('is not judged where any recovery point may be drawn', () => {
    expect(warned(Duration.minutes(5), [daily], TestedRecoveryPoints.random({ within: keep }))).toEqual([]);
  });
});

describe('refuses', () => {
  type Refused = [string, () => unknown, string, () => unknown];

  test.each<Refused>([
    [
      'a name of hyphens',
      () => tested({}, { testingPlanName: 'my-plan' }),
      "'testingPlanName' is 'my-plan', not 1 to 50 letters, digits and underscores",
      () => tested({}, { testingPlanName: 'my_plan' }),
    ],
    [
      'a name of 51 characters',
      () => tested({}, { testingPlanName: 'a'.repeat(51) }),
      "'testingPlanName' is 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', not 1 to 50 letters, digits and underscores",
      () => tested({}, { testingPlanName: 'a'.repeat(50) }),
    ],
    ...['Plan', 'Role', 'Site'].map(
      (id): Refused => [
        `the id '${id}', which it needs itself`,
        () => tested({}, {}, id),
        `test 'Test/Tests/${id}' has an id that Lifeboat uses there itself (Plan, Role, Site), so one of the two could not be created; ` +
          `use another id, as in '${id}Test'`,
        () => tested({}, {}, `${id}Test`),
      ],
    ),
    [
      'the id of the role for files',
      () =>
        testingOf(newStack()).addFileSystems('Role', [
          BackupTarget.arn('arn:aws:elasticfilesystem:us-east-1:111122223333:file-system/fs-1'),
        ]),
      "as in 'RoleTest'",
      () => tested({}, {}, 'Alarms'),
    ],
    [
      'no vault',
      () => tested({}, { vaults: [] }),
      "'vaults' is empty, so nothing would be tested; name the vault of the recovery points",
      () => tested(),
    ],
    [
      "'startWithin' is 7 days 1 hour, not 1 to 168 whole hours (7 days), so AWS Backup would refuse it; choose one of these",
      () => tested({}, { startWithin: Duration.hours(169) }),
      "'startWithin' is 7 days 1 hour, not 1 to 168 whole hours (7 days), so AWS Backup would refuse it; choose one of these",
      () => tested({}, { startWithin: Duration.hours(168) }),
    ],
    [
      "'validationWindow' is 7 days 1 hour, not 1 to 168 whole hours (7 days), so AWS Backup would refuse it; choose one of these",
      () => tested({ validationWindow: Duration.hours(169) }),
      "'validationWindow' is 7 days 1 hour, not 1 to 168 whole hours (7 days), so AWS Backup would refuse it; choose one of these",
      () => tested({ validationWindow: Duration.hours(168) }),
    ],
    [
      'a validation window of half an hour',
      () => tested({ validationWindow: Duration.minutes(30) }),
      "'validationWindow' is 30 minutes, not 1 to 168 whole hours (7 days), so AWS Backup would refuse it; choose one of these",
      () => tested({ validationWindow: Duration.hours(1) }),
    ],
    [
      'an id of 51 characters',
      () => tested({}, {}, 'a'.repeat(51)),
      'longer than 50 characters',
      () => tested({}, {}, 'a'.repeat(50)),
    ],
    [
      'an engine that can not be examined',
      () => tested({ database: ofEngine(rds.DatabaseInstanceEngine.MYSQL) }),
      "'database' runs mysql, and only PostgreSQL can be examined",
      () => tested({ database: ofEngine(rds.DatabaseInstanceEngine.POSTGRES) }),
    ],
    [
      'a class left to AWS Backup',
      () => tested({ instanceType: undefined }),
      "'instanceType' is missing",
      () => tested(),
    ],
    [
      'a parameter group left to RDS',
      () => tested({ parameterGroupName: undefined }),
      "'parameterGroupName' is missing",
      () => tested(),
    ],
    [
      "tested recovery points: 'within' is 366 days",
      () => TestedRecoveryPoints.random({ within: Duration.days(366) }),
      "tested recovery points: 'within' is 366 days",
      () => TestedRecoveryPoints.random({ within: Duration.days(365) }),
    ],
    [
      'half a day of recovery points',
      () => TestedRecoveryPoints.newest({ within: Duration.hours(12) }),
      "tested recovery points: 'within' is 12 hours",
      () => TestedRecoveryPoints.newest({ within: Duration.days(1) }),
    ],
  ])('%s', (_, wrong, message, right) => {
    expect(wrong).toThrow(message);
    expect(right).not.toThrow();
  });

  const problemsOf = (stack: Stack) => stack.node.findAll().flatMap((construct) => construct.node.validate());

  test.each([
    [31, ['it has 31 tests, and AWS Backup allows 30 selections in one plan']],
    [30, []],
  ])('%d databases in one plan, where that is too many', (count, problems) => {
    const stack = newStack();
    const testing = testingOf(stack);
    for (let index = 0; index < count; index++) {
      testing.addDatabase(`Orders${index}`, {
        database: importedDatabase(stack, `orders${index}`),
        objectives: OBJECTIVES,
        instanceType: micro,
        parameterGroupName: 'pg17',
      });
    }
    expect(problemsOf(stack)).toEqual(problems.map((problem) => expect.stringContaining(problem)));
  });

  test.each([
    [101, true],
    [100, false],
  ])('%d plans in one region, where that is too many', (count, refused) => {
    const stack = newStack();
    const { vault } = new ProtectedVault(stack, 'Vault');
    const site = new DrillSite(stack, 'Site');
    for (let index = 0; index < count; index++) {
      const schedule = Recurrence.daily({ hour: 5 });
      new RestoreTesting(stack, `Tests${index}`, { vaults: [vault], site, schedule });
    }
    expect(problemsOf(stack).some((problem) => problem.includes('AWS Backup allows 100 in one region'))).toBe(refused);
  });

  test('a plan that tests nothing', () => {
    const stack = newStack();
    testingOf(stack);
    expect(() => Template.fromStack(stack)).toThrow("[Test/Tests] restore testing 'Test/Tests': it has no test");
  });

  test('ids that AWS Backup could not tell apart', () => {
    const stack = newStack();
    const testing = testingOf(stack);
    for (const id of ['the-orders', 'the_orders']) {
      testing.addDatabase(id, {
        database: importedDatabase(stack, id.replace('_', '')),
        objectives: OBJECTIVES,
        instanceType: micro,
        parameterGroupName: 'pg17',
      });
    }
    expect(() => Template.fromStack(stack)).toThrow("several of its tests would be named 'the_orders' in AWS Backup");
  });
});

describe('application files', () => {
  const volumes = (stack: Stack, count: number) =>
    Array.from({ length: count }, (_, index) => {
      const at = { volumeId: `vol-${index}`, availabilityZone: 'a' };
      return BackupTarget.volume(ec2.Volume.fromVolumeAttributes(stack, `Disk${index}`, at));
    });

  test('are restored by AWS Backup', () => {
    const stack = newStack();
    testingOf(stack).addFileSystems('Disks', volumes(stack, 2));
    const [selection] = Object.values(Template.fromStack(stack).findResources('AWS::Backup::RestoreTestingSelection'));
    expect(selection?.Properties).toMatchObject({
      RestoreTestingSelectionName: 'Disks',
      ProtectedResourceType: 'EBS',
      ValidationWindowHours: 1,
    });
    expect(selection?.Properties.ProtectedResourceArns).toHaveLength(2);
  });

  test.each<[string, (stack: Stack) => BackupTarget[], string]>([
    ['31 of them', (stack) => volumes(stack, 31), "'targets' has 31 resources"],
    ['databases among them', (stack) => [BackupTarget.database(importedDatabase(stack))], "'targets' are of kind RDS"],
    [
      'two kinds',
      (stack) => [...volumes(stack, 1), BackupTarget.database(importedDatabase(stack))],
      "'targets' are of kind EBS and RDS",
    ],
    ['a tag', () => [BackupTarget.tagged('backup', 'yes')], "'targets' are of kind unknown"],
    ['none', () => [], "'targets' are of kind none"],
  ])('refuse %s', (_, targets, message) => {
    const stack = newStack();
    expect(() => testingOf(stack).addFileSystems('Files', targets(stack))).toThrow(message);
  });

  test('take 30 of them', () => {
    const stack = newStack();
    expect(() => testingOf(stack).addFileSystems('Files', volumes(stack, 30))).not.toThrow();
  });

  test.each([51, 50])('refuse an id of 51 characters, and take one of 50: %d', (length) => {
    const stack = newStack();
    const add = () => testingOf(stack).addFileSystems('a'.repeat(length), volumes(stack, 1));
    if (length > 50) expect(add).toThrow('longer than 50 characters');
    else expect(add).not.toThrow();
  });
});

test("passes cdk-nag's packs in a stack of its own", () => {
  const app = new App({ builtinCloudFormationValidation: false });
  const stack = new Stack(app, 'Test');
  const notify = sns.Topic.fromTopicArn(stack, 'Told', 'arn:aws:sns:eu-west-1:111122223333:told');
  const { vault } = new ProtectedVault(stack, 'Vault', { notify });
  testingOf(stack, { vaults: [vault], notify }).addDatabase('Orders', {
    database: importedDatabase(stack),
    objectives: OBJECTIVES,
    instanceType: micro,
    parameterGroupName: 'orders-pg17',
  });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new NIST80053R5Checks(app), new HIPAASecurityChecks(app));
  expect(() => app.synth()).not.toThrow();
});
