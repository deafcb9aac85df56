/** The role with which EventBridge Scheduler starts certain functions. */
import { Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { allow } from './statements';

export class StarterRole extends Construct {
  public readonly role: iam.Role;
  /** The policy that a schedule depends on. */
  public readonly policy: iam.ManagedPolicy;

  /** @param deadLetterQueue holds what could not be started */
  constructor(scope: Construct, id: string, deadLetterQueue: sqs.IQueue) {
    super(scope, id);
    const stack = Stack.of(this);
    this.role = new iam.Role(this, 'Role', {
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
    this.policy = new iam.ManagedPolicy(this, 'Policy', {
      roles: [this.role],
      statements: [allow(['sqs:SendMessage'], [deadLetterQueue.queueArn])],
    });
  }

  public mayStart(target: lambda.IFunction): void {
    this.policy.addStatements(allow(['lambda:InvokeFunction'], [target.functionArn]));
  }
}
