/** Keeps for two weeks what could not be started. The alarm stays on until an operator has removed the messages. */
import { Duration } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { type AlarmProps, addAlarm } from './alarm';

export function deadLetters(scope: Construct, id: string): sqs.Queue {
  return new sqs.Queue(scope, id, {
    encryption: sqs.QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
  });
}

export function deadLetterAlarm(
  scope: Construct,
  id: string,
  { queue, ...props }: Pick<AlarmProps, 'description' | 'notify'> & { readonly queue: sqs.IQueue },
): cloudwatch.Alarm {
  const metric = queue.metricApproximateNumberOfMessagesVisible({ period: Duration.hours(1) });
  return addAlarm(scope, id, { metric, threshold: 0, ...props });
}
