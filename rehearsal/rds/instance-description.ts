/**
 * An instance as RDS describes it: modelled settings as they are, and the others as RDS shows them when they are off.
 */
import type { DBInstance, DBInstanceStatusInfo } from '@aws-sdk/client-rds';
import type { Cluster } from '../postgres/cluster';
import { isStreaming } from '../postgres/streaming-replica';
import { encryptionType } from './encryption-key';
import type { Instance } from './instance';
import type { Replication } from './instance-replication';
import type { RdsRegion } from './region-state';

export async function describeInstance(instance: Instance, region: RdsRegion): Promise<DBInstance> {
  const { settings, cluster, replication } = instance;
  const { subnetGroup, securityGroups, parameterGroup, optionGroup, ...shown } = settings;
  const backups = settings.BackupRetentionPeriod > 0 && instance.status !== 'creating';
  const window = backups ? await instance.automated.window() : undefined;
  return {
    ...shown,
    DBInstanceIdentifier: instance.identifier,
    DBInstanceArn: instance.arn,
    DbiResourceId: instance.resourceId,
    DBInstanceStatus: instance.status,
    InstanceCreateTime: instance.status === 'creating' ? undefined : instance.created,
    Endpoint:
      instance.hasEndpoint && cluster
        ? { Address: cluster.host, Port: cluster.port, HostedZoneId: 'Z0LOCAL' }
        : undefined,
    DbInstancePort: 0,
    StorageEncryptionType: encryptionType(settings),
    LatestRestorableTime: window?.latest,
    PendingModifiedValues: instance.pending,
    DBSubnetGroup: region.subnetGroup(subnetGroup),
    VpcSecurityGroups: securityGroups.map((id) => ({ VpcSecurityGroupId: id, Status: 'active' })),
    DBParameterGroups: [{ DBParameterGroupName: parameterGroup, ParameterApplyStatus: 'in-sync' }],
    OptionGroupMemberships: [{ OptionGroupName: optionGroup, Status: 'in-sync' }],
    DBSecurityGroups: [],
    DBInstanceAutomatedBackupsReplications: instance.automated.replications.map((arn) => ({
      DBInstanceAutomatedBackupsArn: arn,
    })),
    ReadReplicaDBInstanceIdentifiers: [...instance.replicas].map((replica) => nameIn(region, replica.arn)),
    ReadReplicaSourceDBInstanceIdentifier: replication && nameIn(region, replication.leaderArn),
    StatusInfos: replication && [await replicationStatus(replication, cluster)],
    DomainMemberships: [],
    AssociatedRoles: [],
    MonitoringInterval: 0,
    IAMDatabaseAuthenticationEnabled: false,
    PerformanceInsightsEnabled: false,
    CustomerOwnedIpEnabled: false,
    NetworkType: 'IPV4',
    BackupTarget: 'region',
    ActivityStreamStatus: 'stopped',
    MultiTenant: false,
    DedicatedLogVolume: false,
    TagList: instance.tags,
  };
}

/** Instances of the region go by their name, others by their ARN. */
function nameIn(region: RdsRegion, arn: string): string {
  const [, home, name] = /^arn:[^:]*:rds:([^:]*):[^:]*:db:(.*)$/.exec(arn)!;
  return home === region.name ? name! : arn;
}

async function replicationStatus(
  { leader, leaderArn }: Replication,
  cluster: Cluster | undefined,
): Promise<DBInstanceStatusInfo> {
  const StatusType = 'read replication';
  if (!leader) {
    return { StatusType, Normal: false, Status: 'terminated', Message: `${leaderArn} was deleted; promote or delete` };
  }
  if (cluster && (await isStreaming(cluster))) return { StatusType, Normal: true, Status: 'replicating' };
  return { StatusType, Normal: false, Status: 'error', Message: `nothing streams from ${leaderArn}` };
}
