/**
 * What a recovered database takes over from its source, member by member of RDS's description. What a restore leaves
 * out falls to RDS's defaults, so nothing may be forgotten: a member that is not decided here does not compile.
 */
import type { DBInstance, ModifyDBInstanceCommandInput, Tag } from '@aws-sdk/client-rds';
import { RECOVERY_TAGS } from '../contract';
import type { RestoreSettings } from '../rds/restore';

/** What is deployed instead of the source's own. */
export interface Instead {
  readonly subnetGroup?: string;
  readonly securityGroups?: readonly string[];
  readonly instanceClass?: string;
  readonly parameterGroup?: string;
}

const REPLACED = [
  'subnetGroup',
  'securityGroups',
  'instanceClass',
  'parameterGroup',
] as const satisfies readonly (keyof Instead)[];

type ModifySettings = Omit<ModifyDBInstanceCommandInput, 'DBInstanceIdentifier'>;

type Decision =
  /** Passed with the restore. */
  | { readonly restore: (source: DBInstance, instead: Instead) => Partial<RestoreSettings> }
  /** A restore does not take it, so it is set afterwards. */
  | { readonly modify: (source: DBInstance) => Partial<ModifySettings> }
  /** Told where the source has it. */
  | { readonly left: string; readonly has: (source: DBInstance) => boolean }
  /** What the instance is, or does at the moment: it comes with the data, or is the new one's own. */
  | 'own';

const restore = (
  of: (source: DBInstance, instead: Instead) => Partial<RestoreSettings>,
): { restore: (source: DBInstance, instead: Instead) => Partial<RestoreSettings> } => ({ restore: of });
const modify = (of: (source: DBInstance) => Partial<ModifySettings>) => ({ modify: of });
const left = (why: string, has: (source: DBInstance) => boolean) => ({ left: why, has });

/** RDS accepts IOPS and throughput of gp3 from this size on for PostgreSQL; below it, they are the baseline. */
const GP3_STRIPED_GIB = 400;
const isMagnetic = ({ StorageType }: DBInstance) => StorageType === 'standard';
const hasOwnSpeed = ({ StorageType, AllocatedStorage = 0 }: DBInstance) =>
  StorageType?.startsWith('io') === true || (StorageType === 'gp3' && AllocatedStorage >= GP3_STRIPED_GIB);

