/**
 * Every kind of resource that holds data of its own, and how to back it up: with Lifeboat if it can, or with the
 * service's own means. Replicas, cluster members and caches of Memcached are exempt, since they hold no data of their
 * own.
 */
import { type CfnResource, Stack, Token } from 'aws-cdk-lib';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import type * as efs from 'aws-cdk-lib/aws-efs';
import type * as elasticache from 'aws-cdk-lib/aws-elasticache';
import type * as rds from 'aws-cdk-lib/aws-rds';

export interface DataStore {
  readonly what: string;
  readonly remedy: string;
  /**
   * Whether a resource of this type holds no data of its own, or is backed up by its own settings.
   *
   * @default - none is
   */
  readonly exempt?: (resource: CfnResource) => boolean;
}

const BY_ARN = 'select it in BackupTiers (BackupTarget.arn)';
const BY_TAG = 'select it in BackupTiers by tag (BackupTarget.tagged)';

export const DATA_STORES: Readonly<Record<string, DataStore>> = {
  'AWS::RDS::DBInstance': {
    what: 'database',
    remedy: 'put it under a ProtectionPlan, or apply DatabaseBackups to it',
    // Replicas and members of a cluster hold the data of their source, which has to be backed up.
    exempt: (resource) => {
      const { sourceDbInstanceIdentifier, sourceDbClusterIdentifier, dbClusterIdentifier } =
        resource as rds.CfnDBInstance;
      return [sourceDbInstanceIdentifier, sourceDbClusterIdentifier, dbClusterIdentifier].some(Boolean);
    },
  },
  'AWS::RDS::DBCluster': {
    what: 'database cluster',
    remedy: 'apply DatabaseBackups to it, or select it in BackupTiers (BackupTarget.cluster)',
    exempt: (resource) => Boolean((resource as rds.CfnDBCluster).replicationSourceIdentifier),
  },
  'AWS::DocDB::DBCluster': { what: 'DocumentDB cluster', remedy: `set its backupRetentionPeriod, and ${BY_ARN}` },
  'AWS::DocDBElastic::Cluster': {
    what: 'DocumentDB elastic cluster',
    remedy: 'set its backupRetentionPeriod, and copy its snapshots to where they survive it',
  },
  'AWS::Neptune::DBCluster': { what: 'Neptune cluster', remedy: `set its backupRetentionPeriod, and ${BY_ARN}` },
  'AWS::NeptuneGraph::Graph': { what: 'Neptune graph', remedy: 'take graph snapshots of it on a schedule' },
  'AWS::DynamoDB::Table': {
    what: 'DynamoDB table',
    remedy: `turn on its point-in-time recovery, or ${BY_ARN}`,
    exempt: (resource) => {
      const specification = Stack.of(resource).resolve(
        (resource as dynamodb.CfnTable).pointInTimeRecoverySpecification,
      );
      return specification?.pointInTimeRecoveryEnabled === true;
    },
  },
  'AWS::DynamoDB::GlobalTable': {
    what: 'DynamoDB global table',
    remedy: `turn on the point-in-time recovery of each replica, or ${BY_ARN}`,
    exempt: (resource) => {
      const replicas = Stack.of(resource).resolve((resource as dynamodb.CfnGlobalTable).replicas);
      return (
        Array.isArray(replicas) &&
        replicas.every((replica) => replica.pointInTimeRecoverySpecification?.pointInTimeRecoveryEnabled === true)
      );
    },
  },
  'AWS::Cassandra::Table': { what: 'Keyspaces table', remedy: 'turn on its point-in-time recovery' },
  'AWS::Timestream::Table': { what: 'Timestream table', remedy: BY_ARN },
  'AWS::Timestream::InfluxDBInstance': { what: 'InfluxDB instance', remedy: 'export its buckets on a schedule' },
  'AWS::Redshift::Cluster': {
    what: 'Redshift cluster',
    remedy: `set its automatedSnapshotRetentionPeriod, and ${BY_ARN}`,
  },
  'AWS::RedshiftServerless::Namespace': { what: 'Redshift Serverless namespace', remedy: BY_ARN },
  'AWS::MemoryDB::Cluster': {
    what: 'MemoryDB cluster',
    remedy: 'set its snapshotRetentionLimit and finalSnapshotName, and export snapshots',
  },
  'AWS::ElastiCache::ReplicationGroup': { what: 'cache', remedy: 'apply CacheBackups to it' },
  'AWS::ElastiCache::CacheCluster': {
    what: 'cache',
    remedy: 'apply CacheBackups to it',
    // https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/backups.html: Memcached only when serverless
    exempt: (resource) => isMemcached(resource as elasticache.CfnCacheCluster),
  },
  'AWS::ElastiCache::ServerlessCache': { what: 'cache', remedy: 'apply CacheBackups to it' },
  'AWS::OpenSearchService::Domain': {
    what: 'OpenSearch domain',
    remedy: 'register a snapshot repository of your own: automated snapshots are deleted with the domain',
  },
  'AWS::Elasticsearch::Domain': {
    what: 'Elasticsearch domain',
    remedy: 'register a snapshot repository of your own: automated snapshots are deleted with the domain',
  },
  'AWS::OpenSearchServerless::Collection': {
    what: 'OpenSearch Serverless collection',
    remedy: 'keep its source, from which it can be indexed again',
  },
  'AWS::EFS::FileSystem': {
    what: 'file system',
    remedy: 'select it in BackupTiers (BackupTarget.fileSystem)',
    exempt: (resource) => {
      const { status } = Stack.of(resource).resolve((resource as efs.CfnFileSystem).backupPolicy) ?? {};
      return status === 'ENABLED';
    },
  },
  'AWS::FSx::FileSystem': { what: 'FSx file system', remedy: BY_ARN },
  'AWS::EC2::Volume': { what: 'volume', remedy: 'select it in BackupTiers (BackupTarget.volume)' },
  'AWS::EC2::Instance': {
    what: 'server',
    remedy: `select it in BackupTiers (BackupTarget.server), volumes included, or ${BY_TAG}`,
  },
  'AWS::S3::Bucket': { what: 'bucket', remedy: 'apply BucketBackups to it, or select it in BackupTiers' },
  'AWS::S3Express::DirectoryBucket': { what: 'directory bucket', remedy: 'copy its objects into a bucket of S3' },
  'AWS::S3Tables::TableBucket': { what: 'table bucket', remedy: 'copy its tables into another table bucket' },
};

export function isMemcached({ engine }: elasticache.CfnCacheCluster): boolean {
  return !Token.isUnresolved(engine) && engine?.toLowerCase() === 'memcached';
}
