/** Settings of an instance: shown to clients, kept by snapshots, partly inherited by restores. */
import type {
  CreateDBInstanceMessage,
  CreateDBInstanceReadReplicaMessage,
  RestoreDBInstanceFromDBSnapshotMessage,
} from '@aws-sdk/client-rds';
import { dailyWindow, type Window, weeklyWindow, windowsOverlap } from '../../lambda/contract';
import { shown } from '../server/call';
import { notModelled, QueryError } from '../server/query-protocol';
import { DEFAULT_KEY, keyArn } from './encryption-key';
import { refuseEngine, refuseNames, refuseSettings, refuseZone } from './instance-limits';
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
  refuseEngine(input.Engine!);
  refuseNames(input.MasterUsername, input.DBName);
  return settled(region, input, {
    DBInstanceClass: input.DBInstanceClass!,
    Engine: 'postgres',
    EngineVersion: modelledVersion(region, input.EngineVersion),
    LicenseModel: 'postgresql-license',
    AllocatedStorage: input.AllocatedStorage ?? 20,
    StorageType: input.Iops === undefined ? 'gp3' : 'io1',
    ...encryption(region, input),
    MasterUsername: input.MasterUsername!,
    DBName: input.DBName,
    BackupRetentionPeriod: 1,
    ...freeWindows(input),
    AvailabilityZone: `${region.name}a`,
    CACertificateIdentifier: 'rds-ca-rsa2048-g1',
    ...defaultsOfAnyNewInstance(region),
  });
}

/** RDS chooses windows that don't overlap each other or a given one. */
function freeWindows({ PreferredBackupWindow, PreferredMaintenanceWindow }: CreateDBInstanceMessage) {
  const hours = ['03', '05', '09', '15', '21'];
  const [backup, maintenance] = [
    dailyWindow(PreferredBackupWindow ?? ''),
    weeklyWindow(PreferredMaintenanceWindow ?? ''),
  ];
  const daily = hours.map((hour) => `${hour}:00-${hour}:30`);
  const weekly = hours.map((hour) => `sun:${hour}:00-sun:${hour}:30`);
  const isFree = (day: Window, week: Window) => !windowsOverlap(day, week);
  return {
    PreferredBackupWindow:
      daily.find((window) => !maintenance || isFree(dailyWindow(window)!, maintenance)) ?? daily[0]!,
    PreferredMaintenanceWindow:
      weekly.slice(1).find((window) => !backup || isFree(backup, weeklyWindow(window)!)) ?? weekly[1]!,
  };
}

function encryption(region: RdsRegion, input: CreateDBInstanceMessage) {
  if (input.KmsKeyId && !input.StorageEncrypted) {
    throw new QueryError('InvalidParameterCombination', 'KmsKeyId needs StorageEncrypted to be true.');
  }
  if (!input.StorageEncrypted) return { StorageEncrypted: false };
  return { StorageEncrypted: true, KmsKeyId: keyArn(region.name, input.KmsKeyId ?? DEFAULT_KEY) };
}

/**
 * Settings of a restored instance: those that describe the data come from the source, but groups, Multi-AZ, deletion
 * protection and copying of tags get AWS's defaults unless they are passed.
 */
export function restoredSettings(
  region: RdsRegion,
  source: InstanceSettings,
  input: Omit<RestoreDBInstanceFromDBSnapshotMessage, 'DBInstanceIdentifier'>,
): InstanceSettings {
  if (input.Engine !== undefined && input.Engine !== source.Engine)
    throw notModelled(`restoring to ${shown(input.Engine)}`);
  if (input.DBName !== undefined && input.DBName !== source.DBName) {
    throw new QueryError('InvalidParameterValue', 'DBName cannot be specified when restoring PostgreSQL.');
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

/**
 * Applies a request's parameters to the settings of an existing instance, or to those that a new one is made from.
 *
 * @throws QueryError for what RDS refuses
 */
export function settle(region: RdsRegion, input: Changes, before: InstanceSettings): InstanceSettings {
  return settled(region, input, before, before);
}

function settled(
  region: RdsRegion,
  input: Changes,
  base: InstanceSettings,
  before?: InstanceSettings,
): InstanceSettings {
  refuseZone(region.name, input);
  const settings: InstanceSettings = { ...base };
  for (const name of SAME_NAME) {
    if (input[name] !== undefined) Object.assign(settings, { [name]: input[name] });
  }
  if (input.DBSubnetGroupName) settings.subnetGroup = region.subnetGroup(input.DBSubnetGroupName).name;
  if (input.DBParameterGroupName) settings.parameterGroup = region.parameterGroup(input.DBParameterGroupName).name;
  if (input.OptionGroupName && input.OptionGroupName !== base.optionGroup) {
    throw notModelled(
      `the option group '${shown(input.OptionGroupName)}'`,
      `PostgreSQL has only '${base.optionGroup}'`,
    );
  }
  const foreign = input.VpcSecurityGroupIds?.find((id) => !id.startsWith('sg-'));
  if (foreign) {
    const message = `Invalid security group , groupId= ${shown(foreign)}, groupName=.`;
    throw new QueryError('InvalidParameterValue', message);
  }
  if (input.VpcSecurityGroupIds?.length) settings.securityGroups = [...input.VpcSecurityGroupIds];
  refuseSettings(settings, before);
  return settings;
}

function modelledVersion(region: RdsRegion, asked: string | undefined): string {
  const { engineVersion } = region;
  if (asked === undefined || asked === engineVersion || asked === engineVersion.split('.')[0]) return engineVersion;
  if (!/^\d{1,2}(\.\d{1,2})?$/.test(asked)) {
    throw new QueryError('InvalidParameterCombination', `Cannot find version ${shown(asked)} for postgres`);
  }
  throw notModelled(`PostgreSQL ${shown(asked)}`, `it runs ${engineVersion}`);
}
