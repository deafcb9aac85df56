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
   * @default - the database's own setting; without one, 30 minutes that RDS picks at random
   */
  readonly window?: BackupWindow;

  /**
   * How long automated backups are kept, and so how far back a moment can be restored: 1 to 35 whole days. 0 turns
   * automated backups of an instance off; those of a cluster are always on.
   *
   * @default - the database's own setting; without one, RDS's default of 1 day, and synth warns
   */
  readonly retention?: Duration;
}

const PROPS: PropsOf<DatabaseBackupsProps> = { window: true, retention: true };

/**
 * Automated backups of an RDS instance or a cluster of Aurora or RDS. Its owner applies it:
 * `database.with(new DatabaseBackups({ ... }))`. Instances of a cluster are skipped, since the cluster backs them up.
 *
 * Backups are also kept after the instance is deleted, and snapshots get its tags, unless the instance states
 * otherwise.
 *
 * @throws Error that lists all that RDS would refuse; at synth for windows that are set on the database later
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

  /** Settings of the database and of this Mixin that contradict each other. */
  private statedTwiceProblems(database: DatabaseResource, days: number | undefined): string[] {
    const problems: string[] = [];
    const compare = (what: string, stated: unknown, asked: unknown) => {
      if (known(stated) === undefined || known(asked) === undefined || stated === asked) return;
      problems.push(
        `${what} is ${stated} on the database and ${asked} in DatabaseBackups, so one would be lost; state it once`,
      );
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
