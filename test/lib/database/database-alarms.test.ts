import { CfnParameter, Size } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import * as kms from 'aws-cdk-lib/aws-kms';
import type * as rds from 'aws-cdk-lib/aws-rds';
import * as sns from 'aws-cdk-lib/aws-sns';
import { DatabaseAlarms } from '../../../lib';
import { passesNag } from '../../template/nag';
import { importedDatabase, newDatabase, newStack, Template } from '../../template/stacks';

test('tells of failovers, failures, deletion, low storage and backups that were switched off, of this database alone', () => {
  const stack = newStack();
  const notify = new sns.Topic(stack, 'Oncall');
  new DatabaseAlarms(stack, 'Alarms', { database: importedDatabase(stack, 'Orders'), notify });
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::Events::Rule', {
    EventPattern: {
      source: ['aws.rds'],
      'detail-type': ['RDS DB Instance Event'],
      detail: {
        // As RDS writes it in events.
        SourceIdentifier: ['orders'],
        $or: [{ EventCategories: ['deletion', 'failover', 'failure', 'low storage'] }, { EventID: ['RDS-EVENT-0028'] }],
      },
    },
    Targets: [{ Arn: stack.resolve(notify.topicArn) }],
  });
  template.hasResourceProperties('AWS::SNS::TopicPolicy', {
    PolicyDocument: {
      // A policy that names events alone would keep alarms out.
      Statement: ['events.amazonaws.com', 'cloudwatch.amazonaws.com'].map((Service) =>
        Match.objectLike({ Action: 'sns:Publish', Principal: { Service } }),
      ),
    },
  });
});

test("may use the topic's key, for events as for alarms", () => {
  const stack = newStack();
  const notify = new sns.Topic(stack, 'Oncall', { masterKey: new kms.Key(stack, 'Key') });
  new DatabaseAlarms(stack, 'Alarms', { database: importedDatabase(stack), notify });
  Template.fromStack(stack).hasResourceProperties('AWS::KMS::Key', {
    KeyPolicy: {
      Statement: Match.arrayWith(
        ['events.amazonaws.com', 'cloudwatch.amazonaws.com'].map((Service) =>
          Match.objectLike({ Action: ['kms:Decrypt', 'kms:GenerateDataKey*'], Principal: { Service } }),
        ),
      ),
    },
  });
});

test('tells when a message could not be sent', () => {
  const stack = newStack();
  new DatabaseAlarms(stack, 'Alarms', { database: importedDatabase(stack), notify: new sns.Topic(stack, 'Oncall') });
  Template.fromStack(stack).hasResourceProperties('AWS::CloudWatch::Alarm', {
    Namespace: 'AWS/Events',
    MetricName: 'FailedInvocations',
    Threshold: 0,
    AlarmActions: [Match.anyValue()],
  });
});

test.each([
  ['a tenth of 200 GiB', { allocatedStorage: 200 }, undefined, 20 * 1024 ** 3],
  ['what is asked for', { allocatedStorage: 200 }, Size.gibibytes(5), 5 * 1024 ** 3],
])('rings when free storage falls below %s', (_, props, freeStorage, Threshold) => {
  const stack = newStack();
  const database = newDatabase(stack, props);
  new DatabaseAlarms(stack, 'Alarms', { database, notify: new sns.Topic(stack, 'Oncall'), freeStorage });
  Template.fromStack(stack).hasResourceProperties('AWS::CloudWatch::Alarm', {
    MetricName: 'FreeStorageSpace',
    ComparisonOperator: 'LessThanThreshold',
    Threshold,
  });
});

test('watches the storage of an imported database under the name that RDS publishes it by', () => {
  const stack = newStack();
  const database = importedDatabase(stack, 'Orders-Prod-DB');
  new DatabaseAlarms(stack, 'Alarms', { database, notify: new sns.Topic(stack, 'Oncall') });
  Template.fromStack(stack).hasResourceProperties('AWS::CloudWatch::Alarm', {
    MetricName: 'FreeStorageSpace',
    Dimensions: [{ Name: 'DBInstanceIdentifier', Value: 'orders-prod-db' }],
  });
});

test('rings at 10 GiB where synth does not know how much storage there is', () => {
  const stack = newStack();
  const database = newDatabase(stack);
  const resource = database.node.defaultChild as rds.CfnDBInstance;
  resource.allocatedStorage = new CfnParameter(stack, 'Gigabytes').valueAsString;
  new DatabaseAlarms(stack, 'Alarms', { database, notify: new sns.Topic(stack, 'Oncall') });
  Template.fromStack(stack).hasResourceProperties('AWS::CloudWatch::Alarm', { Threshold: 10 * 1024 ** 3 });
});

test('passes the rules of AwsSolutions, NIST 800-53 R5 and HIPAA in a stack of its own', () => {
  passesNag((stack) => {
    const masterKey = new kms.Key(stack, 'Key', { enableKeyRotation: true });
    const notify = new sns.Topic(stack, 'Oncall', { masterKey, enforceSSL: true });
    new DatabaseAlarms(stack, 'Alarms', { database: importedDatabase(stack), notify });
  });
});
