/** RDS's operations on instances. */
import type * as rds from '@aws-sdk/client-rds';
import { InvalidDBInstanceStateFault } from '@aws-sdk/client-rds';
import { notModelled, QueryError } from '../server/query-protocol';
import { Instance } from './instance';
import { type InstanceSettings, newSettings, settle } from './instance-settings';
import { operation } from './operation';
import { filtering, page } from './paging';
import { checkedTags } from './tags';

/** Parameters that define an instance, in every operation that makes or changes one. */
export const SETTINGS = [
  'DBInstanceClass',
  'AllocatedStorage',
  'MaxAllocatedStorage',
  'StorageType',
  'Iops',
  'StorageThroughput',
  'LicenseModel',
  'MultiAZ',
  'PubliclyAccessible',
  'AutoMinorVersionUpgrade',
  'CopyTagsToSnapshot',
  'DeletionProtection',
  'BackupRetentionPeriod',
  'PreferredBackupWindow',
  'CACertificateIdentifier',
  'DBSubnetGroupName',
  'VpcSecurityGroupIds',
  'DBParameterGroupName',
  'OptionGroupName',
] as const;

/** Features that are off here. Requests to turn one on are refused; requests that turn it off are not. */
const OFF = [
  'EnableIAMDatabaseAuthentication',
  'ManageMasterUserPassword',
  'MultiTenant',
  'DedicatedLogVolume',
] as const;

/** Refuses what would have no effect. */
export function refuseWhatIsOff(input: object): void {
  for (const [name, value] of Object.entries(input)) {
    if ((OFF as readonly string[]).includes(name) && value === true) throw notModelled(name);
    if (name === 'MonitoringInterval' && value !== 0) throw notModelled('enhanced monitoring');
    if (name === 'EnablePerformanceInsights' && value === true) throw notModelled('Performance Insights');
    if ((name === 'Port' || name === 'DBPortNumber') && value !== 5432) {
      throw notModelled('a port of your choice', 'instances serve at what Endpoint says, on Linux port 5432');
    }
  }
}
export const REFUSED_UNLESS_OFF = [...OFF, 'MonitoringInterval', 'EnablePerformanceInsights'] as const;

