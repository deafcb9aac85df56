import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { RestorePoint } from '../drill/restore-point';

export interface AlarmStartOptions {
  /**
   * The moment to go back to.
   *
   * @default RestorePoint.latest()
   */
  readonly restore?: RestorePoint;
}

/** What starts a recovery without a person. */
export class RecoveryStart {
  /**
   * An alarm that fires. Restoring, checks and comparison then take place before anybody is awake, and the recovery
   * waits for an approval, as deployed.
   */
  public static onAlarm(alarm: cloudwatch.IAlarm, options: AlarmStartOptions = {}): RecoveryStart {
    return new RecoveryStart(alarm, options.restore ?? RestorePoint.latest(), false);
  }

  /**
   * An alarm that fires, though the approval is waived: nobody sees what is lost before production is changed. A false
   * alarm loses what was written since the restore point.
   */
  public static onAlarmUnapproved(alarm: cloudwatch.IAlarm, options: AlarmStartOptions = {}): RecoveryStart {
    return new RecoveryStart(alarm, options.restore ?? RestorePoint.latest(), true);
  }

  private constructor(
    /** What fires. */
    public readonly alarm: cloudwatch.IAlarm,
    /** The moment to go back to. */
    public readonly restore: RestorePoint,
    /** Whether it may start one whose approval is waived. */
    public readonly unapproved: boolean,
  ) {}
}
