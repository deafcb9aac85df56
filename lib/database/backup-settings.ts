/** A database's own backup settings: which of them RDS would refuse, and which would lose backups. */
import { Annotations, CfnDeletionPolicy, Duration, Token } from 'aws-cdk-lib';
import { RDS_LIMITS } from '../../lambda/contract';
import { BackupWindow, maintenanceProblems } from '../schedule/backup-window';
import { warnOfFleetingKey } from '../synth/kept-keys';
import { Mark } from '../synth/marks';
import { known } from '../synth/tokens';
import { type DatabaseResource, isCluster, isLimitless, isReplica } from './database-resource';

/** https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithAutomatedBackups.BackupRetention.html */
const MAX_RETENTION_DAYS = RDS_LIMITS.retentionDays.max;

const examined = new Mark<true>('database-examined');

/** Checks a database once the app is complete and all Mixins are applied; only once, even if called several times. */
export function validateBackups(database: DatabaseResource): void {
  if (examined.on(database)) return;
  examined.put(database, true);
  warnOfFleetingKey(
    database,
    database.kmsKeyId,
    () => database.cfnOptions.deletionPolicy !== CfnDeletionPolicy.DELETE || database.deleteAutomatedBackups === false,
  );
  database.node.addValidation({
    validate: () => {
      warnOfOneDay(database);
      warnOfLoss(database);
      return [
        ...retentionProblems(database, known(database.backupRetentionPeriod)),
        ...windowProblems(database.preferredBackupWindow, database.preferredMaintenanceWindow),
      ];
    },
  });
}

/**
 * What RDS would refuse in a retention, as a sentence.
 *
 * @param days undefined if unknown at synth
 */
export function retentionProblems(database: DatabaseResource, days: number | undefined): string[] {
  // https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Managing.Backups.html: a cluster's are always on
  const least = isCluster(database) ? 1 : 0;
  if (days === undefined || (Number.isInteger(days) && days >= least && days <= MAX_RETENTION_DAYS)) return [];
  const remedy = days === 0 ? "a cluster's backups can't be turned off" : 'to keep backups longer, use AWS Backup';
  return [
    `the backup retention is ${Duration.days(days).toHumanString()}, not ${least} to ${MAX_RETENTION_DAYS} whole ` +
      `days, so RDS would refuse it; ${remedy}`,
  ];
}

/**
 * What RDS would refuse in a pair of windows, a sentence each. Windows unknown at synth are not compared.
 *
 * @param backup hh:mm-hh:mm in UTC
 * @param maintenance ddd:hh:mm-ddd:hh:mm in UTC
 */
export function windowProblems(backup: string | undefined, maintenance: string | undefined): string[] {
  const problems = maintenanceProblems(maintenance);
  if (backup === undefined || Token.isUnresolved(backup)) return problems;
  const window = parsed(backup);
  if (typeof window === 'string') return [window, ...problems];
  if (maintenance !== undefined && problems.length === 0 && window.overlaps(maintenance)) {
    problems.push(
      `the backup window ${window} overlaps the maintenance window ${maintenance}, so RDS would refuse both; ` +
        `start maintenance at ${window.expression.slice(6)} or later`,
    );
  }
  return problems;
}

/** The window, or the problem with it. */
function parsed(backup: string): BackupWindow | string {
  const [from = '', to = ''] = backup.split('-');
  try {
    return BackupWindow.daily(from, to);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithAutomatedBackups.BackupRetention.html */
function warnOfOneDay(database: DatabaseResource): void {
  // A database from a snapshot or a source may inherit its retention.
  if (database.backupRetentionPeriod !== undefined || isReplica(database) || isRestored(database)) return;
  Annotations.of(database).addWarningV2(
    'lifeboat:one-day-of-backups',
    `database '${database.node.path}' states no backup retention, and RDS then keeps automated backups for 1 day (the console's ` +
      "default is 7; 30 is not a default anywhere), so a mistake noticed two days later can't be undone; state up to 35 days",
  );
}

const isRestored = (database: DatabaseResource) =>
  ('dbSnapshotIdentifier' in database ? database.dbSnapshotIdentifier : database.snapshotIdentifier) !== undefined;

/** https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html: deleted along with it by default */
function warnOfLoss(database: DatabaseResource): void {
  const { deleteAutomatedBackups, cfnOptions } = database;
  if (isReplica(database) || isLimitless(database) || database.backupRetentionPeriod === 0) return;
  if (deleteAutomatedBackups !== undefined && known(deleteAutomatedBackups) !== true) return;
  const replicated = 'automaticBackupReplicationRegion' in database && database.automaticBackupReplicationRegion;
  if (replicated || isToldOf(database)) return;
  const final =
    cfnOptions.deletionPolicy === CfnDeletionPolicy.DELETE
      ? 'no backup would be left, not even a final snapshot'
      : 'no moment before its final snapshot could be restored';
  Annotations.of(database).addWarningV2(
    NOT_PROTECTED,
    `automated backups of database '${database.node.path}' are deleted with it, and ${final}; apply ` +
      'DatabaseProtection, or set deleteAutomatedBackups: false',
  );
}

/** The id of each warning about backups that are deleted with their database. */
export const NOT_PROTECTED = 'lifeboat:database-not-protected';

const isToldOf = (database: DatabaseResource) =>
  database.node.metadata.some(({ data }) => String(data).includes(NOT_PROTECTED));
