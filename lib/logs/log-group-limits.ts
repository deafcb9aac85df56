/** Log groups that can't have a subscription, and so can't be archived. */
import { CfnResource, Stack } from 'aws-cdk-lib';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct, IConstruct } from 'constructs';

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html */
const MAX_SUBSCRIPTIONS = 2;

/**
 * @param id its name in the archive
 * @param logGroup CDK types all log groups of an instance as present, but has only those whose retention it sets
 * @throws Error when it is undefined, or its class has no subscriptions
 */
export function refuseUnsubscribable(archive: Construct, id: string, logGroup: logs.ILogGroup | undefined): void {
  if (!logGroup) {
    throw new Error(
      `log archive '${archive.node.path}': 'logGroup' of '${id}' is undefined, so nothing would be archived; for an RDS ` +
        "instance, create it before RDS does: addLogGroup('database', { logGroupName: '/aws/rds/instance/orders/postgresql' })",
    );
  }
  const resource = logGroup.node.defaultChild as logs.CfnLogGroup | undefined;
  const logGroupClass = resource?.logGroupClass;
  if (logGroupClass !== 'INFREQUENT_ACCESS' && logGroupClass !== 'DELIVERY') return;
  // https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch_Logs_Log_Classes.html
  throw new Error(
    `log group '${logGroup.node.path}' has the class ${logGroupClass}, which supports no subscriptions, so nothing would be ` +
      'archived; create a new log group of the class STANDARD, since the class of a log group can not be changed',
  );
}

/** Log groups of this app with more subscriptions than CloudWatch Logs allows, a sentence each. */
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
    `the log group of '${subscription.node.path}' has ${filters.length} subscriptions in this app, and CloudWatch Logs allows ` +
      `${MAX_SUBSCRIPTIONS}, so the deployment would fail; let two readers share one stream`,
  ];
}
