import type { Duration } from 'aws-cdk-lib';
import { known } from '../synth/tokens';

export interface TestedWithinOptions {
  /** How old a recovery point may be, 1 to 365 whole days. */
  readonly within: Duration;
}

/** Which recovery point a restore test takes. */
export class TestedRecoveryPoints {
  /** The newest one: what a real recovery would use. */
  public static newest(options: TestedWithinOptions): TestedRecoveryPoints {
    return new TestedRecoveryPoints('LATEST_WITHIN_WINDOW', options.within);
  }

  /** One drawn anew at each test, so that over time all of them are tried. */
  public static random(options: TestedWithinOptions): TestedRecoveryPoints {
    return new TestedRecoveryPoints('RANDOM_WITHIN_WINDOW', options.within);
  }

  /** Whether it is the newest: its age is then what would have been lost. */
  public readonly newest: boolean;

  private constructor(
    /** As AWS Backup writes it. */
    public readonly algorithm: 'LATEST_WITHIN_WINDOW' | 'RANDOM_WITHIN_WINDOW',
    /** How old it may be. */
    public readonly within: Duration,
  ) {
    this.newest = algorithm === 'LATEST_WITHIN_WINDOW';
    const days = known(within.toDays({ integral: false }));
    if (days === undefined || (Number.isInteger(days) && days >= 1 && days <= 365)) return;
    throw new Error(
      `recovery points of the last ${within.toHumanString()} can't be tested: AWS Backup takes whole days from 1 to 365; choose one ` +
        'between',
    );
  }
}
