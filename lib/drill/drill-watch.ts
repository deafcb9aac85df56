/** Publishes every hour how long ago each drill last passed, since CloudWatch alarms look back at most seven days. */

import { Duration, Lazy, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { METRICS, type WatchRequest, watchedSinceKey } from '../../lambda/contract';
import { addAlarm } from '../alarm/alarm';
import { ScheduleTrigger } from '../function/schedule-trigger';
import { ShippedFunction } from '../function/shipped-function';
import { allow, evidenceAccess } from '../function/statements';
import { warnOfLooseEvidence } from './evidence-bucket';
import { SharedByDrills } from './shared-by-drills';

export interface DrillWatchProps {
  readonly evidence: s3.IBucket;
  /** Signs evidence; only its public key is read. */
  readonly signingKey: kms.IKey;
  readonly encryptionKey: kms.IKey;
  readonly deadLetterQueue: sqs.IQueue;
  readonly notify: sns.ITopic | undefined;
}

export type WatchedDrill = WatchRequest['drills'][number];

export class DrillWatch extends Construct {
  private readonly drills: WatchedDrill[] = [];
  private readonly watch: lambda.IFunction;
  private readonly deadLetterQueue: sqs.IQueue;
  private readonly shared: SharedByDrills[] = [];

  constructor(scope: Construct, id: string, props: DrillWatchProps) {
    super(scope, id);
    const { evidence, signingKey, deadLetterQueue, encryptionKey, notify } = props;
    warnOfLooseEvidence(this, evidence);
    const handler = new ShippedFunction(this, 'Handler', {
      entry: 'watch-drills',
      description: 'Lifeboat: publishes how long ago each drill last passed, and verifies evidence',
      // A chain of thousands of documents is read as a whole.
      timeout: Duration.minutes(15),
      memorySize: 512,
      encryptionKey,
      deadLetterQueue,
      patterns: 'It reads the evidence of all drills, and writes one document a drill: when it was first watched.',
      statements: [
        ...evidenceAccess(evidence, 'evidence/', watchedSinceKey({ plan: '*', target: '*', drill: '*' })),
        allow(['kms:GetPublicKey'], [signingKey.keyArn]),
        // To find documents that were hidden under delete markers or overwritten.
        allow(['s3:GetObjectVersion'], [evidence.arnForObjects('evidence/*')]),
        allow(['s3:ListBucketVersions'], [evidence.bucketArn], { StringLike: { 's3:prefix': 'evidence/*' } }),
      ],
    });
    this.watch = handler.function;
    this.deadLetterQueue = deadLetterQueue;
    const hourly = new ScheduleTrigger(this, 'Hourly', {
      target: handler.function,
      schedule: ScheduleExpression.rate(Duration.hours(1)),
      description: 'Lifeboat: publishes how long ago each drill last passed',
      request: {
        evidenceBucket: evidence.bucketName,
        signingKey: signingKey.keyArn,
        drills: Lazy.any({ produce: () => this.drills }),
      },
      deadLetterQueue,
    });
    hourly.node.addDependency(handler);
    // If the watch stops, its other metric is missing, and that alarm fires.
    addAlarm(this, 'EvidenceProblems', {
      metric: new cloudwatch.Metric({
        namespace: METRICS.namespace,
        metricName: METRICS.evidenceProblems,
        dimensionsMap: { [METRICS.dimensions.bucket]: evidence.bucketName },
        statistic: cloudwatch.Stats.MAXIMUM,
        period: Duration.hours(6),
      }),
      threshold: 0,
      description:
        `Documents of evidence in bucket ${evidence.bucketName} are altered, missing, hidden or not signed. The log of the watch on ` +
        'drills names them, and so does `lifeboat evidence verify`.',
      notify,
    });
  }

  /**
   * What a drill shares with others of its stack.
   *
   * @param statements what each drill's function may do at the site
   */
  public sharedWith(scope: Construct, statements: iam.PolicyStatement[]): SharedByDrills {
    const stack = Stack.of(scope);
    const others = this.shared.filter((one) => Stack.of(one) === stack);
    const last = others[others.length - 1];
    if (last && !last.isFull) return last;
    const number = others.length + 1;
    // In the drills' stack, since the watch may be in another stack, which must not refer to theirs.
    const [owner, id] =
      stack === Stack.of(this) ? [this, `Drills${number}`] : [stack, `Drills${number}-${this.node.addr.slice(-8)}`];
    const made = new SharedByDrills(owner, id, {
      watch: this.watch,
      deadLetterQueue: this.deadLetterQueue,
      statements,
    });
    this.shared.push(made);
    return made;
  }

  /**
   * Watches a drill: whether it is overdue, and whether runs end without evidence because they were stopped, timed out
   * or failed.
   */
  public add(shared: SharedByDrills, runbook: lambda.IFunction, drill: WatchedDrill): void {
    this.drills.push(drill);
    shared.add({ ...drill, function: runbook.functionArn });
  }
}
