export { ObjectiveAlarms, type ObjectiveAlarmsProps } from './alarm/objective-alarms';
export type { RecoveryObjectives } from './alarm/objectives';
export type { RecoveryMetrics } from './alarm/recovery-metrics';
export { CoverageCheck } from './aspects/coverage-check';
export { TemplateCheck } from './aspects/template-check';
export { AirGappedVault, type AirGappedVaultProps } from './aws-backup/air-gapped-vault';
export { BackupAudit, type BackupAuditProps, BackupReport } from './aws-backup/backup-audit';
export { BackupControl, type FrequencyAndRetention } from './aws-backup/backup-control';
export { BackupTarget, type DatabaseWindows } from './aws-backup/backup-target';
export {
  BackupTier,
  type ContinuousTierOptions,
  type DailyTierOptions,
  type MonthlyTierOptions,
  type OwnTierOptions,
  type TierOptions,
  type WeeklyTierOptions,
  type YearlyTierOptions,
} from './aws-backup/backup-tier';
export { BackupTiers, type BackupTiersProps } from './aws-backup/backup-tiers';
export { ProtectedVault, type ProtectedVaultProps } from './aws-backup/protected-vault';
export { RestoreTest, type TestedDatabaseOptions } from './aws-backup/restore-test';
export { RestoreTesting, type RestoreTestingProps } from './aws-backup/restore-testing';
export { TestedRecoveryPoints, type TestedWithinOptions } from './aws-backup/tested-recovery-points';
export { VaultAlarms, type VaultAlarmsProps } from './aws-backup/vault-alarms';
export { VaultCopy, type VaultCopyOptions } from './aws-backup/vault-copy';
export { type ComplianceLockOptions, VaultLock, type VaultLockOptions } from './aws-backup/vault-lock';
export { ArchiveBucket, type ArchiveBucketProps } from './bucket/archive-bucket';
export {
  ArchiveTier,
  type ArchiveTierOptions,
  type NoncurrentVersions,
  StorageTransition,
} from './bucket/archive-tier';
export { BucketBackups, type BucketBackupsProps } from './bucket/bucket-backups';
export { DeleteMarkers, type ReplicationTarget, ReplicationTiming } from './bucket/bucket-replication';
export { CacheBackups, type CacheBackupsProps } from './cache/cache-backups';
export { CacheExport, type CacheExportOptions, type CacheExportProps } from './cache/cache-export';
export { CacheExportAccess, type CacheExportAccessOptions } from './cache/cache-export-access';
export { CacheSnapshots, type CacheSnapshotsOptions, type CacheSnapshotsProps } from './cache/cache-snapshots';
export { CacheSource } from './cache/cache-source';
export { ConfigurationBackups, type ConfigurationBackupsProps } from './configuration/configuration-backups';
export { type SecretReplica, SecretReplicas, type SecretReplicasProps } from './configuration/secret-replicas';
export { DatabaseAlarms, type DatabaseAlarmsProps } from './database/database-alarms';
export { DatabaseBackups, type DatabaseBackupsProps } from './database/database-backups';
export { DatabaseLogs, type DatabaseLogsProps } from './database/database-logs';
export { DatabaseProtection } from './database/database-protection';
export { DatabaseStandby } from './database/database-standby';
export { DatabaseWatch, type DatabaseWatchProps } from './database/database-watch';
export { DeploymentSnapshot, type DeploymentSnapshotProps, SnapshotsKept } from './database/deployment-snapshot';
export {
  ExternalDatabaseBackups,
  type ExternalDatabaseBackupsProps,
  ExternalSetting,
  OlderBackups,
} from './database/external-database-backups';
export { SnapshotExport, type SnapshotExportProps } from './database/snapshot-export';
export { DrillNetwork } from './drill/drill-network';
export { DrillSite, type DrillSiteProps } from './drill/drill-site';
export { type CopiedDatabaseOptions, type DrilledDatabaseOptions, DrillSource } from './drill/drill-source';
export { EvidenceBucket, type EvidenceBucketProps } from './drill/evidence-bucket';
export type { ProofOptions } from './drill/proof';
export {
  type ForeignKeyOptions,
  type FreshnessOptions,
  type NotShrunkOptions,
  type QueryOptions,
  RecoveryCheck,
  type RowCountBounds,
  type TimestampColumn,
} from './drill/recovery-check';
export { type DrillOptions, RestoreDrill, type RestoreDrillProps } from './drill/restore-drill';
export { type RandomRestorePointOptions, RestorePoint } from './drill/restore-point';
export type { DrillSiteAttributes, IDrillNetwork, IDrillSite } from './drill/shared-site';
export {
  type DumpedDatabaseOptions,
  DumpSource,
  type ServerOptions,
  type UnencryptedServerOptions,
} from './dump/dump-source';
export { DumpTier } from './dump/dump-tier';
export { LogicalDump, type LogicalDumpProps } from './dump/logical-dump';
export { ImageArchive, type ImageArchiveProps } from './images/image-archive';
export { ImageBackups, type ImageBackupsProps } from './images/image-backups';
export { type ImageDestination, ImageReplication, type ImageReplicationProps } from './images/image-replication';
export { ImageReplicationAccess, type ImageReplicationAccessProps } from './images/image-replication-access';
export {
  type ArchivedLogGroupOptions,
  LogArchive,
  type LogArchiveProps,
  type SubscriptionOptions,
} from './logs/log-archive';
export type { PlanGrants } from './plan/plan-grants';
export { ProtectedBucket, type ProtectedBucketOptions } from './plan/protected-bucket';
export { ProtectedCache, type ProtectedCacheOptions } from './plan/protected-cache';
export { ProtectedCluster, type ProtectedClusterOptions } from './plan/protected-cluster';
export { ProtectedDatabase, type ProtectedDatabaseOptions } from './plan/protected-database';
export { ProtectionPlan, type ProtectionPlanProps } from './plan/protection-plan';
export { Approval, type ApprovalOptions } from './recover/approval';
export { CutOver, type SecretCutOverOptions } from './recover/cut-over';
export type { DatabaseRecoveryOptions, RecoveryRunbookProps } from './recover/database-recovery-options';
export { Fence } from './recover/fence';
export { Health, type HttpHealthOptions } from './recover/health';
export { RecoveredStorage } from './recover/recovered-storage';
export type { RecoveryOptions, RecoveryPlace } from './recover/recovery-options';
export { RecoveryRunbook } from './recover/recovery-runbook';
export { type AlarmStartOptions, RecoveryStart } from './recover/recovery-start';
export {
  type CommandRestartOptions,
  type KubernetesRestartOptions,
  type KubernetesSecret,
  Restart,
} from './recover/restart';
export type { TableRecoveryOptions, TableRecoveryRunbookProps } from './recover/table-recovery-options';
export { TableRecoveryRunbook } from './recover/table-recovery-runbook';
export { type AutomatedBackupsOptions, BackupCopy } from './region/backup-copy';
export { RecoveryRegion, type RecoveryRegionOptions } from './region/recovery-region';
export { RecoverySite, type RecoverySiteProps } from './region/recovery-site';
export type { RegionDrillOptions } from './region/region-drills';
export { RegionReplica, type RegionReplicaProps, type ReplicaOptions } from './region/region-replica';
export { ReplicatedBackups, type ReplicatedBackupsProps } from './region/replicated-backups';
export { SnapshotCopy, type SnapshotCopyOptions, type SnapshotCopyProps } from './region/snapshot-copy';
export { type SharedSnapshotsOptions, SnapshotSource } from './region/snapshot-source';
export { BackupWindow } from './schedule/backup-window';
export {
  type CronOptions,
  type MonthlyOptions,
  type NthWeekdayOptions,
  type QuarterlyOptions,
  Recurrence,
  type TimeOfDay,
  Weekday,
  type WeeklyOptions,
} from './schedule/recurrence';
