import type { Duration } from 'aws-cdk-lib';
import { known } from '../synth/tokens';

export interface TestedWithinOptions {
  /** How old a recovery point may be, 1 to 365 whole days. */
  readonly within: Duration;
}

/** Which recovery point a restore test takes. */
export class TestedRecoveryPoints {
  /** The newest: a real recovery would use that. */
  public static newest(options: TestedWithinOptions): TestedRecoveryPoints {
    return new TestedRecoveryPoints('LATEST_WITHIN_WINDOW', options.within);
  }

  /** A random one at each test, so that over time all are tested. */
  public static random(options: TestedWithinOptions): TestedRecoveryPoints {
    return new TestedRecoveryPoints('RANDOM_WITHIN_WINDOW', options.within);
  }

  /** Whether the newest is tested. Its age is then the data that would have been lost. */
  public readonly newest: boolean;

  private constructor(
    /** AWS Backup's name for it. */
    public readonly algorithm: 'LATEST_WITHIN_WINDOW' | 'RANDOM_WITHIN_WINDOW',
    /** How old it may be. */
    public readonly within: Duration,
  ) {
    this.newest = algorithm === 'LATEST_WITHIN_WINDOW';
    const days = known(within.toDays({ integral: false }));
    if (days === undefined || (Number.isInteger(days) && days >= 1 && days <= 365)) return;
    throw new Error(
      `tested recovery points: 'within' is ${within.toHumanString()}, and AWS Backup takes 1 to 365 whole days; choose one ` +
        'of these',
    );
  }
}
