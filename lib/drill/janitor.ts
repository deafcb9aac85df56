/** Deletes copies whose drill was stopped before it could: every hour, by prefix and tags, and nothing else. */

import { ArnFormat, Duration, Stack } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import { ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { COPY_PREFIX, type JanitorRequest, TAGS } from '../../lambda/contract';
import { addAlarm } from '../alarm/alarm';
import { ScheduleTrigger } from '../function/schedule-trigger';
import { ShippedFunction } from '../function/shipped-function';
import { allow } from '../function/statements';

export interface JanitorProps {
  readonly encryptionKey: kms.IKey;
  readonly deadLetterQueue: sqs.IQueue;
  /**
   * Who is told when a copy could not be deleted.
   *
   * @default - the topic of the plan around it; else alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

export class Janitor extends Construct {
  constructor(scope: Construct, id: string, props: JanitorProps) {
    super(scope, id);
    const { deadLetterQueue, encryptionKey, notify } = props;
    const copies = Stack.of(this).formatArn({
      service: 'rds',
      resource: 'db',
      resourceName: `${COPY_PREFIX}*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    const request: JanitorRequest = { prefix: COPY_PREFIX };

    const handler = new ShippedFunction(this, 'Handler', {
      entry: 'delete-expired',
      description: 'Lifeboat: deletes copies that outlived their drill',
      timeout: Duration.minutes(5),
      memorySize: 256,
      encryptionKey,
      deadLetterQueue,
      patterns:
        'It looks for copies whose drill is gone, so it lists all databases; it deletes by prefix, and only what carries ' +
        'the tags that a drill makes copies with.',
      statements: [
        allow(['rds:DescribeDBInstances', 'rds:ListTagsForResource'], ['*']),
        allow(['rds:DeleteDBInstance'], [copies], {
          Null: Object.fromEntries(Object.values(TAGS).map((tag) => [`aws:ResourceTag/${tag}`, 'false'])),
        }),
      ],
    });
    const hourly = new ScheduleTrigger(this, 'Hourly', {
      target: handler.function,
      schedule: ScheduleExpression.rate(Duration.hours(1)),
      description: 'Lifeboat: deletes copies that outlived their drill',
      request,
      deadLetterQueue,
    });
    hourly.node.addDependency(handler);
    addAlarm(this, 'Failed', {
      metric: handler.function.metricErrors({ period: Duration.hours(1) }),
      threshold: 0,
      description:
        'Copies of a database that outlived their drill could not be deleted, and go on costing money: ' +
        `the janitor's log names them`,
      notify,
    });
  }
}
