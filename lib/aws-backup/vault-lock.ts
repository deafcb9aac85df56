import { Duration } from 'aws-cdk-lib';
import { refuseAll } from '../synth/problems';
import { known } from '../synth/tokens';

/** What a vault accepts. Jobs that ask for less or more fail. */
export interface VaultLockOptions {
  /**
   * The shortest retention that recovery points may have, in whole days.
   *
   * @default Duration.days(7)
   */
  readonly minRetention?: Duration;

  /**
   * The longest retention that recovery points may have, in whole days.
   *
   * @default - no limit
   */
  readonly maxRetention?: Duration;
}

export interface ComplianceLockOptions extends VaultLockOptions {
  /**
   * How long the lock can still be undone, in whole days: at least 3. After that nobody can, AWS included, and the vault
   * can't be deleted while it holds a recovery point.
   *
   * https://docs.aws.amazon.com/aws-backup/latest/devguide/vault-lock.html
   */
  readonly changeableFor: Duration;
}

const MAX_DAYS = 36_500;
const MIN_CHANGEABLE_DAYS = 3;

/** How firmly a vault holds on to its recovery points. */
export class VaultLock {
  /**
   * Nobody deletes a recovery point before its retention is over, but for those whom IAM lets remove the lock first.
   *
   * @throws Error where AWS Backup would refuse the retentions
   */
  public static governance(options: VaultLockOptions = {}): VaultLock {
    return new VaultLock(options, undefined);
  }

  /**
   * Nobody deletes a recovery point before its retention is over. This can't be undone once `changeableFor` is over.
   *
   * @throws Error where AWS Backup would refuse the retentions or `changeableFor`
   */
  public static compliance(options: ComplianceLockOptions): VaultLock {
    return new VaultLock(options, options.changeableFor);
  }

  /** Shortest retention accepted. */
  public readonly minRetention: Duration;
  /** Longest retention accepted, where there is one. */
  public readonly maxRetention?: Duration;
  /** How long the lock can still be undone; absent in governance mode. */
  public readonly changeableFor?: Duration;

  private constructor(options: VaultLockOptions, changeableFor: Duration | undefined) {
    this.minRetention = options.minRetention ?? Duration.days(7);
    this.maxRetention = options.maxRetention;
    this.changeableFor = changeableFor;
    refuseAll('vault lock', this.retentionProblems());
  }

  private retentionProblems(): string[] {
    const least = known(this.minRetention.toDays({ integral: false }));
    const most = known(this.maxRetention?.toDays({ integral: false }));
    const changeableFor = known(this.changeableFor?.toDays({ integral: false }));
    const problems: string[] = [];
    for (const [what, stated, days] of [
      ['minimum', this.minRetention, least],
      ['maximum', this.maxRetention, most],
    ] as const) {
      if (days === undefined || (Number.isInteger(days) && days >= 1 && days <= MAX_DAYS)) continue;
      problems.push(
        `a ${what} retention of ${stated?.toHumanString()} is not of 1 to ${MAX_DAYS} whole days, so AWS Backup would ` +
          'refuse it; choose one of these',
      );
    }
    if (least !== undefined && most !== undefined && most < least) {
      problems.push(
        `the maximum retention of ${this.maxRetention?.toHumanString()} is below the minimum of ` +
          `${this.minRetention.toHumanString()}, so no recovery point would fit; raise it`,
      );
    }
    if (
      changeableFor !== undefined &&
      !(Number.isInteger(changeableFor) && changeableFor >= MIN_CHANGEABLE_DAYS && changeableFor <= MAX_DAYS)
    ) {
      problems.push(
        `'changeableFor' is ${this.changeableFor?.toHumanString()}, and not ${MIN_CHANGEABLE_DAYS} to ${MAX_DAYS} whole days, so AWS Backup ` +
          `would refuse the lock; give at least ${MIN_CHANGEABLE_DAYS} days, and use them to try the lock out`,
      );
    }
    return problems;
  }
}
