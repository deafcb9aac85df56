import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as events from 'aws-cdk-lib/aws-events';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { addAlarm } from './alarm';
import { allowEventsToPublish } from './topic-policy';

export interface ToldEventsProps {
  /** ID of the rule. */
  readonly ruleId: string;
  /** ID of the alarm on messages that could not be sent. */
  readonly alarmId: string;
  readonly description: string;
  readonly eventPattern: events.EventPattern;
  readonly topic: sns.ITopic;
  /** What an operator reads when a message could not be sent. */
  readonly notTold: string;
}

/** Sends events of AWS to a topic unchanged; an alarm fires when that failed. */
export function tellOfEvents(scope: Construct, props: ToldEventsProps): void {
  const { topic, description, eventPattern } = props;
  const rule = new events.Rule(scope, props.ruleId, { description, eventPattern });
  rule.addTarget({ bind: () => ({ arn: topic.topicArn, targetResource: topic }) });
  allowEventsToPublish(topic);
  addAlarm(scope, props.alarmId, {
    metric: new cloudwatch.Metric({
      namespace: 'AWS/Events',
      metricName: 'FailedInvocations',
      dimensionsMap: { RuleName: rule.ruleName },
      statistic: cloudwatch.Stats.SUM,
      period: Duration.hours(1),
    }),
    threshold: 0,
    description: props.notTold,
    notify: topic,
  });
}
