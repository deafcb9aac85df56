/**
 * A database as a resource of CloudFormation, generated from what RDS reports. An import modifies at once what a template
 * leaves out, as a missing StorageType once turned gp2 into magnetic storage: so each member of RDS's description is
 * decided here, and one that is not does not compile.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbinstance.html
 */
import type { DBInstance } from '@aws-sdk/client-rds';

export type Properties = Readonly<Record<string, unknown>>;

export interface ImportedResource {
  readonly Type: 'AWS::RDS::DBInstance';
  /** An import takes only resources that say what becomes of them when they are removed. */
  readonly DeletionPolicy: 'Retain';
  readonly UpdateReplacePolicy: 'Retain';
  readonly Properties: Properties;
}

/** `state` is what the instance is or does at the moment, or has no property in CloudFormation. */
type Decision = ((of: DBInstance) => Properties) | 'state';

/** RDS accepts IOPS and throughput of gp3 from this size on for PostgreSQL; below it, they are the baseline. */
const GP3_STRIPED_GIB = 400;

const hasOwnSpeed = ({ StorageType, AllocatedStorage = 0 }: DBInstance) =>
  StorageType?.startsWith('io') === true || (StorageType === 'gp3' && AllocatedStorage >= GP3_STRIPED_GIB);

/** Only where the instance has it. */
const where = (has: unknown, properties: () => Properties): Properties =>
  has === undefined || has === false || (Array.isArray(has) && has.length === 0) ? {} : properties();

