import { Duration, TimeZone } from 'aws-cdk-lib';
import { ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import { longestGapInDays } from './cron';

/** Days of the week, as in cron expressions of EventBridge Scheduler. */
export enum Weekday {
  MONDAY = 'MON',
  TUESDAY = 'TUE',
  WEDNESDAY = 'WED',
  THURSDAY = 'THU',
  FRIDAY = 'FRI',
  SATURDAY = 'SAT',
  SUNDAY = 'SUN',
}

export interface TimeOfDay {
  /** Hour, 0 to 23. */
  readonly hour: number;
  /**
   * Minute, 0 to 59.
   *
   * @default 0
   */
  readonly minute?: number;
  /**
   * Time zone. EventBridge Scheduler skips a time that does not exist on the day of the change to summer time.
   *
   * @default TimeZone.ETC_UTC
   */
  readonly timeZone?: TimeZone;
}

export interface WeeklyOptions extends TimeOfDay {
  /** The day. */
  readonly weekday: Weekday;
}

export interface NthWeekdayOptions extends WeeklyOptions {
  /** Which one of the month, 1 to 5. Months without a fifth one are skipped. */
  readonly nth: number;
}

export interface MonthlyOptions extends TimeOfDay {
  /** Day of the month, 1 to 31. Shorter months are skipped. */
  readonly day: number;
}

export interface QuarterlyOptions extends TimeOfDay {
  /**
   * Day of the quarter's first month, 1 to 31.
   *
   * @default 1
   */
  readonly day?: number;
}

export interface CronOptions {
  /**
   * Time zone.
   *
   * @default TimeZone.ETC_UTC
   */
  readonly timeZone?: TimeZone;
}

/** When something runs: a drill, a backup, an export. */
export class Recurrence {
  /** Every day. */
  public static daily(at: TimeOfDay): Recurrence {
    return Recurrence.of(at, '* * ?');
  }

  /** Every week on one day. */
  public static weekly(options: WeeklyOptions): Recurrence {
    return Recurrence.of(options, `? * ${options.weekday}`);
  }

  /** Every month on one date. */
  public static monthly(options: MonthlyOptions): Recurrence {
    return Recurrence.of(options, `${options.day} * ?`);
  }

  /** Every month on its first Sunday. */
  public static firstSunday(at: TimeOfDay): Recurrence {
    return Recurrence.nthWeekday({ ...at, weekday: Weekday.SUNDAY, nth: 1 });
  }

  /** Every month on its nth Monday, Tuesday and so on. */
  public static nthWeekday(options: NthWeekdayOptions): Recurrence {
    return Recurrence.of(options, `? * ${options.weekday}#${options.nth}`);
  }

  /** In January, April, July and October. */
  public static quarterly(options: QuarterlyOptions): Recurrence {
    return Recurrence.of(options, `${options.day ?? 1} 1,4,7,10 ?`);
  }

  /**
   * An expression of your own.
   *
   * @param expression the six fields of a cron expression of EventBridge Scheduler, such as `0 10 ? * SUN#1 *`
   */
  public static cron(expression: string, options: CronOptions = {}): Recurrence {
    return new Recurrence(expression, options.timeZone ?? TimeZone.ETC_UTC);
  }

  private static of({ hour, minute = 0, timeZone = TimeZone.ETC_UTC }: TimeOfDay, days: string): Recurrence {
    return new Recurrence(`${minute} ${hour} ${days} *`, timeZone);
  }

  /** The expression for EventBridge Scheduler. */
  public readonly expression: ScheduleExpression;

  /** The longest time from one run to the next, in whole days. */
  public readonly longestGap: Duration;

  private constructor(cron: string, timeZone: TimeZone) {
    const days = gap(cron);
    if (days === undefined) {
      throw new Error(`schedule '${cron}' never fires; choose a date that exists`);
    }
    this.expression = ScheduleExpression.expression(`cron(${cron})`, timeZone);
    this.longestGap = Duration.days(days);
  }
}

function gap(cron: string): number | undefined {
  if (/^\s*(cron|rate|at)\(/.test(cron)) {
    throw new Error(
      `schedule '${cron}' is a whole expression, and only the fields of a cron expression are accepted; write the six fields, ` +
        "as in '0 10 ? * SUN#1 *'",
    );
  }
  try {
    return longestGapInDays(cron.trim().split(/\s+/));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`schedule '${cron}' is not valid: ${reason}; write it as in '0 10 ? * SUN#1 *'`);
  }
}
