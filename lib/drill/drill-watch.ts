/** Says every hour how long ago each drill last passed: alarms alone look back seven days at most. */

import { Duration, Lazy } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { type EndedRun, type WatchRequest, watchedSinceKey } from '../../lambda/contract';
import { ScheduleTrigger } from '../function/schedule-trigger';
import { ShippedFunction } from '../function/shipped-function';
import { allow, evidenceAccess } from '../function/statements';
import { warnOfLooseEvidence } from './evidence-bucket';

export interface DrillWatchProps {
  readonly evidence: s3.IBucket;
  /** Signs evidence; only its public half is asked for. */
  readonly signingKey: kms.IKey;
  readonly encryptionKey: kms.IKey;
  readonly deadLetterQueue: sqs.IQueue;
}

export type WatchedDrill = WatchRequest['drills'][number];

export class DrillWatch extends Construct {
  private readonly drills: WatchedDrill[] = [];
  private readonly watch: lambda.IFunction;

  constructor(scope: Construct, id: string, props: DrillWatchProps) {
    super(scope, id);
    const { evidence, signingKey, deadLetterQueue, encryptionKey } = props;
    warnOfLooseEvidence(this, evidence);
    const handler = new ShippedFunction(this, 'Handler', {
      entry: 'watch-drills',
      description: 'Lifeboat: says how long ago each drill last passed, and verifies their evidence',
      // A chain of thousands of documents is read as a whole.
      timeout: Duration.minutes(15),
      memorySize: 512,
      encryptionKey,
      deadLetterQueue,
      patterns: 'It reads the evidence of all drills, and writes when each began to be watched: one document a drill.',
      statements: [
        ...evidenceAccess(evidence, 'evidence/', watchedSinceKey({ plan: '*', target: '*', drill: '*' })),
        allow(['kms:GetPublicKey'], [signingKey.keyArn]),
        // What lies hidden under delete markers, or was written over.
        allow(['s3:GetObjectVersion'], [evidence.arnForObjects('evidence/*')]),
        allow(['s3:ListBucketVersions'], [evidence.bucketArn], { StringLike: { 's3:prefix': 'evidence/*' } }),
      ],
    });
    this.watch = handler.function;
    const hourly = new ScheduleTrigger(this, 'Hourly', {
      target: handler.function,
      schedule: ScheduleExpression.rate(Duration.hours(1)),
      description: 'Lifeboat: says how long ago each drill last passed',
      request: {
        evidenceBucket: evidence.bucketName,
        signingKey: signingKey.keyArn,
        drills: Lazy.any({ produce: () => this.drills }),
      },
      deadLetterQueue,
    });
    hourly.node.addDependency(handler);
  }

  /**
   * Watches a drill: whether it is overdue, and whether its runs end without having published, because somebody stopped
   * them, they timed out, or they broke off.
   *
   * @param scope of the rule that tells of the end of runs
   */
  public add(scope: Construct, runbook: lambda.IFunction, drill: WatchedDrill): void {
    this.drills.push(drill);
    const { EventField } = events;
    const ended = {
      ...drill,
      status: EventField.fromPath('$.detail.status') as EndedRun['status'],
      execution: EventField.fromPath('$.detail.durableExecutionArn'),
    } satisfies EndedRun;
    // Executions are told of by the version that they run on.
    // https://docs.aws.amazon.com/lambda/latest/dg/durable-monitoring.html
    new events.Rule(scope, 'Ended', {
      description: `Lifeboat: tells of runs of drill ${drill.drill} of ${drill.target} that left no evidence`,
      eventPattern: {
        source: ['aws.lambda'],
        detailType: ['Durable Execution Status Change'],
        detail: { status: ['FAILED', 'STOPPED', 'TIMED_OUT'], functionArn: [{ prefix: `${runbook.functionArn}:` }] },
      },
      targets: [new LambdaFunction(this.watch, { event: events.RuleTargetInput.fromObject(ended) })],
    });
  }
}
