import {
  Annotations,
  type App,
  AspectPriority,
  Aspects,
  CfnParameter,
  CfnResource,
  Duration,
  Stack,
} from 'aws-cdk-lib';
import * as backup from 'aws-cdk-lib/aws-backup';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as elasticache from 'aws-cdk-lib/aws-elasticache';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as s3 from 'aws-cdk-lib/aws-s3';
import {
  BackupTarget,
  BackupTiers,
  ConfigurationBackups,
  CoverageCheck,
  DatabaseBackups,
  EvidenceBucket,
  LogArchive,
} from '../../../lib';
import { DATA_STORES } from '../../../lib/aspects/data-stores';
import { importedDatabase, newDatabase, newPlan, newStack, warningsOf } from '../../template/stacks';

function checked(): Stack {
  const stack = newStack();
  Aspects.of(stack.node.root).add(new CoverageCheck(), { priority: AspectPriority.READONLY });
  return stack;
}

const unprotected = (stack: Stack) =>
  warningsOf(stack)
    .filter((text) => text.includes('lifeboat:unprotected'))
    .map((text) => /^nothing here backs up ([\w ]+) '([^']+)'/.exec(text)?.slice(1).join(' '))
    .sort();

test('names each database, cache and bucket that nothing covers', () => {
  const stack = checked();
  newDatabase(stack);
  new s3.Bucket(stack, 'Photos');
  new elasticache.CfnReplicationGroup(stack, 'Sessions', { replicationGroupDescription: 'sessions' });
  new elasticache.CfnServerlessCache(stack, 'Feed', { engine: 'valkey', serverlessCacheName: 'feed' });
  expect(unprotected(stack)).toEqual([
    'bucket Test/Photos/Resource',
    'cache Test/Feed',
    'cache Test/Sessions',
    'database Test/Database/Resource',
  ]);
});

test('says what would be lost, and what to do', () => {
  const stack = checked();
  new s3.Bucket(stack, 'Photos');
  expect(warningsOf(stack).join()).toContain(
    "nothing here backs up bucket 'Test/Photos/Resource', so its data is lost with it; apply BucketBackups to it, or select it",
  );
});

test('is content with what a plan or DatabaseBackups covers', () => {
  const stack = checked();
  newDatabase(stack).with(new DatabaseBackups({ retention: Duration.days(7) }));
  expect(unprotected(stack)).toEqual([]);

  const planned = checked();
  newPlan(planned).addDatabase('Orders', { database: newDatabase(planned) });
  newPlan(new Stack(planned.node.root as App, 'Other')).addDatabase('Imported', {
    database: importedDatabase(planned),
  });
  expect(unprotected(planned)).toEqual([]);
});

test('a retention of 0 covers nothing', () => {
  const stack = checked();
  newDatabase(stack).with(new DatabaseBackups({ retention: Duration.days(0) }));
  expect(unprotected(stack)).toEqual(['database Test/Database/Resource']);
});

test("is content with Lifeboat's own buckets", () => {
  const stack = checked();
  new EvidenceBucket(stack, 'Evidence');
  new LogArchive(stack, 'Logs');
  new ConfigurationBackups(stack, 'Configuration');
  expect(unprotected(stack)).toEqual([]);
});

test('knows every kind of resource that holds data, and says of each what to do', () => {
  const stack = checked();
  for (const type of Object.keys(DATA_STORES)) {
    new CfnResource(stack, type.replaceAll('::', ''), { type, properties: {} });
  }
  const texts = warningsOf(stack).filter((text) => text.includes('lifeboat:unprotected'));
  expect(texts).toHaveLength(Object.keys(DATA_STORES).length);
  for (const text of texts) expect(text).toMatch(/so its data is lost with it; \w.* or acknowledge this/);
});

test.each([
  'AWS::Cassandra::Table',
  'AWS::DocDB::DBCluster',
  'AWS::DynamoDB::Table',
  'AWS::EC2::Volume',
  'AWS::EFS::FileSystem',
  'AWS::FSx::FileSystem',
  'AWS::MemoryDB::Cluster',
  'AWS::Neptune::DBCluster',
  'AWS::OpenSearchService::Domain',
  'AWS::RDS::DBCluster',
  'AWS::Redshift::Cluster',
  'AWS::Timestream::Table',
])('%s is one of them', (type) => {
  expect(Object.keys(DATA_STORES)).toContain(type);
});

test('is content with what a table or a file system says itself, and with what AWS Backup is told to take', () => {
  const stack = checked();
  const vpc = new ec2.Vpc(stack, 'Vpc', { natGateways: 0 });
  const partitionKey = { name: 'id', type: dynamodb.AttributeType.STRING };
  const pointInTimeRecoverySpecification = { pointInTimeRecoveryEnabled: true };
  new dynamodb.Table(stack, 'Carts', { partitionKey, pointInTimeRecoverySpecification });
  new dynamodb.TableV2(stack, 'Orders', { partitionKey, pointInTimeRecoverySpecification });
  new efs.FileSystem(stack, 'Uploads', { vpc, enableAutomaticBackups: true });
  const files = new efs.FileSystem(stack, 'Files', { vpc });
  new BackupTiers(stack, 'Tiers', {
    vault: backup.BackupVault.fromBackupVaultName(stack, 'Vault', 'vault'),
    targets: [BackupTarget.fileSystem(files)],
  });
  expect(unprotected(stack)).toEqual([]);
  new dynamodb.TableV2(stack, 'Bare', { partitionKey });
  expect(unprotected(stack)).toEqual(['DynamoDB global table Test/Bare/Resource']);
});

test('asks nothing of replicas, members of a cluster, and Memcached', () => {
  const stack = checked();
  const instanceType = ec2.InstanceType.of(ec2.InstanceClass.T4G, ec2.InstanceSize.SMALL);
  const source = newDatabase(stack).with(new DatabaseBackups({ retention: Duration.days(7) }));
  const { vpc } = source as rds.DatabaseInstance;
  new rds.DatabaseInstanceReadReplica(stack, 'Replica', {
    sourceDatabaseInstance: source as rds.DatabaseInstance,
    instanceType,
    vpc,
    vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
  });
  new rds.CfnDBInstance(stack, 'Member', { dbClusterIdentifier: 'orders' });
  new elasticache.CfnCacheCluster(stack, 'Pages', {
    engine: 'memcached',
    cacheNodeType: 'cache.t4g.micro',
    numCacheNodes: 1,
  });
  expect(unprotected(stack)).toEqual([]);
});

test('an engine that is only known at deployment may hold data', () => {
  const stack = checked();
  const engine = new CfnParameter(stack, 'Engine').valueAsString;
  new elasticache.CfnCacheCluster(stack, 'Pages', { engine, cacheNodeType: 'cache.t4g.micro', numCacheNodes: 1 });
  expect(unprotected(stack)).toEqual(['cache Test/Pages']);
});

test('is silent where somebody said why', () => {
  const stack = checked();
  const bucket = new s3.Bucket(stack, 'Thumbnails');
  Annotations.of(bucket).acknowledgeWarning('lifeboat:unprotected', 'made again on demand');
  expect(unprotected(stack)).toEqual([]);
});
