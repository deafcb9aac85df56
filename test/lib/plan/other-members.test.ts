/** What a plan protects besides instances of PostgreSQL. */
import { Duration } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as elasticache from 'aws-cdk-lib/aws-elasticache';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import { ArchiveTier, BackupWindow, CacheExportAccess, CacheSource, ProtectionPlan } from '../../../lib';
import { newStack, OBJECTIVES, Template } from '../../template/stacks';

function planned() {
  const stack = newStack();
  const notify = new sns.Topic(stack, 'Oncall');
  const archive = new s3.Bucket(stack, 'Archive', { versioned: true });
  archive.with(new CacheExportAccess());
  return { stack, plan: new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES, notify, archive }) };
}
const window = BackupWindow.daily('03:00', '04:00');

describe('a cluster', () => {
  test('gets its window and retention', () => {
    const { stack, plan } = planned();
    const cluster = new rds.DatabaseCluster(stack, 'Orders', {
      engine: rds.DatabaseClusterEngine.auroraPostgres({ version: rds.AuroraPostgresEngineVersion.VER_16_4 }),
      vpc: new ec2.Vpc(stack, 'Vpc', { maxAzs: 2, natGateways: 0 }),
      vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
      writer: rds.ClusterInstance.serverlessV2('Writer'),
    });
    expect(plan.addCluster('Orders', { cluster, window, retention: Duration.days(30) }).cluster).toBe(cluster);
    Template.fromStack(stack).hasResourceProperties('AWS::RDS::DBCluster', {
      PreferredBackupWindow: '03:00-04:00',
      BackupRetentionPeriod: 30,
    });
  });

  test('that is imported is refused', () => {
    const { stack, plan } = planned();
    const cluster = rds.DatabaseCluster.fromDatabaseClusterAttributes(stack, 'Orders', { clusterIdentifier: 'orders' });
    expect(() => plan.addCluster('Orders', { cluster })).toThrow(
      /'cluster' is 'Test\/Orders'.*does not make.*BackupTarget/,
    );
  });
});

describe('a cache', () => {
  test('gets daily snapshots, more of them, and exports to the archive, and its alarms tell the topic of the plan', () => {
    const { stack, plan } = planned();
    const group = new elasticache.CfnReplicationGroup(stack, 'Sessions', { replicationGroupDescription: 'Sessions' });
    const sessions = plan.addCache('Sessions', {
      cache: CacheSource.replicationGroup(group),
      window,
      retention: Duration.days(15),
    });
    sessions.addSnapshots('SixHourly', { every: Duration.hours(6), retention: Duration.days(2) });
    sessions.addExport('Weekly');
    const template = Template.fromStack(stack);
    template.hasResourceProperties('AWS::ElastiCache::ReplicationGroup', {
      SnapshotWindow: '03:00-04:00',
      SnapshotRetentionLimit: 15,
    });
    template.resourceCountIs('AWS::S3::Bucket', 1);
    const alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm'));
    expect(sessions.alarms).toHaveLength(alarms.length);
    for (const { Properties } of alarms) expect(Properties.AlarmActions).toHaveLength(1);
  });

  test('that is imported keeps its settings, and is snapshotted all the same', () => {
    const { stack, plan } = planned();
    const cache = CacheSource.replicationGroup(
      elasticache.CfnReplicationGroup.fromReplicationGroupId(stack, 'Sessions', 'sessions'),
    );
    expect(() => plan.addCache('Refused', { cache, retention: Duration.days(15) })).toThrow(
      "cache 'Test/Protection/Refused': 'retention' of an imported cache can't be set here",
    );
    const sessions = plan.addCache('Sessions', { cache });
    sessions.addSnapshots('SixHourly', { every: Duration.hours(6), retention: Duration.days(2) });
    expect(sessions.alarms.length).toBeGreaterThan(0);
  });
});

test('a bucket gets versions and a lifecycle', () => {
  const { stack, plan } = planned();
  const bucket = new s3.Bucket(stack, 'Uploads');
  plan.addBucket('Uploads', {
    bucket,
    tiers: [ArchiveTier.everything({ noncurrentVersions: { expireAfter: Duration.days(90) } })],
  });
  const [uploads] = Object.entries(Template.fromStack(stack).findResources('AWS::S3::Bucket')).flatMap(
    ([id, resource]) => (id.startsWith('Uploads') ? [resource] : []),
  );
  expect(uploads?.Properties.VersioningConfiguration).toEqual({ Status: 'Enabled' });
});

test('ids that the plan needs itself are refused', () => {
  const { stack, plan } = planned();
  expect(() => plan.addBucket('Site', { bucket: new s3.Bucket(stack, 'Files') })).toThrow(
    /bucket 'Test\/Protection\/Site' has an id that Lifeboat uses there itself/,
  );
});
