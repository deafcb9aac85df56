/** RDS's operations on automated backups: describing and deleting them, and replicating them to the called region. */
import type * as rds from '@aws-sdk/client-rds';
import {
  DBInstanceAutomatedBackupQuotaExceededFault,
  InvalidDBInstanceAutomatedBackupStateFault,
  InvalidDBInstanceStateFault,
} from '@aws-sdk/client-rds';
import { QueryError } from '../server/query-protocol';
import { keyArn } from './encryption-key';
import type { Instance } from './instance';
import { operation } from './operation';
import { filtering, page } from './paging';
import type { RdsRegion } from './region-state';
import { ReplicatedBackup, type ReplicationTerms } from './replicated-backup';
import { describeRestorable, type Restorable } from './restorable';
import { checkedTags } from './tags';

/** Into one region. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/AutomatedBackups.Replicating.Enable.html */
const REPLICATIONS = 20;

export const backupOperations = [
  operation<rds.DescribeDBInstanceAutomatedBackupsMessage, rds.DBInstanceAutomatedBackupMessage>(
    'DescribeDBInstanceAutomatedBackups',
    ['DbiResourceId', 'DBInstanceIdentifier', 'DBInstanceAutomatedBackupsArn', 'Filters', 'MaxRecords', 'Marker'],
    async (region, input) => {
      const passes = filtering<Restorable>(input.Filters, {
        'dbi-resource-id': ({ resourceId }) => resourceId,
        'db-instance-id': ({ source }) => source.identifier,
        status: ({ status }) => status,
      });
      const found = region
        .restorables()
        .filter(
          (backup) =>
            backup.source.settings.BackupRetentionPeriod > 0 &&
            (input.DbiResourceId ?? backup.resourceId).toUpperCase() === backup.resourceId.toUpperCase() &&
            (input.DBInstanceIdentifier?.toLowerCase() ?? backup.source.identifier) === backup.source.identifier &&
            (input.DBInstanceAutomatedBackupsArn ?? backup.arn) === backup.arn &&
            passes(backup),
        );
      if (input.DBInstanceAutomatedBackupsArn) region.restorable(input.DBInstanceAutomatedBackupsArn);
      const { items, Marker } = page(found, ({ arn }) => arn, input);
      return { DBInstanceAutomatedBackups: await Promise.all(items.map(describeRestorable)), Marker };
    },
  ),

  operation<rds.DeleteDBInstanceAutomatedBackupMessage, rds.DeleteDBInstanceAutomatedBackupResult>(
    'DeleteDBInstanceAutomatedBackup',
    ['DbiResourceId', 'DBInstanceAutomatedBackupsArn'],
    async (region, input) => {
      const { DbiResourceId, DBInstanceAutomatedBackupsArn: arn } = input;
      if ((DbiResourceId === undefined) === (arn === undefined)) {
        const message = 'Exactly one of DbiResourceId and DBInstanceAutomatedBackupsArn must be specified.';
        throw new QueryError('InvalidParameterCombination', message);
      }
      const backup = arn === undefined ? region.backupOf(DbiResourceId!) : region.restorable(arn);
      if (backup.status !== 'retained') {
        const message = `The automated backup of ${backup.source.identifier} is ${backup.status}; only what is retained can be deleted.`;
        throw new InvalidDBInstanceAutomatedBackupStateFault({ message, $metadata: {} });
      }
      const shown = await describeRestorable(backup);
      await backup.remove();
      return { DBInstanceAutomatedBackup: { ...shown, Status: 'deleting' } };
    },
  ),

  operation<
    rds.StartDBInstanceAutomatedBackupsReplicationMessage,
    rds.StartDBInstanceAutomatedBackupsReplicationResult
  >(
    'StartDBInstanceAutomatedBackupsReplication',
    ['SourceDBInstanceArn', 'BackupRetentionPeriod', 'KmsKeyId', 'Tags', 'PreSignedUrl'],
    async (region, input) => {
      const instance = sourceOf(region, input.SourceDBInstanceArn!);
      instance.assertAvailable();
      if (instance.settings.BackupRetentionPeriod === 0) {
        const message = `Automated backups are not enabled for ${instance.identifier}, so there is nothing to replicate.`;
        throw new InvalidDBInstanceStateFault({ message, $metadata: {} });
      }
      const terms = termsOf(region, instance, input);
      const before = replicaOf(region, instance);
      const replica = before ? resumed(before, instance, terms) : begun(region, instance, terms);
      return { DBInstanceAutomatedBackup: await describeRestorable(replica) };
    },
  ),

  operation<rds.StopDBInstanceAutomatedBackupsReplicationMessage, rds.StopDBInstanceAutomatedBackupsReplicationResult>(
    'StopDBInstanceAutomatedBackupsReplication',
    ['SourceDBInstanceArn'],
    async (region, input) => {
      const instance = sourceOf(region, input.SourceDBInstanceArn!);
      const replica = replicaOf(region, instance);
      if (!replica || replica.status === 'retained') {
        const message = `The automated backups of ${instance.identifier} are not replicated to ${region.name}.`;
        throw new InvalidDBInstanceStateFault({ message, $metadata: {} });
      }
      await replica.sync('now');
      const shown = await describeRestorable(replica); // RDS answers with the state before
      replica.stop();
      return { DBInstanceAutomatedBackup: shown };
    },
  ),
];

