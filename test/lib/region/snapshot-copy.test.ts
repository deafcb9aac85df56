import { App, Duration, Stack, Validations } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as sns from 'aws-cdk-lib/aws-sns';
import { AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks } from 'cdk-nag';
import { Construct } from 'constructs';
import { copiedBy, parse, snapshotCopyDefinition, snapshotCopyRequest } from '../../../lambda/contract';
import {
  BackupWindow,
  RecoveryRegion,
  RecoverySite,
  SnapshotCopy,
  type SnapshotCopyProps,
  SnapshotSource,
} from '../../../lib';
import { deployedWith } from '../../template/definition';
import { ACCOUNT, allows, type Call, possible, REGION, resolved, statementsOf } from '../../template/policies';
import { importedDatabase, newDatabase, newStack, Template, warningsOf } from '../../template/stacks';

const WEST = RecoveryRegion.named('us-west-2');
const HERE = { env: { region: REGION, account: ACCOUNT } };
const KEEP = Duration.days(7);

function copying(scope: Construct, props: Partial<SnapshotCopyProps> = {}): SnapshotCopy {
  return new SnapshotCopy(scope, 'Copy', {
    source: props.source ?? SnapshotSource.automated(importedDatabase(scope)),
    destination: WEST,
    retention: KEEP,
    ...props,
  });
}

const inRegion = () => new Stack(new App({ builtinCloudFormationValidation: false }), 'Shop', HERE);

describe('a round starts', () => {
  const stack = inRegion();
  copying(stack);
  const template = Template.fromStack(stack);

  test("with each automated snapshot's event, of this database alone", () => {
    template.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: ['aws.rds'],
        'detail-type': ['RDS DB Snapshot Event'],
        detail: { EventID: ['RDS-EVENT-0091'], SourceIdentifier: [{ prefix: 'rds:orders-20' }] },
      },
      Targets: [{ Arn: { Ref: Match.stringLikeRegexp('^CopyLive') }, DeadLetterConfig: Match.anyValue() }],
    });
  });

  test('every hour besides, since events are best effort', () => {
    template.hasResourceProperties('AWS::Scheduler::Schedule', { ScheduleExpression: 'rate(1 hour)' });
  });

  test('with nothing to choose, and does what is deployed with the handler', () => {
    const [rule] = Object.values(template.findResources('AWS::Events::Rule'));
    const [schedule] = Object.values(template.findResources('AWS::Scheduler::Schedule'));
    for (const input of [rule?.Properties.Targets[0].Input, schedule?.Properties.Target.Input]) {
      expect(parse(snapshotCopyRequest, JSON.parse(resolved(input)), 'request')).toEqual({});
    }
    expect(parse(snapshotCopyDefinition, deployedWith(stack, /^CopyHandler/), 'definition')).toMatchObject({
      target: 'Copy',
      copy: 'Copy',
      source: { kind: 'automated', region: REGION, instance: 'orders', arn: expect.stringMatching(/:db:orders$/) },
      destination: { region: 'us-west-2', key: `arn:aws:kms:us-west-2:${ACCOUNT}:alias/lifeboat-Shop` },
      keepSeconds: 7 * 86_400,
    });
  });
});

test('what is only known at deployment is filled in there, in the event pattern and in the definition', () => {
  const stack = newStack();
  copying(stack, { source: SnapshotSource.automated(newDatabase(stack)) });
  const [rule] = Object.values(Template.fromStack(stack).findResources('AWS::Events::Rule'));
  const [{ prefix }] = rule?.Properties.EventPattern.detail.SourceIdentifier ?? [];
  expect(resolved(prefix)).toMatch(/^rds:<Database\w+>-20$/);
  expect(deployedWith(stack, /^CopyHandler/)).toMatchObject({
    source: { region: REGION, instance: expect.stringMatching(/^<Database/) },
    destination: { key: `arn:aws:kms:us-west-2:${ACCOUNT}:alias/lifeboat-Test` },
  });
});

