/** What breaks silently is told before the approval, and so is what could not be looked for. */
import * as cloudWatch from '@aws-sdk/client-cloudwatch';
import * as rds from '@aws-sdk/client-rds';
import { type Moved, silentBreaks } from '../../../lambda/cut-over/warnings';
import { rdsClient } from '../../../rehearsal/server/clients';
import { useRegion } from '../../real/region';
import { Recorder } from '../../simulated/recorder';

const DAMAGED: rds.DBInstance = {
  DBInstanceIdentifier: 'orders',
  DbiResourceId: 'db-OLD',
  IAMDatabaseAuthenticationEnabled: true,
  ReadReplicaDBInstanceIdentifiers: ['orders-reports'],
  MasterUserSecret: { SecretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds!db-1-abcdef' },
  TagList: [
    { Key: 'aws:cloudformation:stack-name', Value: 'data' },
    { Key: 'aws:cloudformation:logical-id', Value: 'OrdersDb' },
  ],
};

function account() {
  const ofRds = new Recorder(rds)
    .on('DescribeDBProxies', ({ Marker }) =>
      Marker ? { DBProxies: [{ DBProxyName: 'shop' }] } : { DBProxies: [{ DBProxyName: 'other' }], Marker: 'next' },
    )
    .on('DescribeDBProxyTargets', ({ DBProxyName }) => ({
      Targets: [{ Type: 'RDS_INSTANCE', RdsResourceId: DBProxyName === 'shop' ? 'orders' : 'orders-archive' }],
    }))
    .on('DescribeEventSubscriptions', () => ({
      EventSubscriptionsList: [
        { CustSubscriptionId: 'on-call', SourceType: 'db-instance', SourceIdsList: ['orders', 'users'] },
        { CustSubscriptionId: 'all', SourceType: 'db-instance' },
        { CustSubscriptionId: 'groups', SourceType: 'db-parameter-group', SourceIdsList: ['orders'] },
      ],
    }));
  const Dimensions = [{ Name: 'DBInstanceIdentifier', Value: 'orders' }];
  const ofCloudWatch = new Recorder(cloudWatch).on('DescribeAlarms', () => ({
    MetricAlarms: [
      { AlarmName: 'storage', Dimensions },
      { AlarmName: 'ratio', Metrics: [{ Id: 'm', MetricStat: { Metric: { Dimensions }, Period: 60, Stat: 'Sum' } }] },
      { AlarmName: 'queue', Dimensions: [{ Name: 'QueueName', Value: 'orders' }] },
    ],
  }));
  return { ofRds, ofCloudWatch };
}

const look = ({ ofRds, ofCloudWatch }: ReturnType<typeof account>, more: Partial<Moved> = {}) => {
  const clients = { rds: ofRds.client(rds.RDSClient), cloudWatch: ofCloudWatch.client(cloudWatch.CloudWatchClient) };
  return silentBreaks(clients, { damaged: DAMAGED, recovered: { DbiResourceId: 'db-NEW' }, renamed: false, ...more });
};

test('after every way but a rename, what names the damaged database stays with it', async () => {
  expect(await look(account())).toEqual([
    expect.stringMatching(/rds-db:connect name the resource id db-OLD.* add db-NEW/),
    expect.stringContaining('orders-reports keep following the damaged database'),
    expect.stringContaining('rds!db-1-abcdef'),
    expect.stringContaining("stack 'data' keeps the damaged database as 'OrdersDb'"),
    expect.stringMatching(/RDS Proxy 'shop' sends its clients to 'orders', and goes on to do so/),
    expect.stringMatching(/event subscription 'on-call' names 'orders'.* does not report events of the recovered/),
    expect.stringMatching(/keep watching 'orders': 'storage', 'ratio'; none of them fires for the recovered/),
  ]);
});

test('after a rename, what follows the name is with the recovered database', async () => {
  const warnings = await look(account(), { renamed: true, recovered: undefined });
  expect(warnings).toEqual(
    expect.arrayContaining([
      expect.stringContaining('add that of the recovered database to them'),
      expect.stringContaining("takes the recovered database for its resource 'OrdersDb'"),
      expect.stringContaining("event subscription 'on-call' follows the name 'orders'"),
      expect.stringContaining("'storage', 'ratio' watch the recovered database from the rename on"),
    ]),
  );
});

test('a plain database with nothing around it has no warnings', async () => {
  const { ofRds, ofCloudWatch } = account();
  ofRds.on('DescribeDBProxies', () => ({})).on('DescribeEventSubscriptions', () => ({}));
  ofCloudWatch.on('DescribeAlarms', () => ({}));
  expect(await look({ ofRds, ofCloudWatch }, { damaged: { DBInstanceIdentifier: 'orders' } })).toEqual([]);
});

describe('in a rehearsal', () => {
  const local = useRegion();

  test('there is none of all this, and that is what it says', async () => {
    const { region } = local();
    const clients = {
      rds: rdsClient(region.clients('eu-central-1')),
      cloudWatch: new cloudWatch.CloudWatchClient(region.clients('eu-central-1')),
    };
    expect(await silentBreaks(clients, { damaged: { DBInstanceIdentifier: 'orders' }, renamed: true })).toEqual([]);
  });
});

test('what may not be looked for is told; other errors are errors', async () => {
  const { ofRds, ofCloudWatch } = account();
  ofRds.on('DescribeDBProxies', () => {
    throw ofRds.error('AccessDenied', 'not authorized');
  });
  const warnings = await look({ ofRds, ofCloudWatch });
  expect(warnings).toContainEqual(expect.stringContaining('RDS Proxies could not be looked for (AccessDenied)'));
  expect(warnings).toContainEqual(expect.stringContaining("event subscription 'on-call'"));
  ofCloudWatch.on('DescribeAlarms', () => {
    throw ofCloudWatch.error('ThrottlingException', 'Rate exceeded');
  });
  await expect(look({ ofRds, ofCloudWatch })).rejects.toThrow('Rate exceeded');
});
