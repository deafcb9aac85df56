import { Annotations, type App, AspectPriority, Aspects, CfnParameter, Duration, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as elasticache from 'aws-cdk-lib/aws-elasticache';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { ConfigurationBackups, CoverageCheck, DatabaseBackups, EvidenceBucket, LogArchive } from '../../../lib';
import { importedDatabase, newDatabase, newPlan, newStack, warningsOf } from '../../template/stacks';

function checked(): Stack {
  const stack = newStack();
  Aspects.of(stack.node.root).add(new CoverageCheck(), { priority: AspectPriority.READONLY });
  return stack;
}

const unprotected = (stack: Stack) =>
  warningsOf(stack)
    .filter((text) => text.includes('lifeboat:unprotected'))
    .map((text) => /^([\w ]+) '([^']+)'/.exec(text)?.slice(1).join(' '))
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
    "bucket 'Test/Photos/Resource' is covered by nothing, so what it holds is lost when it is; apply BucketBackups to it, or select it",
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
