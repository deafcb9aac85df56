export { AirGappedVault, type AirGappedVaultProps } from './air-gapped-vault';
export { ArchiveBucket, type ArchiveBucketProps } from './archive-bucket';
export { ArchiveTier, type ArchiveTierOptions, type NoncurrentVersions } from './archive-tier';
export { BackupAudit, type BackupAuditProps, BackupReport } from './backup-audit';
export { BackupControl, type FrequencyAndRetention } from './backup-control';
export { type AutomatedBackupsOptions, BackupCopy, type BackupCopyTarget } from './backup-copy';
export { BackupTarget, type DatabaseWindows } from './backup-target';
export {
  BackupTier,
  type ContinuousTierOptions,
  type DailyTierOptions,
  type MonthlyTierOptions,
  type OwnTierOptions,
  type TierKind,
  type TierOptions,
  type WeeklyTierOptions,
  type YearlyTierOptions,
} from './backup-tier';
export { BackupTiers, type BackupTiersProps } from './backup-tiers';
export { BackupWindow } from './backup-window';
export { BucketBackups, type BucketBackupsProps } from './bucket-backups';
export { DeleteMarkers, type ReplicationTarget, ReplicationTiming } from './bucket-replication';
export { CacheBackups, type CacheBackupsProps } from './cache-backups';
export { CacheExport, type CacheExportProps } from './cache-export';
export { CacheExportAccess } from './cache-export-access';
export { CacheSnapshots, type CacheSnapshotsProps } from './cache-snapshots';
export { CacheSource } from './cache-source';
export { ConfigurationBackups, type ConfigurationBackupsProps } from './configuration-backups';
export { CoverageCheck } from './coverage-check';
export { DatabaseAlarms, type DatabaseAlarmsProps } from './database-alarms';
export { DatabaseBackups, type DatabaseBackupsProps } from './database-backups';
export { DatabaseLogs, type DatabaseLogsProps } from './database-logs';
export { DatabaseProtection } from './database-protection';
export { DatabaseStandby } from './database-standby';
export { DatabaseWatch, type DatabaseWatchProps } from './database-watch';
export { DeploymentSnapshot, type DeploymentSnapshotProps } from './deployment-snapshot';
export { DrillNetwork, type DrillNetworkProps } from './drill-network';
export {
  type CronOptions,
  DrillSchedule,
  type MonthlyOptions,
  type NthWeekdayOptions,
  type QuarterlyOptions,
  type TimeOfDay,
  Weekday,
  type WeeklyOptions,
} from './drill-schedule';
export { DrillSite, type DrillSiteProps } from './drill-site';
export { type CopiedDatabaseOptions, type DrilledDatabaseOptions, DrillSource } from './drill-source';
export {
  type DumpedDatabaseOptions,
  DumpSource,
  type ServerOptions,
  type UnencryptedServerOptions,
} from './dump-source';
export { DumpTier } from './dump-tier';
export { EvidenceBucket, type EvidenceBucketProps } from './evidence-bucket';
export {
  ExternalDatabaseBackups,
  type ExternalDatabaseBackupsProps,
  ExternalSetting,
} from './external-database-backups';
export { ImageArchive, type ImageArchiveProps } from './image-archive';
export { ImageBackups, type ImageBackupsProps } from './image-backups';
export { type ImageDestination, ImageReplication, type ImageReplicationProps } from './image-replication';
export { ImageReplicationAccess, type ImageReplicationAccessProps } from './image-replication-access';
export {
  type ArchivedLogGroupOptions,
  LogArchive,
  type LogArchiveProps,
  type SubscriptionOptions,
} from './log-archive';
export { LogicalDump, type LogicalDumpProps } from './logical-dump';
export { ObjectiveAlarms, type ObjectiveAlarmsProps } from './objective-alarms';
export { PlanGrants } from './plan-grants';
export { ProtectedDatabase, type ProtectedDatabaseOptions } from './protected-database';
export { ProtectedVault, type ProtectedVaultProps } from './protected-vault';
export { ProtectionPlan, type ProtectionPlanProps } from './protection-plan';
export {
  type ForeignKeyOptions,
  type FreshnessOptions,
  type NotEmptiedOptions,
  type QueryOptions,
  RecoveryCheck,
  type RowCountBounds,
  type TimestampColumn,
} from './recovery-check';
export { RecoveryMetrics } from './recovery-metrics';
export type { RecoveryObjectives } from './recovery-objectives';
export { RecoveryRegion, type RecoveryRegionOptions } from './recovery-region';
export { RecoverySite, type RecoverySiteProps } from './recovery-site';
export type { RegionDrillOptions } from './region-drills';
export { RegionReplica, type RegionReplicaProps, type ReplicaOptions } from './region-replica';
export { ReplicatedBackups, type ReplicatedBackupsProps } from './replicated-backups';
export { type DrillOptions, RestoreDrill, type RestoreDrillProps } from './restore-drill';
export { type RandomRestorePointOptions, RestorePoint } from './restore-point';
export { RestoreTest, type RestoreTestProps } from './restore-test';
export { RestoreTesting, type RestoreTestingProps, type TestedDatabaseOptions } from './restore-testing';
export { type SecretReplica, SecretReplicas, type SecretReplicasProps } from './secret-replicas';
export { SnapshotCopy, type SnapshotCopyOptions, type SnapshotCopyProps } from './snapshot-copy';
export { SnapshotExport, type SnapshotExportProps } from './snapshot-export';
export { type SharedSnapshotsOptions, SnapshotSource } from './snapshot-source';
export { SnapshotsKept } from './snapshots-kept';
export { StorageTransition } from './storage-transition';
export { TemplateCheck } from './template-check';
export { TestedRecoveryPoints, type TestedWithinOptions } from './tested-recovery-points';
export { VaultAlarms, type VaultAlarmsProps } from './vault-alarms';
export { VaultCopy, type VaultCopyOptions } from './vault-copy';
export { type ComplianceLockOptions, VaultLock, type VaultLockOptions } from './vault-lock';
