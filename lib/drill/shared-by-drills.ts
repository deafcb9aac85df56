/**
 * What up to ten drills of one stack share, so that many fit a stack of 500 resources: the role that starts them, what
 * their own roles may do at the site, and the rule that reports runs without evidence to the watch. Each drill has a function and a role of its own.
 */
import { Lazy, Stack } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { EndedRun } from '../../lambda/contract';
import { StarterRole } from '../function/starter-role';

/**
 * A pattern may have 2,048 characters, and the input of a target 8,192:
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
 */
const MOST = 10;

type WatchedRun = EndedRun['runs'][number];

export interface SharedByDrillsProps {
  readonly watch: lambda.IFunction;
  readonly deadLetterQueue: sqs.IQueue;
  /** What each drill's function may do at the site. */
  readonly statements: iam.PolicyStatement[];
}

export class SharedByDrills extends Construct {
  /** May only start these drills. */
  public readonly starter: StarterRole;
  /** Lets the drills' functions log, call the examiner and derive passwords. */
  public readonly basics: iam.IManagedPolicy;

  private readonly runs: WatchedRun[] = [];

  constructor(scope: Construct, id: string, { watch, deadLetterQueue, statements }: SharedByDrillsProps) {
    super(scope, id);
    this.starter = new StarterRole(this, 'Starter', deadLetterQueue);
    this.basics = new iam.ManagedPolicy(this, 'Basics', { statements });
    // Events of executions have the function version.
    // https://docs.aws.amazon.com/lambda/latest/dg/durable-monitoring.html
    const rule = new events.CfnRule(this, 'Ended', {
      description: 'Lifeboat: reports runs of drills that left no evidence',
      eventPattern: {
        source: ['aws.lambda'],
        'detail-type': ['Durable Execution Status Change'],
        detail: {
          status: ['FAILED', 'STOPPED', 'TIMED_OUT'],
          functionArn: Lazy.any({ produce: () => this.runs.map((run) => ({ prefix: `${run.function}:` })) }),
        },
      },
      targets: [
        {
          id: 'Watch',
          arn: watch.functionArn,
          inputTransformer: {
            inputPathsMap: {
              status: '$.detail.status',
              function: '$.detail.functionArn',
              execution: '$.detail.durableExecutionArn',
            },
            inputTemplate: Lazy.string({
              produce: () =>
                Stack.of(this).toJsonString({
                  runs: this.runs,
                  status: '<status>' as EndedRun['status'],
                  function: '<function>',
                  execution: '<execution>',
                } satisfies EndedRun),
            }),
          },
        },
      ],
    });
    new lambda.CfnPermission(this, 'MayTell', {
      action: 'lambda:InvokeFunction',
      functionName: watch.functionArn,
      principal: 'events.amazonaws.com',
      sourceArn: rule.attrArn,
    });
  }

  public get isFull(): boolean {
    return this.runs.length >= MOST;
  }

  public add(run: WatchedRun): void {
    this.runs.push(run);
  }
}
