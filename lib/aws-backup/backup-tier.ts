import { Duration } from 'aws-cdk-lib';
import { Recurrence, type TimeOfDay, type WeeklyOptions } from '../schedule/recurrence';

/** Options of every tier. */
export interface TierOptions {
  /**
   * After how long a recovery point goes to cold storage, in whole days. It stays there for at least 90 days. EBS and
   * EFS have cold storage, databases and buckets don't.
   *
   * @default - never
   */
  readonly coldAfter?: Duration;

  /**
   * The start window: how long after its scheduled time a job may start, at least 60 minutes. AWS Backup spreads jobs
   * over it, so it must end an hour before a backup or maintenance window of RDS.
   *
   * @default Duration.hours(1)
   */
  readonly startWithin?: Duration;

  /**
   * How long a job may take from its start; then AWS Backup cancels it.
   *
   * @default - 7 days, AWS Backup's default
   */
  readonly completeWithin?: Duration;
}

export interface DailyTierOptions extends TimeOfDay, TierOptions {
  /**
   * How long a recovery point is kept, in whole days.
   *
   * @default Duration.days(30)
   */
  readonly retention?: Duration;
}

export interface WeeklyTierOptions extends WeeklyOptions, TierOptions {
  /**
   * How long a recovery point is kept, in whole days.
   *
   * @default Duration.days(90)
   */
  readonly retention?: Duration;
}

export interface MonthlyTierOptions extends TimeOfDay, TierOptions {
  /**
   * Day of the month, 1 to 31. Shorter months are skipped.
   *
   * @default 1
   */
  readonly day?: number;
  /**
   * How long a recovery point is kept, in whole days.
   *
   * @default Duration.days(365)
   */
  readonly retention?: Duration;
}

export interface YearlyTierOptions extends TimeOfDay, TierOptions {
  /**
   * Month, 1 to 12.
   *
   * @default 1
   */
  readonly month?: number;
  /**
   * Day of the month, 1 to 31.
   *
   * @default 1
   */
  readonly day?: number;
  /**
   * How long a recovery point is kept, in whole days.
   *
   * @default Duration.days(2557), seven years with two leap days
   */
  readonly retention?: Duration;
}

export interface ContinuousTierOptions extends TimeOfDay {
  /**
   * How far back a moment can be restored, 1 to 35 whole days.
   *
   * @default Duration.days(35)
   */
  readonly retention?: Duration;
}

export interface OwnTierOptions extends TierOptions {
  /** When its jobs are due: at most one an hour. */
  readonly schedule: Recurrence;
  /** How long a recovery point is kept, in whole days. */
  readonly retention: Duration;
}

/**
 * Whether a tier takes snapshots, or keeps one recovery point from which every second of the last days can be restored.
 */
export type TierKind = 'snapshot' | 'continuous';

/** One generation of backups: how often one is taken, and how long it is kept. */
export class BackupTier {
  /** One a day, kept 30 days. */
  public static daily(options: DailyTierOptions): BackupTier {
    return new BackupTier(
      'Daily',
      'snapshot',
      Recurrence.daily(options),
      options.retention ?? Duration.days(30),
      options,
    );
  }

  /** One a week, kept 90 days. */
  public static weekly(options: WeeklyTierOptions): BackupTier {
    return new BackupTier(
      'Weekly',
      'snapshot',
      Recurrence.weekly(options),
      options.retention ?? Duration.days(90),
      options,
    );
  }

  /** One a month, kept a year. */
  public static monthly(options: MonthlyTierOptions): BackupTier {
    const schedule = Recurrence.monthly({ ...options, day: options.day ?? 1 });
    return new BackupTier('Monthly', 'snapshot', schedule, options.retention ?? Duration.days(365), options);
  }

  /** One a year, kept seven years. */
  public static yearly(options: YearlyTierOptions): BackupTier {
    const { minute = 0, hour, day = 1, month = 1, timeZone } = options;
    const schedule = Recurrence.cron(`${minute} ${hour} ${day} ${month} ? *`, { timeZone });
    return new BackupTier('Yearly', 'snapshot', schedule, options.retention ?? Duration.days(2557), options);
  }

  /**
   * Every second of the last days, up to about 5 minutes ago for RDS and 15 for S3; Aurora, too. One for each resource,
   * without cold storage; its copies are snapshots.
   * https://docs.aws.amazon.com/aws-backup/latest/devguide/point-in-time-recovery.html
   */
  public static continuous(options: ContinuousTierOptions): BackupTier {
    return new BackupTier(
      'Continuous',
      'continuous',
      Recurrence.daily(options),
      options.retention ?? Duration.days(35),
      {},
    );
  }

  /**
   * A tier of your own.
   *
   * @param name 1 to 50 letters, digits, hyphens, underscores and dots
   */
  public static of(name: string, options: OwnTierOptions): BackupTier {
    return new BackupTier(name, 'snapshot', options.schedule, options.retention, options);
  }

  /** After how long a recovery point goes to cold storage. */
  public readonly coldAfter?: Duration;
  /** How long after its scheduled time a job may start. */
  public readonly startWithin: Duration;
  /** How long a job may take to complete. */
  public readonly completeWithin?: Duration;

  private constructor(
    /** Name of the tier, and of its rule. */
    public readonly name: string,
    /** Snapshots or a continuous backup. */
    public readonly kind: TierKind,
    /** When its jobs are due. */
    public readonly schedule: Recurrence,
    /** How long a recovery point is kept. */
    public readonly retention: Duration,
    options: TierOptions,
  ) {
    this.coldAfter = options.coldAfter;
    this.startWithin = options.startWithin ?? Duration.hours(1);
    this.completeWithin = options.completeWithin;
  }
}
