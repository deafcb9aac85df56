import type { Duration } from 'aws-cdk-lib';

/** What a recovery may cost at most. Drills measure both, and alarms ring where one is not met. */
export interface RecoveryObjectives {
  /** Recovery point objective: how much of the newest data may be lost. */
  readonly rpo: Duration;
  /** Recovery time objective: how long it may take until the data is back and checked. */
  readonly rto: Duration;
}
