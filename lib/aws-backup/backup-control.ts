import { type Duration, Token } from 'aws-cdk-lib';
import type * as backup from 'aws-cdk-lib/aws-backup';

export interface FrequencyAndRetention {
  /** The longest time between two backups of a plan: 1 to 24 whole hours, or 1 to 31 whole days. */
  readonly every: Duration;
  /** The shortest retention of its recovery points, in whole days. */
  readonly retention: Duration;
}

/**
 * One thing that AWS Backup Audit Manager checks each day.
 *
 * https://docs.aws.amazon.com/aws-backup/latest/devguide/controls-and-remediation.html
 */
export class BackupControl {
  /** Each resource is in a backup plan. */
  public static protectedByPlan(): BackupControl {
    return new BackupControl('BACKUP_RESOURCES_PROTECTED_BY_BACKUP_PLAN');
  }

  /** Each backup plan backs up often enough and keeps recovery points long enough. */
  public static frequencyAndRetention(options: FrequencyAndRetention): BackupControl {
    const { unit, value } = age('every', options.every, 24);
    return new BackupControl('BACKUP_PLAN_MIN_FREQUENCY_AND_MIN_RETENTION_CHECK', {
      requiredFrequencyUnit: unit,
      requiredFrequencyValue: value,
      requiredRetentionDays: wholeDays(options.retention),
    });
  }

  /** No vault allows recovery points to be deleted by hand. */
  public static noManualDeletion(): BackupControl {
    return new BackupControl('BACKUP_RECOVERY_POINT_MANUAL_DELETION_DISABLED');
  }

  /** Recovery points are encrypted. */
  public static encrypted(): BackupControl {
    return new BackupControl('BACKUP_RECOVERY_POINT_ENCRYPTED');
  }

  /**
   * Recovery points are kept at least this long.
   *
   * @param retention whole days
   */
  public static minimumRetention(retention: Duration): BackupControl {
    return new BackupControl('BACKUP_RECOVERY_POINT_MINIMUM_RETENTION_CHECK', {
      requiredRetentionDays: wholeDays(retention),
    });
  }

  /** Recovery points are copied into another region. */
  public static crossRegion(): BackupControl {
    return new BackupControl('BACKUP_RESOURCES_PROTECTED_BY_CROSS_REGION');
  }

  /** Recovery points are copied into another account. */
  public static crossAccount(): BackupControl {
    return new BackupControl('BACKUP_RESOURCES_PROTECTED_BY_CROSS_ACCOUNT');
  }

  /** Recovery points lie in a locked vault. */
  public static vaultLock(): BackupControl {
    return new BackupControl('BACKUP_RESOURCES_PROTECTED_BY_BACKUP_VAULT_LOCK');
  }

  /**
   * Each resource has a recovery point that is at most this old.
   *
   * @param within 1 to 744 whole hours, or 1 to 31 whole days
   */
  public static lastRecoveryPoint(within: Duration): BackupControl {
    const { unit, value } = age('within', within, 744);
    return new BackupControl('BACKUP_LAST_RECOVERY_POINT_CREATED', {
      recoveryPointAgeUnit: unit,
      recoveryPointAgeValue: value,
    });
  }

  /**
   * Restores take at most this long.
   *
   * @param most whole minutes
   */
  public static restoreTime(most: Duration): BackupControl {
    const minutes = most.toMinutes({ integral: false });
    if (!Token.isUnresolved(minutes) && !(Number.isInteger(minutes) && minutes >= 1)) {
      throw refusal('most', most.toHumanString(), 'whole minutes from 1');
    }
    return new BackupControl('RESTORE_TIME_FOR_RESOURCES_MEET_TARGET', { maxRestoreTime: `${minutes}` });
  }

  private constructor(
    /** Name of the control in Audit Manager. */
    public readonly name: string,
    private readonly parameters: Record<string, string> = {},
  ) {}

  /** The control as a CloudFormation property. */
  public get property(): backup.CfnFramework.FrameworkControlProperty {
    const parameters = Object.entries(this.parameters);
    return {
      controlName: this.name,
      controlInputParameters:
        parameters.length > 0
          ? parameters.map(([parameterName, parameterValue]) => ({ parameterName, parameterValue }))
          : undefined,
    };
  }
}

const MAX_DAYS = 31;

/** In hours, unless it is a whole number of days. */
function age(what: string, duration: Duration, mostHours: number): { unit: 'hours' | 'days'; value: string } {
  const hours = duration.toHours({ integral: false });
  if (Token.isUnresolved(hours)) return { unit: 'hours', value: `${hours}` };
  const days = hours / 24;
  if (Number.isInteger(days) && days >= 1 && days <= MAX_DAYS) return { unit: 'days', value: `${days}` };
  if (Number.isInteger(hours) && hours >= 1 && hours <= mostHours) return { unit: 'hours', value: `${hours}` };
  throw refusal(what, duration.toHumanString(), `1 to ${mostHours} whole hours, or 1 to ${MAX_DAYS} whole days`);
}

function wholeDays(retention: Duration): string {
  const days = retention.toDays({ integral: false });
  if (!Token.isUnresolved(days) && !(Number.isInteger(days) && days >= 1)) {
    throw refusal('retention', retention.toHumanString(), 'whole days from 1');
  }
  return `${days}`;
}

function refusal(what: string, given: string, legal: string): Error {
  return new Error(`backup control: '${what}' is ${given}, and Audit Manager takes ${legal}; choose one of these`);
}
