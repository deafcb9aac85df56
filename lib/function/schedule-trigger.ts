/** Starts a function on a schedule with a request; a dead-letter queue holds what could not be started. */

import { Duration } from 'aws-cdk-lib';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Schedule, type ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { StarterRole } from './starter-role';

export interface TriggerProps {
  readonly target: lambda.IFunction;
  readonly schedule: ScheduleExpression;
  readonly description: string;
  /** Input of the function. */
  readonly request: object;
  readonly deadLetterQueue: sqs.IQueue;
  /**
   * A role shared with other schedules.
   *
   * @default - a role of its own
   */
  readonly starter?: StarterRole;
}

export class ScheduleTrigger extends Construct {
  public readonly schedule: Schedule;

  constructor(scope: Construct, id: string, props: TriggerProps) {
    super(scope, id);
    const { target, deadLetterQueue } = props;
    const starter = props.starter ?? new StarterRole(this, 'Starter', deadLetterQueue);
    starter.mayStart(target);
    this.schedule = new Schedule(this, 'Schedule', {
      schedule: props.schedule,
      description: props.description,
      target: new LambdaInvoke(target, {
        role: starter.role.withoutPolicyUpdates(),
        input: ScheduleTargetInput.fromObject(props.request),
        deadLetterQueue,
        // EventBridge Scheduler's own default is 185 attempts over a day.
        retryAttempts: 2,
        maxEventAge: Duration.hours(1),
      }),
    });
    this.schedule.node.addDependency(starter.policy);
  }
}
