/** Log groups that can't be subscribed to, and so would be archived nowhere. */
import { CfnResource, Stack } from 'aws-cdk-lib';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct, IConstruct } from 'constructs';

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html */
const MAX_SUBSCRIPTIONS = 2;

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

/** What CloudWatch Logs would refuse of a subscription's log group, a sentence each; of those that this app makes. */
export function tooManySubscriptions(subscription: logs.SubscriptionFilter): string[] {
  const stack = Stack.of(subscription);
  const groupOf = (filter: IConstruct) =>
    JSON.stringify(stack.resolve((filter as logs.CfnSubscriptionFilter).logGroupName));
  const group = groupOf(subscription.node.defaultChild as IConstruct);
  const filters = stack.node
    .findAll()
    .filter((node) => CfnResource.isCfnResource(node) && node.cfnResourceType === 'AWS::Logs::SubscriptionFilter')
    .filter((node) => Stack.of(node) === stack && groupOf(node) === group);
  if (filters.length <= MAX_SUBSCRIPTIONS) return [];
  return [
    `the log group of '${subscription.node.path}' has ${filters.length} subscriptions in this app, and CloudWatch Logs takes ` +
      `${MAX_SUBSCRIPTIONS}, so the deployment would fail; let one stream serve two readers`,
  ];
}