describe('the alarm on missing and old copies', () => {
  const thresholdOf = (props: (stack: Stack) => Partial<SnapshotCopyProps>) => {
    const stack = inRegion();
    copying(stack, props(stack));
    const alarms = Object.values(Template.fromStack(stack).findResources('AWS::CloudWatch::Alarm'));
    return alarms.find(({ Properties }) => Properties.MetricName === 'SnapshotCopyAge')?.Properties;
  };

  test('takes silence for a missing copy, and never looks back further than CloudWatch can', () => {
    const alarm = thresholdOf(() => ({ rpo: Duration.days(10) }));
    expect(alarm).toMatchObject({ TreatMissingData: 'breaching', Period: 10_800, EvaluationPeriods: 1 });
  });

  test.each<[string, number, (stack: Stack) => Partial<SnapshotCopyProps>]>([
    ['a day, the half hour that RDS picks, and 4 hours of copying', 28.5, () => ({})],
    ['the window that was given', 29, () => ({ window: BackupWindow.daily('23:30', '00:30') })],
    [
      'all three as stated',
      51,
      () => ({ rpo: Duration.days(2), window: BackupWindow.daily('01:00', '03:00'), copyTime: Duration.hours(1) }),
    ],
    [
      "the database's own window",
      30,
      (stack) => ({ source: SnapshotSource.automated(newDatabase(stack, { preferredBackupWindow: '03:00-05:00' })) }),
    ],
  ])('allows %s: %d hours', (_, hours, props) => {
    expect(thresholdOf(props)?.Threshold).toBe(hours * 3600);
  });
});

test('an old hold is told by what the handler says beside the age of copies', () => {
  const stack = inRegion();
  copying(stack, { planName: 'Protection', target: 'Orders' });
  Template.fromStack(stack).hasResourceProperties('AWS::CloudWatch::Alarm', {
    Namespace: 'Lifeboat',
    MetricName: 'HoldAge',
    // As the runbook prints them: test/lambda/rds/copy-snapshots.test.ts.
    Dimensions: [
      { Name: 'Copy', Value: 'Copy' },
      { Name: 'Plan', Value: 'Protection' },
      { Name: 'Target', Value: 'Orders' },
    ],
    ComparisonOperator: 'GreaterThanThreshold',
    Threshold: 7 * 86_400,
    // No hold is none that is old.
    TreatMissingData: 'notBreaching',
  });
});

