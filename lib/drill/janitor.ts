/** Deletes expired restored instances every hour, by prefix and tags, in case their drill was stopped. */

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
   * Topic to notify when a restored instance could not be deleted.
   *
   * @default - the `notify` of the enclosing plan; without one, alarms have no action, and synth warns
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
      description: 'Lifeboat: deletes restored instances that have expired',
      timeout: Duration.minutes(5),
      memorySize: 256,
      encryptionKey,
      deadLetterQueue,
      patterns:
        'It lists all databases to find expired restored instances; it deletes only instances with the prefix and the tags ' +
        'of drills.',
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
      description: 'Lifeboat: deletes restored instances that have expired',
      request,
      deadLetterQueue,
    });
    hourly.node.addDependency(handler);
    addAlarm(this, 'Failed', {
      metric: handler.function.metricErrors({ period: Duration.hours(1) }),
      threshold: 0,
      description:
        "Expired restored instances could not be deleted, and still cost money. The janitor's log names them.",
      notify,
    });
  }
}
