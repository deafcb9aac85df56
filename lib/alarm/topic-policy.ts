import { CfnResource, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { IConstruct } from 'constructs';
import { Mark } from '../synth/marks';

/**
 * Lets alarms of the construct's region and account be told to a topic, and use its key. SNS lets CloudWatch in by itself
 * only while a topic has no policy of its own, which `enforceSSL` and each rule that it is a target of give it; and an
 * alarm that may not tell shows that nowhere but in its history. A topic of another app must say so itself.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
 */
export function allowAlarmsToPublish(topic: sns.ITopic, scope: IConstruct): void {
  letUseKey(topic, 'cloudwatch.amazonaws.com');
  // Of two policies of one topic the one that is deployed last stays, so its owner's is left alone.
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

/** Its owner may still say so after this: then one of the two would be lost. */
function validatePolicy(topic: sns.ITopic): void {
  if (examined.on(topic)) return;
  examined.put(topic, true);
  topic.node.addValidation({
    validate: () => {
      const other = policyBeside(topic);
      if (!other) return [];
      return [
        `topic '${topic.node.path}' is told of alarms, which its policy has to allow, and '${other.node.path}' is another ` +
          'policy of it, so the one that is deployed last would undo the other; say what is in it by topic.addToResourcePolicy()',
      ];
    },
  });
}

/** A policy of the topic that CDK did not make for it. */
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

/** Lets a service that tells a topic something use the topic's key. A key of another app must say so itself. */
function letUseKey({ masterKey }: sns.ITopic, service: string): void {
  masterKey?.addToResourcePolicy(
    new iam.PolicyStatement({
      principals: [new iam.ServicePrincipal(service)],
      actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
      resources: ['*'],
    }),
  );
}