describe('permissions', () => {
  const stack = inRegion();
  const copy = copying(stack, { shareWith: ['444455556666'] });
  const statements = statementsOf(Template.fromStack(stack), /^CopyHandlerRole/);
  const can = (call: Call) => allows(statements, call);
  const snapshot = (name: string, region = 'us-west-2') => `arn:aws:rds:${region}:${ACCOUNT}:snapshot:${name}`;
  const original = snapshot('rds:orders-2026-11-20-03-05', REGION);
  const target = snapshot('lifeboat-0a1b2c3d-orders-2026-11-20-03-05');
  const tagged = (where: string, by = copiedBy(copy.definition), of = copy.definition.source.arn) => ({
    [`aws:${where}/lifeboat:snapshot-of`]: resolved(stack.resolve(of)),
    [`aws:${where}/lifeboat:copied-by`]: by,
  });
  const ours = tagged('ResourceTag');

  test("let it copy this database's snapshots into its copies, with its tags", () => {
    expect(can({ action: 'rds:CopyDBSnapshot', resources: [original] })).toBe(true);
    expect(can({ action: 'rds:CopyDBSnapshot', resources: [original, target], context: tagged('RequestTag') })).toBe(
      true,
    );
    expect(can({ action: 'rds:AddTagsToResource', resources: [target], context: tagged('RequestTag') })).toBe(true);
    expect(can({ action: 'rds:CopyDBSnapshot', resources: [original, target] })).toBe(false);
  });

  test.each(['rds:DeleteDBSnapshot', 'rds:ModifyDBSnapshotAttribute'])('%s: only what carries its tags', (action) => {
    expect(can({ action, resources: [target], context: ours })).toBe(true);
    expect(can({ action, resources: [target] })).toBe(false);
    expect(can({ action, resources: [target], context: tagged('ResourceTag', 'Another') })).toBe(false);
    expect(can({ action, resources: [target], context: tagged('ResourceTag', 'Copy', 'arn:of:another') })).toBe(false);
  });

  test("never let it make another copying's copy, or a copy of another database, look like its own", () => {
    const made = tagged('RequestTag');
    const retag = (now: object) =>
      can({ action: 'rds:AddTagsToResource', resources: [target], context: { ...made, ...now } });
    expect(retag({})).toBe(true);
    expect(retag(ours)).toBe(true);
    expect(retag(tagged('ResourceTag', 'Shop/Copy/Yearly'))).toBe(false);
    expect(retag(tagged('ResourceTag', undefined, 'arn:of:another'))).toBe(false);
  });

  test('never let it touch the originals, other copies, or the database', () => {
    const all = { ...ours, ...tagged('RequestTag') };
    const others = [original, snapshot('orders-by-hand'), snapshot('lifeboat-0a1b2c3d-users-2026-11-20-03-05')];
    for (const resource of others) {
      for (const action of ['rds:DeleteDBSnapshot', 'rds:ModifyDBSnapshotAttribute', 'rds:AddTagsToResource']) {
        expect([resource, action, can(possible({ action, resources: [resource], context: all }))]).toEqual([
          resource,
          action,
          false,
        ]);
      }
    }
    expect(
      can({ action: 'rds:CopyDBSnapshot', resources: [snapshot('rds:orders-archive-2026-11-20-03-05', REGION)] }),
    ).toBe(false);
    for (const action of ['rds:ModifyDBInstance', 'rds:DeleteDBInstance', 'rds:RestoreDBInstanceFromDBSnapshot']) {
      const resources = [`arn:aws:rds:${REGION}:${ACCOUNT}:db:orders`];
      expect(can(possible({ action, resources, context: all }))).toBe(false);
    }
  });

  test('let it read whether this database is on hold or being recovered, in either region, and hold or release nothing', () => {
    const parameter = (name: string, region: string) => `arn:aws:ssm:${region}:${ACCOUNT}:parameter/${name}`;
    const may = (action: string, name: string, region: string) =>
      can({ action: `ssm:${action}`, resources: [parameter(name, region)] });
    for (const region of [REGION, 'us-west-2']) {
      expect(may('GetParameter', 'lifeboat/hold/database/orders', region)).toBe(true);
      expect(may('GetParameter', 'lifeboat/recoveries/database/orders', region)).toBe(true);
      expect(may('GetParameter', 'lifeboat/recoveries/database/orders-archive', region)).toBe(false);
      expect(may('DeleteParameter', 'lifeboat/recoveries/database/orders', region)).toBe(false);
      expect(may('GetParameter', 'lifeboat/hold/database/orders-archive', region)).toBe(false);
      expect(may('PutParameter', 'lifeboat/hold/database/orders', region)).toBe(false);
      expect(may('DeleteParameter', 'lifeboat/hold/database/orders', region)).toBe(false);
    }
    expect(may('GetParameter', 'lifeboat/hold/database/orders', 'eu-north-1')).toBe(false);
  });

  test("let RDS use the recovery site's key there, and no other", () => {
    const key = `arn:aws:kms:us-west-2:${ACCOUNT}:key/0a1b2c3d`;
    const use = (alias: string, via = 'rds.us-west-2.amazonaws.com') =>
      can({
        action: 'kms:CreateGrant',
        resources: [key],
        context: { 'kms:ViaService': via, 'kms:ResourceAliases': [alias] },
      });
    expect(use('alias/lifeboat-Shop')).toBe(true);
    expect(use('alias/another')).toBe(false);
    expect(use('alias/lifeboat-Shop', 's3.us-west-2.amazonaws.com')).toBe(false);
  });

  test('without accounts to share with, it may not share at all', () => {
    const unshared = inRegion();
    copying(unshared);
    const without = statementsOf(Template.fromStack(unshared), /^CopyHandlerRole/);
    expect(allows(without, { action: 'rds:ModifyDBSnapshotAttribute', resources: [target], context: ours })).toBe(
      false,
    );
  });

  test("a key of the user's own is used by its ARN, and the source's key by RDS of both regions", () => {
    const stack = inRegion();
    const keyArn = `arn:aws:kms:us-west-2:${ACCOUNT}:key/mine`;
    const storageKey = kms.Key.fromKeyArn(stack, 'Storage', `arn:aws:kms:${REGION}:${ACCOUNT}:key/storage`);
    copying(stack, { destination: RecoveryRegion.named('us-west-2', { keyArn }), storageKey });
    const own = statementsOf(Template.fromStack(stack), /^CopyHandlerRole/);
    const use = (resource: string, region: string) =>
      allows(own, {
        action: 'kms:CreateGrant',
        resources: [resource],
        context: { 'kms:ViaService': `rds.${region}.amazonaws.com` },
      });
    expect(use(keyArn, 'us-west-2')).toBe(true);
    expect(use(keyArn, REGION)).toBe(false);
    expect(use(storageKey.keyArn, REGION)).toBe(true);
    expect(use(storageKey.keyArn, 'us-west-2')).toBe(true);
    expect(use(storageKey.keyArn, 'us-east-2')).toBe(false);
    expect(use(`arn:aws:kms:us-west-2:${ACCOUNT}:key/another`, 'us-west-2')).toBe(false);
  });
});

