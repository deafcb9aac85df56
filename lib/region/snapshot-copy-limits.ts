/** Finds at synth what RDS would refuse in a snapshot copy, or never do. */
import { Annotations, Duration, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { countSnapshots } from '../database/snapshot-quota';
import { BackupWindow } from '../schedule/backup-window';
import { refuseOtherUnits } from '../synth/durations';
import { refuseAll } from '../synth/problems';
import { known } from '../synth/tokens';
import type { RecoveryRegion } from './recovery-region';
import { warnOfMissingKey } from './recovery-site';
import type { SnapshotSource } from './snapshot-source';

/**
 * Accounts that one snapshot may be shared with.
 * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ShareSnapshot.html
 */
const MAX_ACCOUNTS = 20;
/** Length of the window that RDS picks if none is stated. */
const USUAL_WINDOW = Duration.minutes(30);

interface Copied {
  readonly source: SnapshotSource;
  readonly destination: RecoveryRegion;
  readonly retention: Duration;
  /** @default - 1 day, as RDS takes snapshots */
  readonly rpo?: Duration;
  /** @default - 4 hours */
  readonly copyTime?: Duration;
  /** @default - none */
  readonly shareWith?: readonly string[];
  /** @default - the engine's default */
  readonly optionGroupName?: string;
}

/** @throws Error that lists all problems of copying snapshots that synth can find */
export function refuseUncopyable(copy: Construct, props: Copied): void {
  const { source, destination, retention, rpo, copyTime, shareWith = [] } = props;
  refuseOtherUnits(`snapshot copy '${copy.node.path}'`, { retention }, { rpo, copyTime });
  const database = source.sourceDatabase;
  const problems: string[] = [];
  if (source.kind === 'automated' && Stack.of(copy).region === destination.name) {
    problems.push(
      `'destination' is ${destination}, the database's own region, so copies would be lost with it; use another region`,
    );
  }
  if (database?.retentionDays === 0) {
    problems.push('its backup retention is 0 days, so RDS takes no automated snapshot; set 1 to 35 days');
  }
  if (database?.engine !== undefined && /^(aurora|docdb|neptune)/.test(database.engine)) {
    problems.push(
      `it runs ${database.engine}, which has only cluster snapshots; copy them with AWS Backup, or use a global database`,
    );
  }
  if (retention.toMilliseconds() < Duration.days(1).toMilliseconds()) {
    problems.push(
      `'retention' is ${retention.toHumanString()}, so copies would be deleted before the next daily snapshot exists; set 1 day or more`,
    );
  }
  if (rpo && rpo.toMilliseconds() < Duration.days(1).toMilliseconds()) {
    problems.push(
      `'rpo' is ${rpo.toHumanString()}, and RDS takes one automated snapshot a day, so copies can't meet it; replicate ` +
        'automated backups with BackupCopy.automatedBackups(), or set 24 hours or more',
    );
  }
  if (shareWith.length > MAX_ACCOUNTS) {
    problems.push(
      `'shareWith' has ${shareWith.length} accounts, and RDS shares a snapshot with at most ${MAX_ACCOUNTS}; let one of the ` +
        'accounts copy them and share its copies',
    );
  }
  refuseAll(`copies of snapshots of database '${source}' in ${destination}`, problems);
  warn(copy, props);
}

function warn(copy: Construct, { source, destination, retention, optionGroupName }: Copied): void {
  warnOfMissingKey(copy, destination);
  // One a day.
  countSnapshots(copy, destination.name, Math.ceil(retention.toDays({ integral: false })));
  const group = known(source.sourceDatabase?.resource?.optionGroupName);
  if (group !== undefined && !group.startsWith('default') && !optionGroupName) {
    Annotations.of(copy).addWarningV2(
      'lifeboat:copies-without-option-group',
      `'optionGroupName' is missing, and the database's option group '${group}' does not exist in ${destination}, so copies get the ` +
        "engine's default, and copies of databases with TDE fail; create a group there, and state it",
    );
  }
}

/** How much later than a day the next automated snapshot may come. */
function backupWindowLength(source: SnapshotSource): Duration {
  const stated = known(source.sourceDatabase?.resource?.preferredBackupWindow);
  const [from, to] = stated?.split('-') ?? [];
  return (from && to && BackupWindow.daily(from, to).length) || USUAL_WINDOW;
}

/** What the age of copies depends on. */
interface Timed extends Pick<Copied, 'rpo' | 'copyTime' | 'source'> {
  /** @default - the window that the database names, else 30 minutes */
  readonly window?: BackupWindow;
}

/** A backup may start anywhere in its window, and a copy is young only once it is there. */
export function allowedAge({ rpo, copyTime, window, source }: Timed): Duration {
  return (rpo ?? Duration.days(1))
    .plus(window?.length ?? backupWindowLength(source))
    .plus(copyTime ?? Duration.hours(4));
}
