/** What RDS would refuse of a copying, or never do, told at synth. */
import { Annotations, Duration, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { countSnapshots } from '../database/snapshot-quota';
import { BackupWindow } from '../schedule/backup-window';
import { refuseOtherUnits } from '../synth/durations';
import { refuseAll } from '../synth/problems';
import { known } from '../synth/tokens';
import type { RecoveryRegion } from './recovery-region';
import type { SnapshotSource } from './snapshot-source';

/** Accounts that one snapshot may be shared with. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ShareSnapshot.html */
const MAX_ACCOUNTS = 20;
/** RDS's own choice where nobody names a window. */
const USUAL_WINDOW = Duration.minutes(30);

interface Copied {
  readonly source: SnapshotSource;
  readonly destination: RecoveryRegion;
  readonly retention: Duration;
  /** @default - 1 day, as RDS takes snapshots */
  readonly rpo?: Duration;
  /** @default - 4 hours */
  readonly copyTime?: Duration;
  /** @default - nobody */
  readonly shareWith?: readonly string[];
  /** @default - the engine's default one */
  readonly optionGroupName?: string;
}

/** @throws Error that names all that keeps snapshots from being copied, as far as synth can tell */
export function refuseUncopyable(copy: Construct, props: Copied): void {
  const { source, destination, retention, rpo, copyTime, shareWith = [] } = props;
  refuseOtherUnits(`snapshot copy '${copy.node.path}'`, { retention }, { rpo, copyTime });
  const database = source.sourceDatabase;
  const problems: string[] = [];
  if (source.kind === 'automated' && Stack.of(copy).region === destination.name) {
    problems.push(
      `${destination} is the database's own region, so the copies would be lost with it; name another region`,
    );
  }
  if (database?.retentionDays === 0) {
    problems.push('its backup retention is 0 days, so RDS takes no automated snapshot; set 1 to 35 days');
  }
  if (database?.engine !== undefined && /^(aurora|docdb|neptune)/.test(database.engine)) {
    problems.push(
      `it runs ${database.engine}, whose snapshots are those of a cluster; copy them with AWS Backup, or use a global database`,
    );
  }
  if (retention.toMilliseconds() < Duration.days(1).toMilliseconds()) {
    problems.push(
      `copies kept for ${retention.toHumanString()} are gone before the next day's snapshot is there; keep them for 1 day or more`,
    );
  }
  if (rpo && rpo.toMilliseconds() < Duration.days(1).toMilliseconds()) {
    problems.push(
      `RDS takes one automated snapshot a day, so copies can't give a recovery point of ${rpo.toHumanString()}; replicate ` +
        'automated backups with BackupCopy.automatedBackups(), or allow 24 hours',
    );
  }
  if (shareWith.length > MAX_ACCOUNTS) {
    problems.push(
      `they are shared with ${shareWith.length} accounts, and RDS shares a snapshot with ${MAX_ACCOUNTS} at most; have one ` +
        'of the accounts share its copies on',
    );
  }
  refuseAll(`snapshots of database '${source}' can't be copied to ${destination}`, problems);
  warn(copy, props);
}

function warn(copy: Construct, { source, destination, retention, optionGroupName }: Copied): void {
  // One a day.
  countSnapshots(copy, destination.name, Math.ceil(retention.toDays({ integral: false })));
  const group = known(source.sourceDatabase?.resource?.optionGroupName);
  if (group !== undefined && !group.startsWith('default') && !optionGroupName) {
    Annotations.of(copy).addWarningV2(
      'lifeboat:copies-without-option-group',
      `the database has the option group '${group}', which does not exist in ${destination}, so copies get the engine's ` +
        'default one, and databases with TDE are not copied at all; make one there, and name it as optionGroupName',
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
