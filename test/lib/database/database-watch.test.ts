import { Duration } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import { DatabaseWatch, type DatabaseWatchProps } from '../../../lib';
import { passesNag } from '../../template/nag';
import { ACCOUNT, allows, REGION, statementsOf } from '../../template/policies';
import { importedDatabase, newDatabase, newStack, Template } from '../../template/stacks';

function watched(props: Partial<DatabaseWatchProps> = {}) {
  const stack = newStack();
  const notify = new sns.Topic(stack, 'Oncall');
  new DatabaseWatch(stack, 'Watch', { database: importedDatabase(stack, 'Orders'), notify, ...props });
  return Template.fromStack(stack);
}
const ringsAt = (template: Template, MetricName: string, Threshold: number, more: object = {}) =>
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    MetricName,
    Threshold,
    Dimensions: [{ Name: 'Database', Value: 'orders' }],
    TreatMissingData: 'breaching',
    AlarmActions: [Match.anyValue()],
    ...more,
  });

test('looks every hour, and rings for a quarter of an hour without logs and a night without a snapshot', () => {
  const template = watched();
  template.hasResourceProperties('AWS::Scheduler::Schedule', {
    ScheduleExpression: 'rate(1 hour)',
    Target: Match.objectLike({ Input: '{"instance":"orders"}' }),
  });
  ringsAt(template, 'RecoveryPointAge', 900);
  ringsAt(template, 'SnapshotAge', 26 * 3600);
});

test('rings when backups are switched off, whatever else is known of the database', () =>
  ringsAt(watched(), 'BackupRetention', 1, { ComparisonOperator: 'LessThanThreshold', Statistic: 'Minimum' }));

test('rings when backups are kept for less than the database says, or than is asked for', () => {
  const stack = newStack();
  const database = newDatabase(stack, { instanceIdentifier: 'orders', backupRetention: Duration.days(30) });
  new DatabaseWatch(stack, 'Watch', { database });
  const alarm = { MetricName: 'BackupRetention', Threshold: 30 };
  Template.fromStack(stack).hasResourceProperties('AWS::CloudWatch::Alarm', alarm);
  ringsAt(watched({ alarmBelowRetention: Duration.days(14) }), 'BackupRetention', 14);
});

test('rings when the database has been on hold for a week, by what the watch says, and no hold is none that is old', () =>
  ringsAt(watched(), 'HoldAge', 7 * 86_400, { Namespace: 'Lifeboat', TreatMissingData: 'notBreaching' }));

test('can read, and change nothing', () => {
  const template = watched();
  const may = (action: string, resource = '*') =>
    allows(statementsOf(template, /^WatchHandlerRole/), { action, resources: [resource] });
  expect(may('rds:DescribeDBSnapshots')).toBe(true);
  const hold = `arn:aws:ssm:${REGION}:${ACCOUNT}:parameter/lifeboat/hold/database/orders`;
  const recovery = hold.replace('/hold/', '/recoveries/');
  for (const parameter of [hold, recovery]) {
    expect([may('ssm:GetParameter', parameter), may('ssm:PutParameter', parameter)]).toEqual([true, false]);
  }
  // RDS keeps identifiers in lower case, and IAM compares them as they are kept.
  expect(JSON.stringify(statementsOf(template, /^WatchHandlerRole/))).toMatch(/:db:orders"/);
  for (const action of ['rds:ModifyDBInstance', 'rds:DeleteDBSnapshot', 'rds:DeleteDBInstance']) {
    expect([action, may(action)]).toEqual([action, false]);
  }
});

describe('refuses limits that would ring always or never, and takes the nearest that does not', () => {
  test.each<[string, Partial<DatabaseWatchProps>, Partial<DatabaseWatchProps>]>([
    [
      'the alarm would fire between two uploads',
      { recoveryPointAge: Duration.minutes(5) },
      { recoveryPointAge: Duration.minutes(6) },
    ],
    ['the alarm would fire every day', { snapshotAge: Duration.hours(24) }, { snapshotAge: Duration.hours(25) }],
    ['set 1 to 35', { alarmBelowRetention: Duration.days(36) }, { alarmBelowRetention: Duration.days(35) }],
    ['set 1 to 35', { alarmBelowRetention: Duration.days(0) }, { alarmBelowRetention: Duration.days(1) }],
    ['set 1 to 35', { alarmBelowRetention: Duration.hours(36) }, { alarmBelowRetention: Duration.hours(48) }],
  ])('%s: %j', (message, wrong, right) => {
    expect(() => watched(wrong)).toThrow(message);
    expect(() => watched(right)).not.toThrow();
  });
});

test('passes the rules of AwsSolutions, NIST 800-53 R5 and HIPAA in a stack of its own', () => {
  passesNag((stack) => {
    const masterKey = new kms.Key(stack, 'Key', { enableKeyRotation: true });
    const notify = new sns.Topic(stack, 'Oncall', { masterKey, enforceSSL: true });
    new DatabaseWatch(stack, 'Watch', { database: importedDatabase(stack), notify });
  });
});
