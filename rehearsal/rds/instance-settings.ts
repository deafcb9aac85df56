/** What is settled about an instance: shown to clients, kept by snapshots, inherited or not by restores. */
import type {
  CreateDBInstanceMessage,
  CreateDBInstanceReadReplicaMessage,
  RestoreDBInstanceFromDBSnapshotMessage,
} from '@aws-sdk/client-rds';
import { notModelled, QueryError } from '../server/query-protocol';
import { DEFAULT_KEY, keyArn } from './encryption-key';
import type { RdsRegion } from './region-state';

export interface InstanceSettings {
  DBInstanceClass: string;
  Engine: string;
  EngineVersion: string;
  LicenseModel: string;
  AllocatedStorage: number;
  MaxAllocatedStorage?: number;
  StorageType: string;
  StorageEncrypted: boolean;
  KmsKeyId?: string;
  Iops?: number;
  StorageThroughput?: number;
  MasterUsername: string;
  DBName?: string;
  MultiAZ: boolean;
  PubliclyAccessible: boolean;
  AutoMinorVersionUpgrade: boolean;
  CopyTagsToSnapshot: boolean;
  DeletionProtection: boolean;
  BackupRetentionPeriod: number;
  PreferredBackupWindow: string;
  PreferredMaintenanceWindow: string;
  AvailabilityZone: string;
  CACertificateIdentifier: string;
  subnetGroup: string;
  securityGroups: string[];
  parameterGroup: string;
  optionGroup: string;
}

/** Settings of a new instance, with AWS's defaults. */
export function newSettings(region: RdsRegion, input: CreateDBInstanceMessage): InstanceSettings {
  if (input.Engine !== 'postgres') throw notModelled(`the engine '${input.Engine}'`, 'it runs postgres');
  if (!input.MasterUsername) {
    throw new QueryError('InvalidParameterValue', 'The parameter MasterUsername must be provided.');
  }
  return settle(region, input, {
    DBInstanceClass: input.DBInstanceClass!,
    Engine: 'postgres',
    EngineVersion: modelledVersion(region, input.EngineVersion),
    LicenseModel: 'postgresql-license',
    AllocatedStorage: input.AllocatedStorage ?? 20,
    StorageType: 'gp2',
    ...encryption(region, input),
    MasterUsername: input.MasterUsername,
    DBName: input.DBName,
    BackupRetentionPeriod: 1,
    PreferredBackupWindow: '03:00-03:30',
    PreferredMaintenanceWindow: 'sun:05:00-sun:05:30',
    AvailabilityZone: `${region.name}a`,
    CACertificateIdentifier: 'rds-ca-rsa2048-g1',
    ...defaultsOfAnyNewInstance(region),
  });
}

function encryption(region: RdsRegion, input: CreateDBInstanceMessage) {
  if (input.KmsKeyId && !input.StorageEncrypted) {
    throw new QueryError('InvalidParameterCombination', 'KmsKeyId needs StorageEncrypted to be true.');
  }
  if (!input.StorageEncrypted) return { StorageEncrypted: false };
  return { StorageEncrypted: true, KmsKeyId: keyArn(region.name, input.KmsKeyId ?? DEFAULT_KEY) };
}

/**
 * Settings of a restored instance: what describes the data comes from the source, but groups, Multi-AZ, deletion
 * protection and copying of tags fall to AWS's defaults unless they are passed.
 */
export function restoredSettings(
  region: RdsRegion,
  source: InstanceSettings,
  input: Omit<RestoreDBInstanceFromDBSnapshotMessage, 'DBInstanceIdentifier'>,
): InstanceSettings {
  if (input.Engine !== undefined && input.Engine !== source.Engine) throw notModelled(`restoring to ${input.Engine}`);
  if (input.DBName !== undefined && input.DBName !== source.DBName) {
    throw new QueryError('InvalidParameterValue', 'DBName cannot be specified when restoring PostgreSQL.');
  }
  if (input.AllocatedStorage !== undefined && input.AllocatedStorage < source.AllocatedStorage) {
    throw new QueryError('InvalidParameterValue', 'The allocated storage can not be smaller than that of the source.');
  }
  return settle(region, input, {
    ...source,
    MaxAllocatedStorage: undefined,
    AvailabilityZone: `${region.name}a`, // the source's may be another region's
    ...defaultsOfAnyNewInstance(region),
  });
}