describe('copies of what another account shares', () => {
  const stack = inRegion();
  const source = SnapshotSource.shared({ account: '444455556666', instanceIdentifier: 'Orders' });
  const copy = copying(stack, { source, destination: RecoveryRegion.named(REGION) });

  test('are asked for every hour in its own region: events of another account do not come here', () => {
    Template.fromStack(stack).resourceCountIs('AWS::Events::Rule', 0);
    expect(copy.definition.source).toMatchObject({ kind: 'shared', instance: 'orders', region: REGION });
  });

  test('are all that it may copy', () => {
    const statements = statementsOf(Template.fromStack(stack), /^CopyHandlerRole/);
    const can = (account: string, name: string) =>
      allows(statements, {
        action: 'rds:CopyDBSnapshot',
        resources: [`arn:aws:rds:${REGION}:${account}:snapshot:${name}`],
      });
    expect(can('444455556666', 'lifeboat-0a1b2c3d-orders-2026-11-20-03-05')).toBe(true);
    expect(can('444455556666', 'lifeboat-0a1b2c3d-users-2026-11-20-03-05')).toBe(false);
    expect(can('999999999999', 'lifeboat-0a1b2c3d-orders-2026-11-20-03-05')).toBe(false);
  });
});

describe('refused at synth', () => {
  const refusal = (props: (stack: Stack) => Partial<SnapshotCopyProps>) => () => {
    const stack = inRegion();
    copying(stack, props(stack));
  };
  const instance = (props: Partial<rds.DatabaseInstanceProps>) => (stack: Stack) => ({
    source: SnapshotSource.automated(newDatabase(stack, props)),
  });

  test("a destination that is the database's own region; another region is not", () => {
    expect(refusal(() => ({ destination: RecoveryRegion.named(REGION) }))).toThrow(/own region.*use another region/);
    expect(refusal(() => ({ destination: RecoveryRegion.named('eu-west-2') }))).not.toThrow();
  });

  test('a database without backups; one day is enough', () => {
    expect(refusal(instance({ backupRetention: Duration.days(0) }))).toThrow(/retention is 0 days.*set 1 to 35/);
    expect(refusal(instance({ backupRetention: Duration.days(1) }))).not.toThrow();
  });

  test('copies that are gone before the next; a day is long enough', () => {
    expect(refusal(() => ({ retention: Duration.hours(23) }))).toThrow(/'retention' is 23 hours.*1 day or more/);
    expect(refusal(() => ({ retention: Duration.days(1) }))).not.toThrow();
  });

  test('a recovery point that daily snapshots can not give; a day they can', () => {
    expect(refusal(() => ({ rpo: Duration.hours(1) }))).toThrow(/'rpo' is 1 hour.*automatedBackups/);
    expect(refusal(() => ({ rpo: Duration.hours(24) }))).not.toThrow();
  });

  test('an instance of a cluster, whose snapshots are of another kind', () => {
    const engine = rds.DatabaseClusterEngine.AURORA_POSTGRESQL as unknown as rds.IInstanceEngine;
    const source = (stack: Stack) =>
      SnapshotSource.automated(
        rds.DatabaseInstance.fromDatabaseInstanceAttributes(stack, 'Aurora', {
          instanceIdentifier: 'orders',
          instanceEndpointAddress: 'orders.example.com',
          port: 5432,
          securityGroups: [],
          engine,
        }),
      );
    expect(refusal((stack) => ({ source: source(stack) }))).toThrow(/aurora-postgresql.*AWS Backup/);
  });

  test("names that can't be in a tag of the copies", () => {
    expect(refusal(() => ({ planName: 'Shop (EU)' }))).toThrow(/plan, target and copy become a tag/);
    expect(refusal(() => ({ planName: 'Shop @ EU' }))).not.toThrow();
    const long = { planName: 'p'.repeat(100), target: 't'.repeat(100) };
    expect(refusal(() => long)).not.toThrow();
  });

  test('an account that is none', () => {
    expect(refusal(() => ({ shareWith: ['1234'] }))).toThrow(/shareWith.0: must be an AWS account ID of 12 digits/);
  });

  test('more accounts to share with than RDS has room for; 20 are not', () => {
    const accounts = (count: number) => Array.from({ length: count }, (_, index) => String(100000000000 + index));
    expect(refusal(() => ({ shareWith: accounts(21) }))).toThrow(/21 accounts.*at most 20/);
    expect(refusal(() => ({ shareWith: accounts(20) }))).not.toThrow();
  });

  test('all problems at once', () => {
    expect(refusal(() => ({ retention: Duration.hours(1), rpo: Duration.hours(1) }))).toThrow(
      /'retention' is 1 hour[\s\S]*'rpo' is 1 hour/,
    );
  });

  test('values known at deployment are not compared', () => {
    const stack = newStack();
    expect(() => copying(stack, { source: SnapshotSource.automated(newDatabase(stack)) })).not.toThrow();
  });
});

