import { Annotations, App, Stack } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as sns from 'aws-cdk-lib/aws-sns';
import type { IConstruct } from 'constructs';
import { ProtectionPlan } from '../../../lib';
import { EVERY_CONSTRUCT } from '../../template/every-construct';
import { OBJECTIVES, Template, unheardAlarmsOf } from '../../template/stacks';

function newStack(): Stack {
  const app = new App({ builtinCloudFormationValidation: false });
  return new Stack(app, 'Test', { env: { region: 'us-east-1', account: '111122223333' } });
}

const alarmsOf = (stack: Stack) =>
  Object.values(Template.fromStack(stack).findResources('AWS::CloudWatch::Alarm')).map(({ Properties }) => Properties);

const isAlarm = (one: IConstruct | undefined) => Reflect.get(one ?? {}, 'cfnResourceType') === 'AWS::CloudWatch::Alarm';

const ALARMING = Object.entries(EVERY_CONSTRUCT).filter(([, make]) => {
  const stack = newStack();
  make(stack);
  return stack.node.findAll().some(isAlarm);
});

test('are made by all but these', () => {
  const silent = Object.keys(EVERY_CONSTRUCT).filter((name) => !ALARMING.some(([other]) => other === name));
  expect(silent).toEqual([
    'AirGappedVault',
    'BackupAudit',
    'DeploymentSnapshot',
    'EvidenceBucket',
    'ExternalDatabaseBackups',
    'ImageReplication',
    'ImageReplicationAccess',
    'RecoverySite',
  ]);
});

describe.each(ALARMING)('of a %s', (_, make) => {
  test('without a topic are warned of; a topic that is given is told of all', () => {
    const silent = newStack();
    make(silent);
    expect(unheardAlarmsOf(silent).length).toBeGreaterThan(0);
    const heard = newStack();
    make(heard, { notify: new sns.Topic(heard, 'Oncall') });
    expect(unheardAlarmsOf(heard).filter((warning) => !warning.includes('AVault'))).toEqual([]);
  });

  test("under a plan tell the plan's topic", () => {
    const stack = newStack();
    const notify = new sns.Topic(stack, 'Oncall');
    make(new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES, notify }));
    expect(unheardAlarmsOf(stack)).toEqual([]);
    for (const { AlarmActions } of alarmsOf(stack)) expect(AlarmActions).toEqual([stack.resolve(notify.topicArn)]);
  });
});

test('are warned of once for each construct, with their names', () => {
  const stack = newStack();
  EVERY_CONSTRUCT.RestoreDrill?.(stack);
  expect(unheardAlarmsOf(stack)).toEqual([
    expect.stringMatching(
      /^alarms 'Site\/NotStartedAlarm', 'Site\/Janitor\/Failed', 'Site\/Watch\/EvidenceProblems' and 3 more of 'Test\/Drill' have no action.*give 'notify'/,
    ),
  ]);
});

test('are not warned of once their user has added an action, or given a reason', () => {
  const stack = newStack();
  const site = EVERY_CONSTRUCT.DrillSite?.(stack);
  const action = new SnsAction(new sns.Topic(stack, 'Oncall'));
  for (const { scope } of stack.node
    .findAll()
    .filter(isAlarm)
    .map(({ node }) => node)) {
    (scope as cloudwatch.Alarm).addAlarmAction(action);
  }
  expect(site && unheardAlarmsOf(stack)).toEqual([]);

  const reasoned = newStack();
  const construct = EVERY_CONSTRUCT.DrillSite?.(reasoned);
  if (construct) Annotations.of(construct).acknowledgeWarning('lifeboat:nobody-is-told', 'a rule tells of all alarms');
  expect(unheardAlarmsOf(reasoned)).toEqual([]);
});
