import { type Duration, Mixin } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { BackupWindow } from '../schedule/backup-window';
import { markCovered } from '../synth/coverage';
import { refuseOtherUnits } from '../synth/durations';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';
import { known } from '../synth/tokens';
import { retentionProblems, validateBackups, windowProblems } from './backup-settings';
import { type DatabaseResource, isDatabase, isLimitless } from './database-resource';

export interface DatabaseBackupsProps {
  /**
   * When the daily backup is taken.
   *
   * @default - what the database says itself; else 30 minutes that RDS picks at random
   */
  readonly window?: BackupWindow;

  /**
   * How long automated backups are kept, and how far back a point in time can lie: 1 to 35 whole days. 0 turns automated
   * backups of an instance off; those of a cluster are always on.
   *
   * @default - what the database says itself; else 1 day, which is RDS's default, and synth warns
   */
  readonly retention?: Duration;
}

const PROPS: PropsOf<DatabaseBackupsProps> = { window: true, retention: true };

/**
 * Automated backups of an RDS instance or a cluster, Aurora's or RDS's, for its owner to apply:
 * `database.with(new DatabaseBackups({ ... }))`. Instances of a cluster are backed up by it, and left alone.
 *
 * Besides, backups outlive the instance, and snapshots carry its tags, unless the instance says otherwise.
 *
 * @throws Error that names all that RDS would refuse; at synth for windows that the database is told later
 */
export class DatabaseBackups extends Mixin {
  constructor(private readonly props: DatabaseBackupsProps) {
    super();
    checkProps(this, props, PROPS);
  }

  public supports(construct: IConstruct): construct is DatabaseResource {
    return isDatabase(construct);
  }

  public applyTo(construct: IConstruct): void {
    if (!this.supports(construct)) return;
    const { window, retention } = this.props;
    refuseOtherUnits(`database '${construct.node.path}'`, {}, { retention });
    const days = retention?.toDays({ integral: false });
    refuseAll(`database '${construct.node.path}'`, [
      ...this.statedTwiceProblems(construct, days),
      ...this.valueProblems(construct, days),
    ]);
    construct.preferredBackupWindow ??= window?.expression;
    construct.backupRetentionPeriod ??= days;
    if (!isLimitless(construct)) construct.deleteAutomatedBackups ??= false;
    construct.copyTagsToSnapshot ??= true;
    validateBackups(construct);
    if (construct.backupRetentionPeriod !== 0) markCovered(construct, 'DatabaseBackups');
  }

  /** What the database says and what is asked for here must be one thing: a reader of either believes it. */
  private statedTwiceProblems(database: DatabaseResource, days: number | undefined): string[] {
    const problems: string[] = [];
    const compare = (what: string, stated: unknown, asked: unknown) => {
      if (known(stated) === undefined || known(asked) === undefined || stated === asked) return;
      problems.push(`${what} is ${stated} on the database and ${asked} here, so one would be lost; state it once`);
    };
    compare('the backup window', database.preferredBackupWindow, this.props.window?.expression);
    compare('the backup retention in days', database.backupRetentionPeriod, days);
    return problems;
  }

  private valueProblems(database: DatabaseResource, days: number | undefined): string[] {
    const window = this.props.window?.expression ?? database.preferredBackupWindow;
    return [
      ...windowProblems(window, database.preferredMaintenanceWindow),
      ...retentionProblems(database, known(days)),
    ];
  }
}