function sourceOf(region: RdsRegion, arn: string): Instance {
  const instance = region.instanceAt(arn);
  if (instance.arn.split(':')[3] !== region.name) return instance;
  const message = 'Automated backups are replicated to another region: call the one they shall go to.';
  throw new QueryError('InvalidParameterValue', message);
}

function replicaOf(region: RdsRegion, instance: Instance): ReplicatedBackup | undefined {
  return [...region.replicatedBackups.values()].find(({ resourceId }) => resourceId === instance.resourceId);
}

function termsOf(
  region: RdsRegion,
  { settings }: Instance,
  input: rds.StartDBInstanceAutomatedBackupsReplicationMessage,
): ReplicationTerms {
  const retention = input.BackupRetentionPeriod ?? settings.BackupRetentionPeriod;
  if (!Number.isInteger(retention) || retention < 1 || retention > 35) {
    throw new QueryError('InvalidParameterValue', `Invalid backup retention period: ${retention}. It is 1 to 35 days.`);
  }
  if (settings.StorageEncrypted && !input.KmsKeyId) {
    throw new QueryError('InvalidParameterValue', 'Encrypted instances require a valid KMS key ID');
  }
  if (!settings.StorageEncrypted && input.KmsKeyId) {
    const message = 'KmsKeyId cannot be specified for the backups of an instance that is not encrypted.';
    throw new QueryError('InvalidParameterCombination', message);
  }
  const key = input.KmsKeyId && keyArn(region.name, input.KmsKeyId, 'target');
  return { retention, key, tags: checkedTags(input.Tags) };
}

function begun(region: RdsRegion, instance: Instance, terms: ReplicationTerms): ReplicatedBackup {
  const count = [...region.replicatedBackups.values()].filter(({ status }) => status !== 'retained').length;
  if (count < REPLICATIONS) return new ReplicatedBackup(region, instance.automated, terms);
  const message = `Automated backups of ${REPLICATIONS} instances are replicated to ${region.name} already; that is the limit.`;
  throw new DBInstanceAutomatedBackupQuotaExceededFault({ message, $metadata: {} });
}

/** Resumes the replication of retained backups, under their key. */
function resumed(before: ReplicatedBackup, instance: Instance, terms: ReplicationTerms): ReplicatedBackup {
  const refuse = (message: string) => new InvalidDBInstanceAutomatedBackupStateFault({ message, $metadata: {} });
  if (before.status !== 'retained') {
    throw refuse(`The automated backups of ${instance.identifier} are replicated to this region already.`);
  }
  if (before.terms.key !== terms.key) {
    throw refuse(
      `Backups of ${instance.identifier} are retained under another KMS key; name that one, or delete them.`,
    );
  }
  before.terms = terms;
  before.follow(instance.automated);
  return before;
}
