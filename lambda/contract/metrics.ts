/** The metrics that runbooks print and alarms read. */

export const METRICS = {
  namespace: 'Lifeboat',
  /** 1 when a drill passed, 0 when it did not. */
  drillPassed: 'DrillPassed',
  /** Seconds from the start of a drill until all checks had passed. */
  recoveryTime: 'RecoveryTime',
  /** Seconds of data that would have been lost, had the source failed when the drill began. */
  recoveryPoint: 'RecoveryPoint',
  /** Objectives that a drill missed, of its recovery time and its recovery point: 0 to 2. */
  objectivesMissed: 'ObjectivesMissed',
  /** Checks that failed or could not run. */
  checksFailed: 'ChecksFailed',
  /** Warnings of a drill, which do not fail it. */
  warnings: 'Warnings',
  /** Seconds of one phase; has the dimension `Phase` besides. */
  phaseDuration: 'PhaseDuration',
  /** Seconds since the drill last passed; has the dimension `Drill` besides. */
  secondsSinceProven: 'SecondsSinceProven',
  /**
   * Problems of a target's chain of evidence: altered, missing, hidden or unsigned documents. The sum of all targets
   * has only the dimension `Bucket`.
   */
  evidenceProblems: 'EvidenceProblems',
  /** Seconds since a backup was last made and found good, or of a dump readable; has the dimension `Backup` alone. */
  secondsSinceBackup: 'SecondsSinceBackup',
  /** Bytes of that backup; has the dimension `Backup` alone. */
  backupBytes: 'BackupBytes',
  /** Percent by which those bytes are more or fewer than usual; has the dimension `Backup` alone. */
  backupSizeChange: 'BackupSizeChange',
  /** Seconds since the newest good copy's snapshot was taken; has the dimension `Copy` besides. */
  snapshotCopyAge: 'SnapshotCopyAge',
  /** Seconds since AWS Backup last completed a copy, of the kind that waits longest; dimensions `Backup` and `Copy`. */
  secondsSinceCopy: 'SecondsSinceCopy',
  /** Seconds since the hold in force on a target was set; dimensions as of the age that is published beside it. */
  holdAge: 'HoldAge',
  /**
   * Seconds of data that would be lost, had a database failed now; has the dimension `Database` alone, as the next two.
   */
  recoveryPointAge: 'RecoveryPointAge',
  /** Seconds since its newest automated snapshot was taken. */
  snapshotAge: 'SnapshotAge',
  /** Days that its automated backups are kept. */
  backupRetention: 'BackupRetention',
  dimensions: {
    bucket: 'Bucket',
    database: 'Database',
    backup: 'Backup',
    plan: 'Plan',
    target: 'Target',
    phase: 'Phase',
    drill: 'Drill',
    copy: 'Copy',
  },
} as const;
