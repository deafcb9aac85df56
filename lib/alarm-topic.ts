import { Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { IConstruct } from 'constructs';

/**
 * Lets alarms of the construct's region and account be told to a topic, and use its key. SNS lets CloudWatch in by itself
 * only while a topic has no policy of its own, which `enforceSSL` and each rule that it is a target of give it; and an
 * alarm that may not tell shows that nowhere but in its history. A topic of another app must say so itself.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
 */
export function letAlarmsReach(topic: sns.ITopic, scope: IConstruct): void {
  const { account, partition, region } = Stack.of(scope);
  topic.addToResourcePolicy(
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
  letUseKey(topic, 'cloudwatch.amazonaws.com');
}

/** Lets a service that tells a topic something use the topic's key. A key of another app must say so itself. */
export function letUseKey({ masterKey }: sns.ITopic, service: string): void {
  masterKey?.addToResourcePolicy(
    new iam.PolicyStatement({
      principals: [new iam.ServicePrincipal(service)],
      actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
      resources: ['*'],
    }),
  );
}
