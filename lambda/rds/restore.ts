/**
 * Requests a restore, from a snapshot or to a point in time. What is restored, and what becomes of it, is its caller's:
 * a drill's copy lives for hours, and a recovered database stays.
 */
import {
  type RDSClient,
  RestoreDBInstanceFromDBSnapshotCommand,
  type RestoreDBInstanceFromDBSnapshotCommandInput,
  RestoreDBInstanceToPointInTimeCommand,
  type RestoreDBInstanceToPointInTimeCommandInput,
} from '@aws-sdk/client-rds';
import { isFault } from './fault';
import type { RestorePoint } from './restore-point';

/** What both kinds of restore take. Anything left out falls to RDS's defaults, not to the source's settings. */
export type RestoreSettings = Omit<
  RestoreDBInstanceFromDBSnapshotCommandInput & RestoreDBInstanceToPointInTimeCommandInput,
  | 'DBInstanceIdentifier'
  | 'DBSnapshotIdentifier'
  | 'DBClusterSnapshotIdentifier'
  | 'TargetDBInstanceIdentifier'
  | 'SourceDBInstanceIdentifier'
  | 'SourceDbiResourceId'
  | 'SourceDBInstanceAutomatedBackupsArn'
  | 'RestoreTime'
  | 'UseLatestRestorableTime'
  // A restore from a snapshot can't set it.
  | 'MaxAllocatedStorage'
>;

export interface RestoreRequest {
  /** Of the instance that is to be made. */
  readonly name: string;
  readonly point: RestorePoint;
  /** Identifier of the database whose backups are restored. */
  readonly source: string;
  readonly settings: RestoreSettings;
}

/** @returns false when an instance of this name exists already: the caller finds out whether an earlier try made it */
export async function requestRestore(
  rds: RDSClient,
  { name, point, source, settings }: RestoreRequest,
): Promise<boolean> {
  try {
    if (point.snapshot !== null) {
      const DBSnapshotIdentifier = point.snapshot;
      await rds.send(
        new RestoreDBInstanceFromDBSnapshotCommand({ DBInstanceIdentifier: name, DBSnapshotIdentifier, ...settings }),
      );
    } else {
      await rds.send(
        new RestoreDBInstanceToPointInTimeCommand({
          ...backupsOf(point, source),
          TargetDBInstanceIdentifier: name,
          RestoreTime: new Date(point.time),
          ...settings,
        }),
      );
    }
    return true;
  } catch (error) {
    if (!isFault(error, 'DBInstanceAlreadyExists')) throw error;
    return false;
  }
}

function backupsOf({ automatedBackups, resourceId }: RestorePoint, source: string) {
  if (automatedBackups !== undefined) return { SourceDBInstanceAutomatedBackupsArn: automatedBackups };
  return resourceId === undefined ? { SourceDBInstanceIdentifier: source } : { SourceDbiResourceId: resourceId };
}
