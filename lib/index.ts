export { ArchiveBucket, type ArchiveBucketProps } from './archive-bucket';
export { ArchiveTier, type ArchiveTierOptions, type NoncurrentVersions } from './archive-tier';
export { BackupWindow } from './backup-window';
export { BucketBackups, type BucketBackupsProps } from './bucket-backups';
export { DeleteMarkers, type ReplicationTarget, ReplicationTiming } from './bucket-replication';
export { CoverageCheck } from './coverage-check';
export { DatabaseBackups, type DatabaseBackupsProps } from './database-backups';
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
export { EvidenceBucket, type EvidenceBucketProps } from './evidence-bucket';
export { ObjectiveAlarms, type ObjectiveAlarmsProps } from './objective-alarms';
export { PlanGrants } from './plan-grants';
export { ProtectedDatabase, type ProtectedDatabaseOptions } from './protected-database';
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
export { type DrillOptions, RestoreDrill, type RestoreDrillProps } from './restore-drill';
export { type RandomRestorePointOptions, RestorePoint } from './restore-point';
export { StorageTransition } from './storage-transition';
