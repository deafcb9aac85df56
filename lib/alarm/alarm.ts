/** Alarms on drills and other runbooks, all created the same way. */
import { Duration, Stack, Token } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct, IConstruct } from 'constructs';
import { enclosingPlan } from '../synth/enclosing-plan';
import { allowAlarmsToPublish } from './topic-policy';
import { noteAlarm } from './unheard-alarms';

export interface AlarmProps {
  readonly metric: cloudwatch.IMetric;
  /** What an operator reads: what happened, and where to look. */
  readonly description: string;
  /** The smallest or largest value at which the alarm does not fire. */
  readonly threshold: number;
  /**
   * Whether the alarm fires above or below the threshold.
   *
   * @default 'above'
   */
  readonly comparison?: 'above' | 'below';
  /**
   * How many periods in a row have to breach the threshold.
   *
   * @default 1
   */
  readonly periods?: number;
  /**
   * What a missing metric means.
   *
   * @default TreatMissingData.NOT_BREACHING
   */
  readonly treatMissingData?: cloudwatch.TreatMissingData;
  /**
   * Topic to notify.
   *
   * @default - the `notify` of the enclosing plan; without one, the alarm has no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

/** Fires on a single data point by default: drills are too rare to wait for a second one. */
export function addAlarm(scope: Construct, id: string, props: AlarmProps): cloudwatch.Alarm {
  const alarm = new cloudwatch.Alarm(scope, id, {
    metric: props.metric,
    alarmDescription: props.description,
    threshold: props.threshold,
    comparisonOperator:
      props.comparison === 'below'
        ? cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
        : cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
    evaluationPeriods: props.periods ?? 1,
    treatMissingData: props.treatMissingData ?? cloudwatch.TreatMissingData.NOT_BREACHING,
  });
  noteAlarm(scope, alarm);
  const topic = props.notify ?? enclosingPlan(scope)?.notify;
  if (topic) {
    refuseElsewhere(alarm, topic);
    alarm.addAlarmAction(new SnsAction(topic));
    allowAlarmsToPublish(topic, alarm);
  }
  return alarm;
}

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html */
function refuseElsewhere(alarm: IConstruct, { env, topicArn }: sns.ITopic): void {
  const { region } = Stack.of(alarm);
  if (Token.isUnresolved(region) || Token.isUnresolved(env.region) || env.region === region) return;
  const topic = Token.isUnresolved(topicArn) ? 'its topic' : `topic ${topicArn}`;
  throw new Error(
    `'notify' of alarm '${alarm.node.path}' in ${region} is ${topic} in ${env.region}, and an alarm can't notify a topic of another ` +
      `region; use a topic in ${region}`,
  );
}

/**
 * Alarms on a durable function that did not finish. An execution can fail or time out without a failed invocation.
 * https://docs.aws.amazon.com/lambda/latest/dg/durable-monitoring.html
 */
export function brokenOffAlarms(
  scope: Construct,
  runbook: lambda.IFunction,
  { description, notify }: Pick<AlarmProps, 'description' | 'notify'>,
): void {
  errorsAlarm(scope, runbook, { description, notify });
  for (const metricName of ['DurableExecutionFailed', 'DurableExecutionTimedOut']) {
    const metric = runbook.metric(metricName, { statistic: cloudwatch.Stats.SUM, period: Duration.hours(1) });
    addAlarm(scope, metricName, { metric, threshold: 0, description, notify });
  }
}

/** An alarm that fires when an invocation of a function ended in an error. */
export function errorsAlarm(
  scope: Construct,
  runbook: lambda.IFunction,
  { description, notify }: Pick<AlarmProps, 'description' | 'notify'>,
): void {
  const metric = runbook.metric('Errors', { statistic: cloudwatch.Stats.SUM, period: Duration.hours(1) });
  addAlarm(scope, 'Errors', { metric, threshold: 0, description, notify });
}
