/** Chooses the moment or snapshot to restore. Read only. */
import type { DBSnapshot, RDSClient } from '@aws-sdk/client-rds';
import type { RestorePointRequest } from '../contract';
import {
  type AutomatedBackups,
  automatedBackups,
  type BackedUp,
  latestSnapshot,
  namedSnapshot,
  required,
  takenAt,
} from './backups';

/** The moment that an instance is restored to. */
export interface RestorePoint {
  /** How it was requested. */
  readonly requested: string;
  /** The restored instance has no later data. ISO 8601. */
  readonly time: string;
  /** The snapshot to restore; null restores to the point in time. */
  readonly snapshot: string | null;
  /**
   * ARN of replicated backups to restore the point in time from. Absent when the database itself is named in the
   * request.
   */
  readonly automatedBackups?: string;
  /** DbiResourceId to restore the point in time by, where the database itself may be gone or have another name. */
  readonly resourceId?: string;
  /** The newest moment that this kind of backup can restore. ISO 8601. */
  readonly latestRestorable: string;
}

/**
 * Chooses the moment that the drill restores. It may be random, so this must be called in a step.
 *
 * @throws when there is no backup of that kind, or the moment can't be restored from it
 */
export async function chooseRestorePoint(
  rds: RDSClient,
  of: BackedUp,
  wanted: RestorePointRequest,
): Promise<RestorePoint> {
  switch (wanted.kind) {
    case 'snapshot':
      return fromSnapshot(await namedSnapshot(rds, of, wanted.snapshot), `snapshot ${wanted.snapshot}`);
    case 'latest-snapshot':
      return fromSnapshot(
        await latestSnapshot(rds, of),
        of.copied ? 'latest copy of a snapshot' : 'latest automated snapshot',
      );
    default:
      return fromWindow(await automatedBackups(rds, of), of, wanted);
  }
}

type MomentRequest = Exclude<RestorePointRequest, { kind: 'snapshot' | 'latest-snapshot' }>;

function fromWindow(
  { backup, earliest, latest }: AutomatedBackups,
  { copied }: BackedUp,
  wanted: MomentRequest,
): RestorePoint {
  // RDS takes whole seconds, and only moments before the latest restorable one.
  const newest = Math.ceil(latest.getTime() / 1000) * 1000 - 1000;
  const choose = () => {
    if (wanted.kind === 'latest') return newest;
    if (wanted.kind === 'time') return Date.parse(wanted.time);
    const oldest = Math.max(earliest.getTime(), newest - wanted.withinSeconds * 1000);
    return Math.ceil((oldest + Math.random() * Math.max(0, newest - oldest)) / 1000) * 1000;
  };
  const chosen = Math.min(choose(), wanted.kind === 'random' ? newest : Number.POSITIVE_INFINITY);
  if (chosen < earliest.getTime() || chosen > newest) {
    throw new Error(
      `${new Date(chosen).toISOString()} can't be restored: the backups reach from ${earliest.toISOString()} to ` +
        `${latest.toISOString()}; choose a moment between`,
    );
  }
  const requested = { latest: 'latest restorable time', time: 'given time', random: 'random time' }[wanted.kind];
  return {
    requested,
    time: new Date(chosen).toISOString(),
    snapshot: null,
    // Chosen together with the moment: when the restore begins, there may be other backups, with another window.
    ...(copied && {
      automatedBackups: required(backup.DBInstanceAutomatedBackupsArn, 'DBInstanceAutomatedBackupsArn'),
    }),
    latestRestorable: latest.toISOString(),
  };
}

function fromSnapshot(snapshot: DBSnapshot, requested: string): RestorePoint {
  const time = takenAt(snapshot).toISOString();
  return {
    requested,
    time,
    snapshot: required(snapshot.DBSnapshotIdentifier, 'DBSnapshotIdentifier'),
    latestRestorable: time,
  };
}