describe('warned of at synth', () => {
  test('more copies than a region allows; 100 days are not', () => {
    const kept = (days: number) => {
      const stack = inRegion();
      copying(stack, { retention: Duration.days(days) });
      return warningsOf(stack).join();
    };
    expect(kept(101)).toContain('lifeboat:snapshot-quota');
    expect(kept(100)).not.toContain('lifeboat:snapshot-quota');
  });

  test('more copies than a region allows together, once; within it they are not', () => {
    const kept = (...days: number[]) => {
      const stack = inRegion();
      days.forEach((keep, index) => {
        copying(new Construct(stack, `Part${index}`), { retention: Duration.days(keep) });
      });
      return warningsOf(stack).filter((warning) => warning.includes('snapshot-quota'));
    };
    expect(kept(60, 41)).toEqual([expect.stringMatching(/Part0.*up to 60.*Part1.*up to 41.*in us-west-2/)]);
    expect(kept(60, 40)).toEqual([]);
  });

  test('an option group that the destination has not; one that was named is not', () => {
    const grouped = (optionGroupName?: string) => {
      const stack = inRegion();
      const database = newDatabase(stack);
      (database.node.defaultChild as rds.CfnDBInstance).optionGroupName = 'with-tde';
      copying(stack, { source: SnapshotSource.automated(database), optionGroupName });
      return warningsOf(stack).join();
    };
    expect(grouped()).toContain('lifeboat:copies-without-option-group');
    expect(grouped('with-tde-there')).not.toContain('lifeboat:copies-without-option-group');
  });
});

test('warns that the key of the copies is made nowhere, unless a RecoverySite of the app makes it or one is stated', () => {
  const warned = (destination: RecoveryRegion, primary?: string) => {
    const stack = inRegion();
    copying(stack, { destination });
    const west = new Stack(stack.node.root, 'West', { env: { ...HERE.env, region: 'us-west-2' } });
    if (primary) new RecoverySite(west, 'Recovery', { region: WEST, primary });
    return warningsOf(stack).filter((warning) => warning.includes('lifeboat:no-recovery-site'));
  };
  expect(warned(WEST)).toEqual([
    expect.stringContaining(
      "the key 'alias/lifeboat-Shop', and no RecoverySite of this app makes it, so every copy fails",
    ),
  ]);
  expect(warned(WEST, 'Other')).toHaveLength(1);
  expect(warned(WEST, 'Shop')).toEqual([]);
  const keyArn = `arn:aws:kms:us-west-2:${ACCOUNT}:key/copies`;
  expect(warned(RecoveryRegion.named('us-west-2', { keyArn }))).toEqual([]);
});

test("passes cdk-nag's AwsSolutions, NIST 800-53 R5 and HIPAA packs in a stack of its own", () => {
  const app = new App({ builtinCloudFormationValidation: false });
  const stack = new Stack(app, 'Shop', HERE);
  copying(stack, { notify: sns.Topic.fromTopicArn(stack, 'Topic', `arn:aws:sns:${REGION}:${ACCOUNT}:alarms`) });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new NIST80053R5Checks(app), new HIPAASecurityChecks(app));
  expect(() => app.synth()).not.toThrow();
});
