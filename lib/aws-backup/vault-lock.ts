import { Duration } from 'aws-cdk-lib';
import { refuseAll } from '../synth/problems';
import { known } from '../synth/tokens';

/** The retentions that a vault accepts. Jobs with a shorter or longer one fail. */
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
   * How long the lock can still be undone, in whole days: at least 3. After that no one can undo it, AWS included, and
   * the vault can't be deleted while it holds a recovery point.
   *
   * https://docs.aws.amazon.com/aws-backup/latest/devguide/vault-lock.html
   */
  readonly changeableFor: Duration;
}

const MAX_DAYS = 36_500;
const MIN_CHANGEABLE_DAYS = 3;

/** The lock of a vault, which protects its recovery points from early deletion. */
export class VaultLock {
  /**
   * Governance mode: a recovery point can't be deleted before its retention is over, except by a principal whose IAM
   * permissions let it remove the lock first.
   *
   * @throws Error when AWS Backup would refuse the retentions
   */
  public static governance(options: VaultLockOptions = {}): VaultLock {
    return new VaultLock(options, undefined);
  }

  /**
   * Compliance mode: no one can delete a recovery point before its retention is over. This can't be undone once
   * `changeableFor` is over.
   *
   * @throws Error when AWS Backup would refuse the retentions or `changeableFor`
   */
  public static compliance(options: ComplianceLockOptions): VaultLock {
    return new VaultLock(options, options.changeableFor);
  }

  /** Shortest retention accepted. */
  public readonly minRetention: Duration;
  /** Longest retention accepted; absent without a limit. */
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
    for (const [property, stated, days] of [
      ['minRetention', this.minRetention, least],
      ['maxRetention', this.maxRetention, most],
    ] as const) {
      if (days === undefined || (Number.isInteger(days) && days >= 1 && days <= MAX_DAYS)) continue;
      problems.push(
        `'${property}' is ${stated?.toHumanString()}, not 1 to ${MAX_DAYS} whole days, so AWS Backup would refuse it; ` +
          'choose one of these',
      );
    }
    if (least !== undefined && most !== undefined && most < least) {
      problems.push(
        `'maxRetention' is ${this.maxRetention?.toHumanString()}, less than 'minRetention' of ` +
          `${this.minRetention.toHumanString()}, so no recovery point would fit; raise it`,
      );
    }
    if (
      changeableFor !== undefined &&
      !(Number.isInteger(changeableFor) && changeableFor >= MIN_CHANGEABLE_DAYS && changeableFor <= MAX_DAYS)
    ) {
      problems.push(
        `'changeableFor' is ${this.changeableFor?.toHumanString()}, not ${MIN_CHANGEABLE_DAYS} to ${MAX_DAYS} whole days, so AWS Backup ` +
          `would refuse the lock; set at least ${MIN_CHANGEABLE_DAYS} days, and use them to try the lock out`,
      );
    }
    return problems;
  }
}
