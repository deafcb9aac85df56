/** RDS's operations on read replicas. */
import type * as rds from '@aws-sdk/client-rds';
import { InvalidDBInstanceStateFault } from '@aws-sdk/client-rds';
import { notModelled, QueryError } from '../server/query-protocol';
import { Instance } from './instance';
import { REFUSED_UNLESS_OFF, refuseWhatIsOff, SETTINGS } from './instance-operations';
import { promoteReplica, replicate } from './instance-replication';
import { replicaSettings, settle } from './instance-settings';
import { operation } from './operation';
import type { RdsRegion } from './region-state';
import { checkedTags } from './tags';

/** https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstanceReadReplica.html */
const REPLICAS = 15;

const TAKEN_OVER = ['BackupRetentionPeriod', 'PreferredBackupWindow', 'LicenseModel'] as const;
const OF_REPLICAS = SETTINGS.filter((name) => !(TAKEN_OVER as readonly string[]).includes(name)) as Exclude<
  (typeof SETTINGS)[number],
  (typeof TAKEN_OVER)[number]
>[];
const OFF = REFUSED_UNLESS_OFF.filter(
  (name) => name !== 'ManageMasterUserPassword' && name !== 'MultiTenant',
) as Exclude<(typeof REFUSED_UNLESS_OFF)[number], 'ManageMasterUserPassword' | 'MultiTenant'>[];

export const replicaOperations = [
  operation<rds.CreateDBInstanceReadReplicaMessage, rds.CreateDBInstanceReadReplicaResult>(
    'CreateDBInstanceReadReplica',
    [
      ...OF_REPLICAS,
      ...OFF,
      'DBInstanceIdentifier',
      'SourceDBInstanceIdentifier',
      'AvailabilityZone',
      'KmsKeyId',
      'Port',
      'PreSignedUrl',
      'Tags',
    ],
    async (region, input) => {
      refuseWhatIsOff(input);
      const leader = leaderOf(region, input.SourceDBInstanceIdentifier);
      const name = region.freeInstanceName(input.DBInstanceIdentifier!);
      region.checkInstanceQuota();
      leader.assertAvailable();
      if (leader.settings.BackupRetentionPeriod === 0) {
        throw state('Automated backups are not enabled for this database instance, so it cannot have read replicas.');
      }
      if (leader.replicas.size >= REPLICAS) {
        throw state(`${leader.identifier} has ${REPLICAS} read replicas already; that is the limit.`);
      }
      const settings = replicaSettings(region, leader, input);
      const replica = new Instance(region, name, settings, checkedTags(input.Tags));
      replicate(replica, leader);
      return { DBInstance: await replica.describe() };
    },
  ),

  operation<rds.PromoteReadReplicaMessage, rds.PromoteReadReplicaResult>(
    'PromoteReadReplica',
    ['DBInstanceIdentifier', 'BackupRetentionPeriod', 'PreferredBackupWindow'],
    async (region, input) => {
      const replica = region.instance(input.DBInstanceIdentifier!);
      if (!replica.replication) throw state(`DB Instance ${replica.identifier} is not a read replica.`);
      replica.assertAvailable(); // `backing-up` above all: RDS refuses to promote meanwhile
      const BackupRetentionPeriod = input.BackupRetentionPeriod ?? (replica.settings.BackupRetentionPeriod || 1);
      const settings = settle(region, { ...input, BackupRetentionPeriod }, replica.settings);
      if (settings.BackupRetentionPeriod === 0 && replica.replicas.size > 0) {
        const message = 'Automated backups of a source of read replicas cannot be disabled; delete those first.';
        throw new QueryError('InvalidParameterCombination', message);
      }
      promoteReplica(replica, settings);
      return { DBInstance: await replica.describe() };
    },
  ),
];

/** By name in this region, by ARN in any. */
function leaderOf(region: RdsRegion, identifier: string | undefined): Instance {
  if (identifier === undefined) throw notModelled('a replica of anything but a DB instance');
  return identifier.startsWith('arn:') ? region.instanceAt(identifier) : region.instance(identifier);
}

function state(message: string): InvalidDBInstanceStateFault {
  return new InvalidDBInstanceStateFault({ message, $metadata: {} });
}