/** Settings of a read replica: those of its leader, without backups; groups stay behind in the leader's region. */
export function replicaSettings(
  region: RdsRegion,
  leader: { readonly region: RdsRegion; readonly settings: InstanceSettings },
  input: Omit<CreateDBInstanceReadReplicaMessage, 'DBInstanceIdentifier'>,
): InstanceSettings {
  const { settings } = leader;
  const isLocal = leader.region === region;
  const combination = (message: string) => new QueryError('InvalidParameterCombination', message);
  if (!settings.StorageEncrypted && input.KmsKeyId) {
    throw combination('Cannot create an encrypted read replica from an unencrypted source.');
  }
  if (settings.StorageEncrypted && !input.KmsKeyId && !isLocal) {
    throw combination('Cannot create a cross region unencrypted read replica from encrypted source.');
  }
  const { subnetGroup, securityGroups, parameterGroup, optionGroup } = settings;
  return settle(region, input, {
    ...settings,
    ...defaultsOfAnyNewInstance(region),
    ...(isLocal ? { subnetGroup, securityGroups, parameterGroup, optionGroup } : {}),
    ...(input.KmsKeyId ? { KmsKeyId: keyArn(region.name, input.KmsKeyId) } : {}),
    AutoMinorVersionUpgrade: settings.AutoMinorVersionUpgrade,
    AvailabilityZone: `${region.name}a`,
    BackupRetentionPeriod: 0,
  });
}

function defaultsOfAnyNewInstance(region: RdsRegion) {
  return {
    MultiAZ: false,
    PubliclyAccessible: false,
    AutoMinorVersionUpgrade: true,
    CopyTagsToSnapshot: false,
    DeletionProtection: false,
    subnetGroup: 'default',
    securityGroups: ['sg-default'],
    parameterGroup: `default.${region.parameterFamily}`,
    optionGroup: `default:${region.parameterFamily.replace('postgres', 'postgres-')}`,
  };
}

/** Parameters that carry the same name as the setting they change, whichever operation takes them. */
const SAME_NAME = [
  'DBInstanceClass',
  'LicenseModel',
  'AllocatedStorage',
  'MaxAllocatedStorage',
  'StorageType',
  'Iops',
  'StorageThroughput',
  'MultiAZ',
  'PubliclyAccessible',
  'AutoMinorVersionUpgrade',
  'CopyTagsToSnapshot',
  'DeletionProtection',
  'BackupRetentionPeriod',
  'PreferredBackupWindow',
  'PreferredMaintenanceWindow',
  'AvailabilityZone',
  'CACertificateIdentifier',
] as const;

type Changes = Partial<Pick<InstanceSettings, (typeof SAME_NAME)[number]>> & {
  DBSubnetGroupName?: string;
  VpcSecurityGroupIds?: string[];
  DBParameterGroupName?: string;
  OptionGroupName?: string;
};

/** Applies a request's parameters to settings, and refuses what AWS refuses. */
export function settle(region: RdsRegion, input: Changes, before: InstanceSettings): InstanceSettings {
  const settings: InstanceSettings = { ...before };
  for (const name of SAME_NAME) {
    if (input[name] !== undefined) Object.assign(settings, { [name]: input[name] });
  }
  if (input.DBSubnetGroupName) settings.subnetGroup = region.subnetGroup(input.DBSubnetGroupName).name;
  if (input.DBParameterGroupName) settings.parameterGroup = region.parameterGroup(input.DBParameterGroupName).name;
  if (input.OptionGroupName && input.OptionGroupName !== before.optionGroup) {
    throw notModelled(`the option group '${input.OptionGroupName}'`, `PostgreSQL has only '${before.optionGroup}'`);
  }
  const foreign = input.VpcSecurityGroupIds?.find((id) => !id.startsWith('sg-'));
  if (foreign)
    throw new QueryError('InvalidParameterValue', `Invalid security group , groupId= ${foreign}, groupName=.`);
  if (input.VpcSecurityGroupIds?.length) settings.securityGroups = [...input.VpcSecurityGroupIds];
  validate(settings);
  return settings;
}

function validate(settings: InstanceSettings): void {
  const refuse = (message: string) => new QueryError('InvalidParameterValue', message);
  const { DBInstanceClass, BackupRetentionPeriod, PreferredBackupWindow } = settings;
  if (!/^db\.[a-z0-9-]+\.[a-z0-9]+$/.test(DBInstanceClass)) {
    throw refuse(`Invalid DB Instance class: ${DBInstanceClass}`);
  }
  if (!Number.isInteger(BackupRetentionPeriod) || BackupRetentionPeriod < 0 || BackupRetentionPeriod > 35) {
    throw refuse(`Invalid backup retention period: ${BackupRetentionPeriod}. Must be between 0 and 35.`);
  }
  const window = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/.exec(PreferredBackupWindow);
  if (!window) throw refuse(`Invalid backup window format: ${PreferredBackupWindow}. Should be hh24:mi-hh24:mi.`);
  const [from, to] = [Number(window[1]) * 60 + Number(window[2]), Number(window[3]) * 60 + Number(window[4])];
  if ((to - from + 1440) % 1440 < 30) throw refuse('The backup window must be at least 30 minutes.');
}

function modelledVersion(region: RdsRegion, asked: string | undefined): string {
  const { engineVersion } = region;
  if (asked === undefined || asked === engineVersion || asked === engineVersion.split('.')[0]) return engineVersion;
  throw notModelled(`PostgreSQL ${asked}`, `it runs ${engineVersion}`);
}
