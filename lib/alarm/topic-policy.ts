import { CfnResource, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { IConstruct } from 'constructs';
import { Mark } from '../synth/marks';

/**
 * Allows alarms of the construct's region and account to publish to a topic, and to use its key. SNS allows CloudWatch
 * by default only while a topic has no policy of its own, and `enforceSSL` and EventBridge rules add one. An alarm
 * without permission shows that only in its history. The policy of a topic of another app has to allow it there.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
 */
export function allowAlarmsToPublish(topic: sns.ITopic, scope: IConstruct): void {
  letUseKey(topic, 'cloudwatch.amazonaws.com');
  // Of two policies of a topic, the one deployed last wins, so the owner's policy is not changed.
  if (policyBeside(topic)) return;
  const { account, partition, region } = Stack.of(scope);
  const { statementAdded } = topic.addToResourcePolicy(
    new iam.PolicyStatement({
      principals: [new iam.ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: {
        ArnLike: { 'aws:SourceArn': `arn:${partition}:cloudwatch:${region}:${account}:alarm:*` },
        StringEquals: { 'aws:SourceAccount': account },
      },
    }),
  );
  if (statementAdded) validatePolicy(topic);
}

/** The same for rules of EventBridge. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html */
export function allowEventsToPublish(topic: sns.ITopic): void {
  letUseKey(topic, 'events.amazonaws.com');
  if (policyBeside(topic)) return;
  const { statementAdded } = topic.addToResourcePolicy(
    new iam.PolicyStatement({
      principals: [new iam.ServicePrincipal('events.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
    }),
  );
  if (statementAdded) validatePolicy(topic);
}

const examined = new Mark<true>('topic-examined');

/** The owner may add a second policy after this, so that one of the two would be lost. */
function validatePolicy(topic: sns.ITopic): void {
  if (examined.on(topic)) return;
  examined.put(topic, true);
  topic.node.addValidation({
    validate: () => {
      const other = policyBeside(topic);
      if (!other) return [];
      return [
        `alarms notify topic '${topic.node.path}', which its policy has to allow, and '${other.node.path}' is a second policy of ` +
          'it, so the one deployed last would replace the other; add its statements with topic.addToResourcePolicy()',
      ];
    },
  });
}

/** A policy of the topic that is not CDK's own. */
function policyBeside(topic: sns.ITopic): IConstruct | undefined {
  const stack = Stack.of(topic);
  const arn = JSON.stringify(stack.resolve(topic.topicArn));
  return stack.node
    .findAll()
    .find(
      (other) =>
        CfnResource.isCfnResource(other) &&
        other.cfnResourceType === 'AWS::SNS::TopicPolicy' &&
        !other.node.scopes.includes(topic) &&
        JSON.stringify(stack.resolve((other as sns.CfnTopicPolicy).topics)).includes(arn),
    );
}

/**
 * Allows a service that publishes to a topic to use its key. The policy of a key of another app has to allow it there.
 */
function letUseKey({ masterKey }: sns.ITopic, service: string): void {
  masterKey?.addToResourcePolicy(
    new iam.PolicyStatement({
      principals: [new iam.ServicePrincipal(service)],
      actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
      resources: ['*'],
    }),
  );
}