export const DECISIONS: Readonly<Record<keyof DBInstance, Decision>> = {
  // Carried with the restore.
  DBInstanceClass: restore((s, { instanceClass }) => ({ DBInstanceClass: instanceClass ?? s.DBInstanceClass })),
  BackupRetentionPeriod: restore((s) => ({ BackupRetentionPeriod: Math.max(1, s.BackupRetentionPeriod ?? 1) })),
  PreferredBackupWindow: restore((s) => ({ PreferredBackupWindow: s.PreferredBackupWindow })),
  VpcSecurityGroups: restore((s, { securityGroups }) => ({
    VpcSecurityGroupIds: securityGroups
      ? [...securityGroups]
      : s.VpcSecurityGroups?.flatMap(({ VpcSecurityGroupId }) => VpcSecurityGroupId ?? []),
  })),
  DBParameterGroups: restore((s, { parameterGroup }) => ({
    DBParameterGroupName: parameterGroup ?? s.DBParameterGroups?.[0]?.DBParameterGroupName,
  })),
  OptionGroupMemberships: restore((s) => ({ OptionGroupName: s.OptionGroupMemberships?.[0]?.OptionGroupName })),
  DBSubnetGroup: restore((s, { subnetGroup }) => ({
    DBSubnetGroupName: subnetGroup ?? s.DBSubnetGroup?.DBSubnetGroupName,
  })),
  MultiAZ: restore((s) => ({ MultiAZ: s.MultiAZ })),
  AutoMinorVersionUpgrade: restore((s) => ({ AutoMinorVersionUpgrade: s.AutoMinorVersionUpgrade })),
  LicenseModel: restore((s) => ({ LicenseModel: s.LicenseModel })),
  PubliclyAccessible: restore((s) => ({ PubliclyAccessible: s.PubliclyAccessible })),
  StorageType: restore((s) => ({ StorageType: isMagnetic(s) ? 'gp3' : s.StorageType })),
  Iops: restore((s) => (hasOwnSpeed(s) ? { Iops: s.Iops } : {})),
  StorageThroughput: restore((s) =>
    hasOwnSpeed(s) && s.StorageType === 'gp3' ? { StorageThroughput: s.StorageThroughput } : {},
  ),
  CACertificateIdentifier: restore((s) => ({ CACertificateIdentifier: s.CACertificateIdentifier })),
  CopyTagsToSnapshot: restore((s) => ({ CopyTagsToSnapshot: s.CopyTagsToSnapshot })),
  Endpoint: restore((s) => (s.Endpoint?.Port === undefined ? {} : { Port: s.Endpoint.Port })),
  IAMDatabaseAuthenticationEnabled: restore((s) =>
    s.IAMDatabaseAuthenticationEnabled ? { EnableIAMDatabaseAuthentication: true } : {},
  ),
  EnabledCloudwatchLogsExports: restore((s) =>
    s.EnabledCloudwatchLogsExports?.length ? { EnableCloudwatchLogsExports: s.EnabledCloudwatchLogsExports } : {},
  ),
  ProcessorFeatures: restore((s) => (s.ProcessorFeatures?.length ? { ProcessorFeatures: s.ProcessorFeatures } : {})),
  NetworkType: restore((s) => (s.NetworkType === 'DUAL' ? { NetworkType: 'DUAL' } : {})),
  DedicatedLogVolume: restore((s) => (s.DedicatedLogVolume ? { DedicatedLogVolume: true } : {})),
  EngineLifecycleSupport: restore((s) =>
    s.EngineLifecycleSupport ? { EngineLifecycleSupport: s.EngineLifecycleSupport } : {},
  ),
  CustomerOwnedIpEnabled: restore((s) => (s.CustomerOwnedIpEnabled ? { EnableCustomerOwnedIp: true } : {})),
  BackupTarget: restore((s) => (s.BackupTarget && s.BackupTarget !== 'region' ? { BackupTarget: s.BackupTarget } : {})),
  // The safe value whatever the source has: this is production from its first moment.
  DeletionProtection: restore(() => ({ DeletionProtection: true })),
  TagList: restore((s) => ({ Tags: usersTags(s.TagList) })),

  // Set afterwards.
  PreferredMaintenanceWindow: modify((s) => ({ PreferredMaintenanceWindow: s.PreferredMaintenanceWindow })),
  MaxAllocatedStorage: modify((s) => (s.MaxAllocatedStorage ? { MaxAllocatedStorage: s.MaxAllocatedStorage } : {})),
  MonitoringInterval: modify((s) => (s.MonitoringInterval ? { MonitoringInterval: s.MonitoringInterval } : {})),
  MonitoringRoleArn: modify((s) => (s.MonitoringInterval ? { MonitoringRoleArn: s.MonitoringRoleArn } : {})),
  PerformanceInsightsEnabled: modify((s) => (s.PerformanceInsightsEnabled ? { EnablePerformanceInsights: true } : {})),
  PerformanceInsightsKMSKeyId: modify((s) =>
    s.PerformanceInsightsEnabled ? { PerformanceInsightsKMSKeyId: s.PerformanceInsightsKMSKeyId } : {},
  ),
  PerformanceInsightsRetentionPeriod: modify((s) =>
    s.PerformanceInsightsEnabled ? { PerformanceInsightsRetentionPeriod: s.PerformanceInsightsRetentionPeriod } : {},
  ),
  DatabaseInsightsMode: modify((s) =>
    s.DatabaseInsightsMode === 'advanced' ? { DatabaseInsightsMode: s.DatabaseInsightsMode } : {},
  ),

  // Not carried, and told.
  ReadReplicaDBInstanceIdentifiers: left(
    'its read replicas stay with the damaged database; make new ones of the recovered one',
    (s) => (s.ReadReplicaDBInstanceIdentifiers?.length ?? 0) > 0,
  ),
  ReadReplicaDBClusterIdentifiers: left(
    'its Aurora replica stays with the damaged database; make a new one of the recovered one',
    (s) => (s.ReadReplicaDBClusterIdentifiers?.length ?? 0) > 0,
  ),
  ReadReplicaSourceDBInstanceIdentifier: left(
    'it is a read replica, and what is restored is a database of its own',
    (s) => s.ReadReplicaSourceDBInstanceIdentifier !== undefined,
  ),
  ReadReplicaSourceDBClusterIdentifier: left(
    'it is a replica of a cluster, and what is restored is a database of its own',
    (s) => s.ReadReplicaSourceDBClusterIdentifier !== undefined,
  ),
  DBInstanceAutomatedBackupsReplications: left(
    'its automated backups are replicated to another region, and those of the recovered one are not; start that for it',
    (s) => (s.DBInstanceAutomatedBackupsReplications?.length ?? 0) > 0,
  ),
  AssociatedRoles: left(
    'its IAM roles for features such as s3Import do not come along; add them to the recovered one',
    (s) => (s.AssociatedRoles?.length ?? 0) > 0,
  ),
  DomainMemberships: left(
    'it is a member of a domain, and the recovered one is not; join it',
    (s) => (s.DomainMemberships?.length ?? 0) > 0,
  ),
  ActivityStreamStatus: left(
    'its activity stream does not come along; start one for the recovered one',
    (s) => s.ActivityStreamStatus !== undefined && s.ActivityStreamStatus !== 'stopped',
  ),
  AvailabilityZone: left(
    'RDS chooses the zone of the recovered one, so that it does not depend on a zone that may be lost',
    (s) => !s.MultiAZ && s.AvailabilityZone !== undefined,
  ),
  DBSecurityGroups: left(
    'it has security groups of EC2-Classic, which no longer exist',
    (s) => (s.DBSecurityGroups?.length ?? 0) > 0,
  ),
  MasterUserSecret: left(
    "RDS manages its master user's secret, and a new instance gets another one",
    (s) => s.MasterUserSecret !== undefined,
  ),
  CustomIamInstanceProfile: left('RDS Custom is not recovered here', (s) => s.CustomIamInstanceProfile !== undefined),
  DBCapacityReservationIdentifier: left(
    'its capacity reservation stays with it',
    (s) => s.DBCapacityReservationIdentifier !== undefined,
  ),
  AdditionalStorageVolumes: left(
    'its additional storage volumes are as RDS restores them; compare them',
    (s) => (s.AdditionalStorageVolumes?.length ?? 0) > 0,
  ),
  MultiTenant: left('it is multi-tenant, which PostgreSQL is not', (s) => s.MultiTenant === true),
  UpgradeRolloutOrder: left(
    'its order in upgrade rollouts comes from its organization, not from the instance',
    (s) => s.UpgradeRolloutOrder !== undefined && s.UpgradeRolloutOrder !== 'second',
  ),
  AutomationMode: left(
    'its automation is paused, and that of the recovered one is not',
    (s) => s.AutomationMode === 'all-paused',
  ),

  // Comes with the data, or is the new one's own.
  DBInstanceIdentifier: 'own',
  DBInstanceArn: 'own',
  DbiResourceId: 'own',
  DBInstanceStatus: 'own',
  Engine: 'own',
  EngineVersion: 'own',
  MasterUsername: 'own',
  DBName: 'own',
  AllocatedStorage: 'own',
  StorageEncrypted: 'own',
  StorageEncryptionType: 'own',
  KmsKeyId: 'own',
  InstanceCreateTime: 'own',
  LatestRestorableTime: 'own',
  PendingModifiedValues: 'own',
  StatusInfos: 'own',
  ReplicaMode: 'own',
  CharacterSetName: 'own',
  NcharCharacterSetName: 'own',
  Timezone: 'own',
  TdeCredentialArn: 'own',
  SecondaryAvailabilityZone: 'own',
  DbInstancePort: 'own',
  DBClusterIdentifier: 'own',
  EnhancedMonitoringResourceArn: 'own',
  PromotionTier: 'own',
  ListenerEndpoint: 'own',
  ResumeFullAutomationModeTime: 'own',
  ActivityStreamKmsKeyId: 'own',
  ActivityStreamKinesisStreamName: 'own',
  ActivityStreamMode: 'own',
  ActivityStreamEngineNativeAuditFieldsIncluded: 'own',
  ActivityStreamPolicyStatus: 'own',
  AwsBackupRecoveryPointArn: 'own',
  AutomaticRestartTime: 'own',
  CertificateDetails: 'own',
  DBSystemId: 'own',
  PercentProgress: 'own',
  IsStorageConfigUpgradeAvailable: 'own',
  StorageVolumeStatus: 'own',
  StorageOperationStatus: 'own',
  StorageOperationPercentProgress: 'own',
};