export const instanceOperations = [
  operation<rds.CreateDBInstanceMessage, rds.CreateDBInstanceResult>(
    'CreateDBInstance',
    [
      ...SETTINGS,
      ...REFUSED_UNLESS_OFF,
      'DBInstanceIdentifier',
      'Engine',
      'EngineVersion',
      'DBName',
      'MasterUsername',
      'MasterUserPassword',
      'PreferredMaintenanceWindow',
      'AvailabilityZone',
      'Port',
      'StorageEncrypted',
      'KmsKeyId',
      'Tags',
    ],
    async (region, input) => {
      refuseWhatIsOff(input);
      const name = region.freeInstanceName(input.DBInstanceIdentifier!);
      region.checkInstanceQuota();
      const settings = newSettings(region, input);
      const password = checkedPassword(input.MasterUserPassword);
      const instance = new Instance(region, name, settings, checkedTags(input.Tags));
      instance.create(password);
      return { DBInstance: await instance.describe() };
    },
  ),

  operation<rds.DescribeDBInstancesMessage, rds.DBInstanceMessage>(
    'DescribeDBInstances',
    ['DBInstanceIdentifier', 'Filters', 'MaxRecords', 'Marker'],
    async (region, input) => {
      const passes = filtering<Instance>(input.Filters, {
        'db-instance-id': ({ identifier }) => identifier,
        'dbi-resource-id': ({ resourceId }) => resourceId,
        engine: ({ settings }) => settings.Engine,
      });
      const name = input.DBInstanceIdentifier?.replace(/^arn:.*:db:/, '');
      const found = [...(name ? [region.instance(name)] : region.instances.values())].filter(passes);
      const { items, Marker } = page(found, ({ identifier }) => identifier, input);
      return { DBInstances: await Promise.all(items.map((instance) => instance.describe())), Marker };
    },
  ),

  operation<rds.ModifyDBInstanceMessage, rds.ModifyDBInstanceResult>(
    'ModifyDBInstance',
    [
      ...SETTINGS,
      ...REFUSED_UNLESS_OFF,
      'DBInstanceIdentifier',
      'ApplyImmediately',
      'MasterUserPassword',
      'NewDBInstanceIdentifier',
      'PreferredMaintenanceWindow',
      'DBPortNumber',
    ],
    async (region, input) => {
      refuseWhatIsOff(input);
      const instance = region.instance(input.DBInstanceIdentifier!);
      instance.assertAvailable();
      // What was pending is applied along with what is applied immediately.
      const { MasterUserPassword: _, DBInstanceIdentifier: waitingName, ...waiting } = instance.pending;
      const base = input.ApplyImmediately ? { ...instance.settings, ...waiting } : instance.settings;
      const settings = settle(region, input, base as InstanceSettings);
      if (instance.replication && input.MasterUserPassword !== undefined) {
        throw combination("A read replica has its source's master password; modify that.");
      }
      if (instance.replicas.size > 0 && settings.BackupRetentionPeriod === 0) {
        throw combination('Automated backups of a source of read replicas cannot be disabled; delete those first.');
      }
      const password = input.MasterUserPassword === undefined ? undefined : checkedPassword(input.MasterUserPassword);
      const wanted = input.NewDBInstanceIdentifier ?? (input.ApplyImmediately ? waitingName : undefined);
      const name = wanted && region.freeInstanceName(wanted);
      if (input.ApplyImmediately) instance.pending = {};
      else postpone(instance, settings, name);
      if (password !== undefined) instance.pending.MasterUserPassword = '****';
      if (name) instance.pending.DBInstanceIdentifier = name;
      const isRenamed = name && input.ApplyImmediately;
      const answer = { DBInstance: { ...(await instance.describe()), PendingModifiedValues: { ...instance.pending } } };
      instance.modify({ settings, password, name: isRenamed ? name : undefined });
      return answer;
    },
  ),

  operation<rds.DeleteDBInstanceMessage, rds.DeleteDBInstanceResult>(
    'DeleteDBInstance',
    ['DBInstanceIdentifier', 'SkipFinalSnapshot', 'FinalDBSnapshotIdentifier', 'DeleteAutomatedBackups'],
    async (region, input) => {
      const instance = region.instance(input.DBInstanceIdentifier!);
      if (instance.status === 'deleting') {
        const message = `Instance ${instance.identifier} is already being deleted.`;
        throw new InvalidDBInstanceStateFault({ message, $metadata: {} });
      }
      if (instance.settings.DeletionProtection) {
        throw combination('Cannot delete protected DB Instance, please disable deletion protection and try again.');
      }
      const last = input.FinalDBSnapshotIdentifier;
      if (last && instance.replication) {
        throw combination('FinalDBSnapshotIdentifier can not be specified when deleting a replica instance');
      }
      if (!input.SkipFinalSnapshot && !last) {
        throw combination('FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.');
      }
      if (input.SkipFinalSnapshot && last) {
        throw combination('FinalDBSnapshotIdentifier can not be specified when deleting with SkipFinalSnapshot.');
      }
      // RDS's documentation doesn't say whether an instance can be deleted while `creating`; here it can, so that a
      // stuck one can be removed.
      if (last && instance.status !== 'available') instance.assertAvailable();
      const finalSnapshot = last && region.freeSnapshotName(last);
      const keepBackups = input.DeleteAutomatedBackups === false && instance.settings.BackupRetentionPeriod > 0;
      instance.delete({ finalSnapshot, keepBackups });
      return { DBInstance: await instance.describe() };
    },
  ),

  operation<rds.RebootDBInstanceMessage, rds.RebootDBInstanceResult>(
    'RebootDBInstance',
    ['DBInstanceIdentifier'],
    async (region, input) => {
      const instance = region.instance(input.DBInstanceIdentifier!);
      instance.assertAvailable();
      instance.reboot();
      return { DBInstance: await instance.describe() };
    },
  ),
];

/** Changes that wait for the maintenance window on RDS; a rehearsal has no window, so they would wait for ever. */
function postpone(instance: Instance, settings: InstanceSettings, name: string | undefined): void {
  const before = instance.settings;
  for (const key of ['DBInstanceClass', 'MultiAZ', 'StorageType', 'Iops', 'StorageThroughput'] as const) {
    if (settings[key] === before[key]) continue;
    Object.assign(instance.pending, { [key]: settings[key] });
    Object.assign(settings, { [key]: before[key] });
  }
  // Switching backups on or off restarts the instance; between other periods it applies at once.
  const isSwitched = (settings.BackupRetentionPeriod === 0) !== (before.BackupRetentionPeriod === 0);
  if (isSwitched) {
    instance.pending.BackupRetentionPeriod = settings.BackupRetentionPeriod;
    settings.BackupRetentionPeriod = before.BackupRetentionPeriod;
  }
  if (name) instance.pending.DBInstanceIdentifier = name;
}

function checkedPassword(password: string | undefined): string {
  if (password === undefined) {
    throw new QueryError('InvalidParameterValue', 'The parameter MasterUserPassword must be provided.');
  }
  if (password.length >= 8 && password.length <= 128 && /^[\x21-\x7e]*$/.test(password) && !/[/@"]/.test(password)) {
    return password;
  }
  throw new QueryError(
    'InvalidParameterValue',
    'The parameter MasterUserPassword is not a valid password. It has 8 to 128 printable ASCII characters, ' +
      "without '/', '@', '\"', ' '.",
  );
}

function combination(message: string): QueryError {
  return new QueryError('InvalidParameterCombination', message);
}