const DECISIONS: Readonly<Record<keyof DBInstance, Decision>> = {
  DBInstanceIdentifier: (i) => ({ DBInstanceIdentifier: i.DBInstanceIdentifier }),
  DBInstanceClass: (i) => ({ DBInstanceClass: i.DBInstanceClass }),
  Engine: (i) => ({ Engine: i.Engine }),
  EngineVersion: (i) => ({ EngineVersion: i.EngineVersion }),
  EngineLifecycleSupport: (i) => ({ EngineLifecycleSupport: i.EngineLifecycleSupport }),
  LicenseModel: (i) => ({ LicenseModel: i.LicenseModel }),
  MasterUsername: (i) => ({ MasterUsername: i.MasterUsername }),
  // CloudFormation is never given a password by this: without one, an import leaves it as it is.
  MasterUserSecret: (i) =>
    where(i.MasterUserSecret, () => ({
      ManageMasterUserPassword: true,
      ...where(i.MasterUserSecret?.KmsKeyId, () => ({ MasterUserSecret: { KmsKeyId: i.MasterUserSecret?.KmsKeyId } })),
    })),
  DBName: (i) => ({ DBName: i.DBName }),
  CharacterSetName: (i) => ({ CharacterSetName: i.CharacterSetName }),
  NcharCharacterSetName: (i) => ({ NcharCharacterSetName: i.NcharCharacterSetName }),
  Timezone: (i) => ({ Timezone: i.Timezone }),
  DBSystemId: (i) => ({ DBSystemId: i.DBSystemId }),
  Endpoint: (i) => where(i.Endpoint?.Port, () => ({ Port: String(i.Endpoint?.Port) })),

  AllocatedStorage: (i) => where(i.AllocatedStorage, () => ({ AllocatedStorage: String(i.AllocatedStorage) })),
  MaxAllocatedStorage: (i) => ({ MaxAllocatedStorage: i.MaxAllocatedStorage }),
  StorageType: (i) => ({ StorageType: i.StorageType }),
  Iops: (i) => where(hasOwnSpeed(i), () => ({ Iops: i.Iops })),
  StorageThroughput: (i) =>
    where(hasOwnSpeed(i) && i.StorageType === 'gp3', () => ({ StorageThroughput: i.StorageThroughput })),
  StorageEncrypted: (i) => ({ StorageEncrypted: i.StorageEncrypted ?? false }),
  KmsKeyId: (i) => where(i.StorageEncrypted, () => ({ KmsKeyId: i.KmsKeyId })),
  DedicatedLogVolume: (i) => ({ DedicatedLogVolume: i.DedicatedLogVolume }),
  AdditionalStorageVolumes: (i) =>
    where(i.AdditionalStorageVolumes, () => ({
      AdditionalStorageVolumes: i.AdditionalStorageVolumes?.map((volume) => ({
        VolumeName: volume.VolumeName,
        AllocatedStorage: String(volume.AllocatedStorage),
        Iops: volume.IOPS,
        MaxAllocatedStorage: volume.MaxAllocatedStorage,
        StorageThroughput: volume.StorageThroughput,
        StorageType: volume.StorageType,
      })),
    })),

  MultiAZ: (i) => ({ MultiAZ: i.MultiAZ ?? false }),
  // CloudFormation refuses a zone for an instance in several.
  AvailabilityZone: (i) => (i.MultiAZ ? {} : { AvailabilityZone: i.AvailabilityZone }),
  DBSubnetGroup: (i) => ({ DBSubnetGroupName: i.DBSubnetGroup?.DBSubnetGroupName }),
  VpcSecurityGroups: (i) => ({
    VPCSecurityGroups: i.VpcSecurityGroups?.flatMap(({ VpcSecurityGroupId }) => VpcSecurityGroupId ?? []).sort(),
  }),
  PubliclyAccessible: (i) => ({ PubliclyAccessible: i.PubliclyAccessible ?? false }),
  NetworkType: (i) => ({ NetworkType: i.NetworkType }),
  CACertificateIdentifier: (i) => ({ CACertificateIdentifier: i.CACertificateIdentifier }),
  IAMDatabaseAuthenticationEnabled: (i) => ({
    EnableIAMDatabaseAuthentication: i.IAMDatabaseAuthenticationEnabled ?? false,
  }),
  DomainMemberships: (i) => {
    const [domain] = i.DomainMemberships ?? [];
    return {
      Domain: domain?.Domain,
      DomainIAMRoleName: domain?.IAMRoleName,
      DomainFqdn: domain?.FQDN,
      DomainOu: domain?.OU,
      DomainAuthSecretArn: domain?.AuthSecretArn,
      DomainDnsIps: domain?.DnsIps,
    };
  },
  CustomIamInstanceProfile: (i) => ({ CustomIAMInstanceProfile: i.CustomIamInstanceProfile }),
  AssociatedRoles: (i) =>
    where(i.AssociatedRoles, () => ({
      AssociatedRoles: i.AssociatedRoles?.map(({ FeatureName, RoleArn }) => ({ FeatureName, RoleArn })),
    })),

  DBParameterGroups: (i) => ({ DBParameterGroupName: i.DBParameterGroups?.[0]?.DBParameterGroupName }),
  OptionGroupMemberships: (i) => ({ OptionGroupName: i.OptionGroupMemberships?.[0]?.OptionGroupName }),
  ProcessorFeatures: (i) =>
    where(i.ProcessorFeatures, () => ({
      ProcessorFeatures: i.ProcessorFeatures?.map(({ Name, Value }) => ({ Name, Value })),
    })),
  AutoMinorVersionUpgrade: (i) => ({ AutoMinorVersionUpgrade: i.AutoMinorVersionUpgrade ?? false }),
  PreferredMaintenanceWindow: (i) => ({ PreferredMaintenanceWindow: i.PreferredMaintenanceWindow }),

  BackupRetentionPeriod: (i) => ({ BackupRetentionPeriod: i.BackupRetentionPeriod }),
  PreferredBackupWindow: (i) => ({ PreferredBackupWindow: i.PreferredBackupWindow }),
  BackupTarget: (i) => ({ BackupTarget: i.BackupTarget }),
  CopyTagsToSnapshot: (i) => ({ CopyTagsToSnapshot: i.CopyTagsToSnapshot ?? false }),
  DeletionProtection: (i) => ({ DeletionProtection: i.DeletionProtection ?? false }),
  DBInstanceAutomatedBackupsReplications: (i) => {
    const [replication] = i.DBInstanceAutomatedBackupsReplications ?? [];
    return { AutomaticBackupReplicationRegion: replication?.DBInstanceAutomatedBackupsArn?.split(':')[3] };
  },

  MonitoringInterval: (i) => ({ MonitoringInterval: i.MonitoringInterval ?? 0 }),
  MonitoringRoleArn: (i) => (i.MonitoringInterval ? { MonitoringRoleArn: i.MonitoringRoleArn } : {}),
  PerformanceInsightsEnabled: (i) => ({ EnablePerformanceInsights: i.PerformanceInsightsEnabled ?? false }),
  PerformanceInsightsKMSKeyId: (i) =>
    where(i.PerformanceInsightsEnabled, () => ({ PerformanceInsightsKMSKeyId: i.PerformanceInsightsKMSKeyId })),
  PerformanceInsightsRetentionPeriod: (i) =>
    where(i.PerformanceInsightsEnabled, () => ({
      PerformanceInsightsRetentionPeriod: i.PerformanceInsightsRetentionPeriod,
    })),
  DatabaseInsightsMode: (i) => ({ DatabaseInsightsMode: i.DatabaseInsightsMode }),
  EnabledCloudwatchLogsExports: (i) => ({
    EnableCloudwatchLogsExports: i.EnabledCloudwatchLogsExports && [...i.EnabledCloudwatchLogsExports].sort(),
  }),

  // Of replicas and of clusters.
  ReadReplicaSourceDBInstanceIdentifier: (i) => ({
    SourceDBInstanceIdentifier: i.ReadReplicaSourceDBInstanceIdentifier,
  }),
  ReadReplicaSourceDBClusterIdentifier: (i) => ({
    SourceDBClusterIdentifier: i.ReadReplicaSourceDBClusterIdentifier,
  }),
  ReplicaMode: (i) => ({ ReplicaMode: i.ReplicaMode }),
  DBClusterIdentifier: (i) => ({ DBClusterIdentifier: i.DBClusterIdentifier }),
  PromotionTier: (i) => ({ PromotionTier: i.PromotionTier }),

  // Those that begin with `aws:` are AWS's own, and refused in templates.
  TagList: (i) => ({
    Tags: i.TagList?.filter(({ Key = '' }) => !Key.startsWith('aws:'))
      .map(({ Key = '', Value = '' }) => ({ Key, Value }))
      .sort((one, other) => (one.Key < other.Key ? -1 : 1)),
  }),

  DBInstanceArn: 'state',
  DbiResourceId: 'state',
  DBInstanceStatus: 'state',
  InstanceCreateTime: 'state',
  LatestRestorableTime: 'state',
  PendingModifiedValues: 'state',
  StatusInfos: 'state',
  SecondaryAvailabilityZone: 'state',
  // Endpoint has it.
  DbInstancePort: 'state',
  ReadReplicaDBInstanceIdentifiers: 'state',
  ReadReplicaDBClusterIdentifiers: 'state',
  EnhancedMonitoringResourceArn: 'state',
  ListenerEndpoint: 'state',
  AwsBackupRecoveryPointArn: 'state',
  AutomaticRestartTime: 'state',
  CertificateDetails: 'state',
  PercentProgress: 'state',
  IsStorageConfigUpgradeAvailable: 'state',
  StorageVolumeStatus: 'state',
  StorageOperationStatus: 'state',
  StorageOperationPercentProgress: 'state',
  StorageEncryptionType: 'state',
  // Of other engines, and deprecated.
  TdeCredentialArn: 'state',
  // Of EC2-Classic, which no longer exists.
  DBSecurityGroups: 'state',
  // CloudFormation has no property for these, so an import leaves them as they are.
  MultiTenant: 'state',
  UpgradeRolloutOrder: 'state',
  AutomationMode: 'state',
  ResumeFullAutomationModeTime: 'state',
  CustomerOwnedIpEnabled: 'state',
  ActivityStreamStatus: 'state',
  ActivityStreamKmsKeyId: 'state',
  ActivityStreamKinesisStreamName: 'state',
  ActivityStreamMode: 'state',
  ActivityStreamEngineNativeAuditFieldsIncluded: 'state',
  ActivityStreamPolicyStatus: 'state',
  DBCapacityReservationIdentifier: 'state',
};

/** Every property of the resource, with the value that the instance has now. */
export function propertiesOf(live: DBInstance): Properties {
  const all = Object.values(DECISIONS).map((decision) => (decision === 'state' ? {} : decision(live)));
  const present = Object.entries(Object.assign({}, ...all) as Properties).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present.sort(([one], [other]) => (one < other ? -1 : 1)));
}

export function importedResource(live: DBInstance): ImportedResource {
  const policy = 'Retain' as const;
  return {
    Type: 'AWS::RDS::DBInstance',
    DeletionPolicy: policy,
    UpdateReplacePolicy: policy,
    Properties: propertiesOf(live),
  };
}