export interface Carried {
  readonly restore: RestoreSettings;
  readonly modify: ModifySettings;
  /** What is not carried over, or is set to something else, a sentence each. */
  readonly told: readonly string[];
}

export function carriedOver(source: DBInstance, instead: Instead): Carried {
  let settings: RestoreSettings = {};
  let later: ModifySettings = {};
  const told: string[] = [];
  for (const decision of Object.values(DECISIONS)) {
    if (decision === 'own') continue;
    if ('restore' in decision) settings = { ...settings, ...present(decision.restore(source, instead)) };
    else if ('modify' in decision) later = { ...later, ...present(decision.modify(source)) };
    else if (decision.has(source)) told.push(decision.left);
  }
  if (isMagnetic(source)) told.push('its storage is magnetic, which RDS no longer restores to, so it becomes gp3');
  if (!source.BackupRetentionPeriod)
    told.push('it has no automated backups, and the recovered one keeps them for a day');
  if (!source.DeletionProtection) told.push('it is not protected from deletion, and the recovered one is');
  for (const what of REPLACED) if (instead[what] !== undefined) told.push(`its ${what} is the deployed one`);
  return { restore: settings, modify: later, told };
}

/** AWS refuses tags with its own prefix, and those of an earlier recovery or drill say what this one is not. */
const usersTags = (tags: readonly Tag[] = []): Tag[] =>
  tags.filter(({ Key = '' }) => !/^aws:/i.test(Key) && !Key.startsWith('lifeboat:'));

/** Tags of what a recovery makes, beside its source's. */
export const recoveryTags = (from: string, run: string): Tag[] => [
  { Key: RECOVERY_TAGS.recoveredFrom, Value: from },
  { Key: RECOVERY_TAGS.recovery, Value: run },
];

const present = <T extends object>(settings: T): T =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as T;
