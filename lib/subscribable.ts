/** Log groups that can't be subscribed to, and so would be archived nowhere. */
import type * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

/**
 * @param id what the archive calls it
 * @param logGroup CDK types an instance's log groups as if all were there, and lists those alone whose retention it sets
 * @throws Error when there is none, or its class has no subscriptions
 */
export function refuseUnsubscribable(archive: Construct, id: string, logGroup: logs.ILogGroup | undefined): void {
  if (!logGroup) {
    throw new Error(
      `log archive '${archive.node.path}': there is no log group for '${id}', so nothing of it would be archived; of an RDS ` +
        "instance, make it before RDS does: addLogGroup('database', { logGroupName: '/aws/rds/instance/orders/postgresql' })",
    );
  }
  const resource = logGroup.node.defaultChild as logs.CfnLogGroup | undefined;
  const logGroupClass = resource?.logGroupClass;
  if (logGroupClass !== 'INFREQUENT_ACCESS' && logGroupClass !== 'DELIVERY') return;
  // https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch_Logs_Log_Classes.html
  throw new Error(
    `log group '${logGroup.node.path}' is of the class ${logGroupClass}, which has no subscriptions, so nothing of it ` +
      'would be archived; make it one of the class STANDARD, which a log group keeps for life',
  );
}
