/** A unit of automated backups: an instance outside of clusters, or a cluster. Members of a cluster are not. */
import { CfnResource } from 'aws-cdk-lib';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type { IConstruct } from 'constructs';
import type { SourceDatabase } from './source-database';

export type DatabaseResource = rds.CfnDBInstance | rds.CfnDBCluster;

export function isDatabase(construct: IConstruct): construct is DatabaseResource {
  return isCluster(construct) || (isInstance(construct) && construct.dbClusterIdentifier === undefined);
}

export function isInstance(construct: IConstruct): construct is rds.CfnDBInstance {
  return CfnResource.isCfnResource(construct) && construct.cfnResourceType === 'AWS::RDS::DBInstance';
}

export function isCluster(construct: IConstruct): construct is rds.CfnDBCluster {
  return CfnResource.isCfnResource(construct) && construct.cfnResourceType === 'AWS::RDS::DBCluster';
}

/** Whether it holds the data of another database, from which it can be created again. */
export function isReplica(database: DatabaseResource): boolean {
  if (isCluster(database)) return database.replicationSourceIdentifier !== undefined;
  return (database.sourceDbInstanceIdentifier ?? database.sourceDbClusterIdentifier) !== undefined;
}

/** Limitless clusters can't keep automated backups after deletion: CloudFormation's note on ClusterScalabilityType. */
export function isLimitless(database: DatabaseResource): boolean {
  return isCluster(database) && database.clusterScalabilityType === 'limitless';
}

/** Why a member of a cluster can't be backed up by itself, as a sentence. */
export function clusterProblems({ engine, resource }: Pick<SourceDatabase, 'engine' | 'resource'>): string[] {
  if (resource?.dbClusterIdentifier === undefined && !/^(aurora|docdb|neptune)/.test(engine ?? '')) return [];
  return [
    `it is an instance of a cluster${engine ? ` (${engine})` : ''}, which RDS backs up as a whole, so RDS would refuse this; ` +
      'apply DatabaseBackups to the cluster, or back the cluster up with BackupTiers',
  ];
}
