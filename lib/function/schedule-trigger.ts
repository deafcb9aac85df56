/** Starts a function on a schedule, with a whole request, and keeps what could not be started. */

import { Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Schedule, type ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { allow } from './statements';

export interface TriggerProps {
  readonly target: lambda.IFunction;
  readonly schedule: ScheduleExpression;
  readonly description: string;
  /** What the function is handed. */
  readonly request: object;
  readonly deadLetterQueue: sqs.IQueue;
}

export class ScheduleTrigger extends Construct {
  public readonly schedule: Schedule;

  constructor(scope: Construct, id: string, props: TriggerProps) {
    super(scope, id);
    const { target, deadLetterQueue } = props;
    const stack = Stack.of(this);
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('scheduler.amazonaws.com', {
        conditions: {
          StringEquals: {
            'aws:SourceAccount': stack.account,
            'aws:SourceArn': stack.formatArn({
              service: 'scheduler',
              resource: 'schedule-group',
              resourceName: 'default',
            }),
          },
        },
      }),
    });
    const policy = new iam.ManagedPolicy(this, 'Policy', {
      roles: [role],
      statements: [
        allow(['lambda:InvokeFunction'], [target.functionArn]),
        allow(['sqs:SendMessage'], [deadLetterQueue.queueArn]),
      ],
    });
    this.schedule = new Schedule(this, 'Schedule', {
      schedule: props.schedule,
      description: props.description,
      target: new LambdaInvoke(target, {
        role: role.withoutPolicyUpdates(),
        input: ScheduleTargetInput.fromObject(props.request),
        deadLetterQueue,
        // EventBridge Scheduler's own default is 185 attempts over a day.
        retryAttempts: 2,
        maxEventAge: Duration.hours(1),
      }),
    });
    this.schedule.node.addDependency(policy);
  }
}
