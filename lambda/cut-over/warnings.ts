/**
 * What breaks silently when applications move to another database, read from AWS and told before the approval. What may
 * not be read is told as well: nothing found because nothing was allowed would look like nothing broken.
 */
import { type CloudWatchClient, type MetricAlarm, paginateDescribeAlarms } from '@aws-sdk/client-cloudwatch';
import {
  type DBInstance,
  DescribeDBProxyTargetsCommand,
  paginateDescribeDBProxies,
  paginateDescribeEventSubscriptions,
  type RDSClient,
} from '@aws-sdk/client-rds';
import { stackOf } from './back-in-line';

export interface WarningClients {
  readonly rds: RDSClient;
  readonly cloudWatch: CloudWatchClient;
}

export interface Moved {
  /** The damaged database, as RDS describes it. */
  readonly damaged: DBInstance;
  /** The recovered one; absent before it is restored. */
  readonly recovered?: DBInstance;
  /** Whether the recovered one gets the identifier of the damaged one. */
  readonly renamed: boolean;
}

/** Sentences; each names what, the consequence, and what to do. */
export async function silentBreaks({ rds, cloudWatch }: WarningClients, moved: Moved): Promise<string[]> {
  const looked = [
    await told('RDS Proxies', () => proxies(rds, moved)),
    await told('event subscriptions of RDS', () => subscriptions(rds, moved)),
    await told('alarms of CloudWatch', () => alarms(cloudWatch, moved)),
  ];
  return [...logins(moved), ...replicas(moved), ...managedSecret(moved), ...stack(moved), ...looked.flat()];
}

/** Errors that come again: this function may not look, or there is nothing to ask. */
const NOT_ALLOWED = /^(AccessDenied|UnauthorizedOperation|NotAuthorized|AuthorizationError|NotImplemented)/;

async function told(what: string, look: () => Promise<string[]>): Promise<string[]> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof Error) || !NOT_ALLOWED.test(error.name)) throw error;
    return [`${what} could not be looked for (${error.name}), so look yourself whether any is about this database`];
  }
}

const nameOf = ({ DBInstanceIdentifier = '' }: DBInstance) => DBInstanceIdentifier;

/** Policies for logins with IAM name the resource id, which no restore keeps. */
export function logins({ damaged, recovered }: Moved): string[] {
  if (!damaged.IAMDatabaseAuthenticationEnabled) return [];
  const other = recovered?.DbiResourceId ?? 'that of the recovered database';
  return [
    `logins with IAM: policies for rds-db:connect name the resource id ${damaged.DbiResourceId}, so they do not allow ` +
      `the recovered database; add ${other} to them`,
  ];
}

export function replicas({ damaged }: Moved): string[] {
  const { ReadReplicaDBInstanceIdentifiers: instances = [], ReadReplicaDBClusterIdentifiers: clusters = [] } = damaged;
  const all = [...instances, ...clusters];
  if (all.length === 0) return [];
  return [
    `read replicas: ${all.join(', ')} keep following the damaged database, so what reads from them sees its data; make ` +
      'new ones of the recovered database, and send readers there',
  ];
}

/** What names the ARN of a managed secret names the old one. */
export function managedSecret({ damaged: { MasterUserSecret: secret } }: Moved): string[] {
  if (!secret?.SecretArn) return [];
  return [
    `the master user's secret is managed by RDS: a recovered database gets another one, and what names ` +
      `${secret.SecretArn}, such as valueFrom of ECS, reads the password of the damaged database`,
  ];
}

export function stack({ damaged, renamed }: Moved): string[] {
  const of = stackOf(damaged);
  if (!of) return [];
  return [
    renamed
      ? `CloudFormation: stack '${of.stack}' takes the recovered database for its resource '${of.logicalId}', without ` +
        'a message; the report says what differs from the template'
      : `CloudFormation: stack '${of.stack}' keeps the damaged database as '${of.logicalId}', and its next deployment ` +
        'changes that one; the report says how to import the recovered one',
  ];
}

async function proxies(rds: RDSClient, { damaged, renamed }: Moved): Promise<string[]> {
  const name = nameOf(damaged);
  const found: string[] = [];
  for await (const { DBProxies = [] } of paginateDescribeDBProxies({ client: rds }, {})) {
    for (const { DBProxyName } of DBProxies) {
      const { Targets = [] } = await rds.send(new DescribeDBProxyTargetsCommand({ DBProxyName }));
      if (!Targets.some(({ Type, RdsResourceId }) => Type === 'RDS_INSTANCE' && RdsResourceId === name)) continue;
      found.push(
        `RDS Proxy '${DBProxyName}' sends its clients to '${name}'${renamed ? '' : ', and goes on to do so'}: after the ` +
          'cut-over deregister that target and register the recovered database',
      );
    }
  }
  return found;
}

async function subscriptions(rds: RDSClient, { damaged, renamed }: Moved): Promise<string[]> {
  const name = nameOf(damaged);
  const found: string[] = [];
  for await (const { EventSubscriptionsList = [] } of paginateDescribeEventSubscriptions({ client: rds }, {})) {
    for (const { CustSubscriptionId, SourceType, SourceIdsList = [] } of EventSubscriptionsList) {
      if (SourceType !== 'db-instance' || !SourceIdsList.includes(name)) continue;
      found.push(
        renamed
          ? `event subscription '${CustSubscriptionId}' follows the name '${name}', so it reports the recovered ` +
              'database, and no longer the damaged one'
          : `event subscription '${CustSubscriptionId}' names '${name}', so it does not report events of the ` +
              'recovered database; add that',
      );
    }
  }
  return found;
}

/** Alarms that a message names. */
const NAMED = 20;

async function alarms(cloudWatch: CloudWatchClient, { damaged, renamed }: Moved): Promise<string[]> {
  const name = nameOf(damaged);
  const names: string[] = [];
  const pages = paginateDescribeAlarms({ client: cloudWatch }, { AlarmTypes: ['MetricAlarm'] });
  for await (const { MetricAlarms = [] } of pages) {
    for (const alarm of MetricAlarms) if (isAbout(alarm, name)) names.push(`'${alarm.AlarmName}'`);
  }
  if (names.length === 0) return [];
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
  const all = `${names.slice(0, NAMED).join(', ')}${more}`;
  return [
    renamed
      ? `alarms of CloudWatch follow the name '${name}': ${all} watch the recovered database from the rename on, and ` +
        'their earlier values are those of the damaged one'
      : `alarms of CloudWatch keep watching '${name}': ${all}; none of them fires for the recovered database, so make ` +
        'such alarms for it',
  ];
}

function isAbout({ Dimensions = [], Metrics = [] }: MetricAlarm, instance: string): boolean {
  const all = [...Dimensions, ...Metrics.flatMap(({ MetricStat }) => MetricStat?.Metric?.Dimensions ?? [])];
  return all.some(({ Name, Value }) => Name === 'DBInstanceIdentifier' && Value === instance);
}
