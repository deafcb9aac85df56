/** What backs itself up as one: an instance of its own, or a cluster as a whole. Members of a cluster don't. */
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

/** Holds what another database does, and is made anew from it. */
export function isReplica(database: DatabaseResource): boolean {
  if (isCluster(database)) return database.replicationSourceIdentifier !== undefined;
  return (database.sourceDbInstanceIdentifier ?? database.sourceDbClusterIdentifier) !== undefined;
}

/** Such clusters can't keep automated backups after their deletion: CloudFormation's note on ClusterScalabilityType. */
export function isLimitless(database: DatabaseResource): boolean {
  return isCluster(database) && database.clusterScalabilityType === 'limitless';
}

/** Why an instance can't be backed up by itself, where it is one of a cluster, as a sentence. */
export function clusterProblems({ engine, resource }: Pick<SourceDatabase, 'engine' | 'resource'>): string[] {
  if (resource?.dbClusterIdentifier === undefined && !/^(aurora|docdb|neptune)/.test(engine ?? '')) return [];
  return [
    `it is an instance of a cluster${engine ? ` (${engine})` : ''}, which RDS backs up as a whole, so it would refuse this; ` +
      'apply DatabaseBackups to the cluster, or back the cluster up with BackupTiers',
  ];
}
