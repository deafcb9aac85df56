import { Duration, Token } from 'aws-cdk-lib';

const DAY = 24 * 60;
const WEEK = 7 * DAY;
const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

/** When RDS takes its daily backup. All times are UTC, as RDS has them. */
export class BackupWindow {
  /**
   * Every day from one time to another. An end before the start lies on the next day.
   *
   * @param from start as hh:mm, UTC
   * @param to end as hh:mm, UTC, at least 30 minutes later
   */
  public static daily(from: string, to: string): BackupWindow {
    const problems = [from, to]
      .filter((time) => !Token.isUnresolved(time) && minuteOfDay(time) === undefined)
      .map((time) => `'${time}' is not a time of day`);
    if (problems.length > 0) {
      throw new Error(
        `backup window ${from}-${to}: ${problems.join(', and ')}, so RDS would refuse it; write hh:mm in UTC, as in '03:00'`,
      );
    }
    const window = new BackupWindow(`${from}-${to}`);
    const length = window.isKnown ? (window.end - window.start + DAY) % DAY : undefined;
    if (length !== undefined && length < 30) {
      throw new Error(
        `backup window ${from}-${to}: it is ${length} minutes long, and RDS refuses less than 30; end it later`,
      );
    }
    return window;
  }

  private constructor(
    /** As RDS writes it: hh:mm-hh:mm. */
    public readonly expression: string,
  ) {}

  /**
   * Whether a maintenance window shares a moment with this one, on any day. RDS refuses such a pair.
   *
   * Touching is not sharing. A window unknown at synth is not compared.
   *
   * @param maintenance as RDS writes it: ddd:hh:mm-ddd:hh:mm
   */
  public overlaps(maintenance: string): boolean {
    if (!this.isKnown || Token.isUnresolved(maintenance)) return false;
    const [from, to] = maintenance.toLowerCase().split('-').map(minuteOfWeek);
    if (from === undefined || to === undefined) throw new Error(maintenanceProblems(maintenance).join());
    // Seen from the maintenance window's start, each day's backup begins at a point of the week.
    const maintenanceLength = (to - from + WEEK) % WEEK;
    const backupLength = (this.end - this.start + DAY) % DAY;
    return WEEKDAYS.some((_, day) => {
      const offset = (day * DAY + this.start - from + WEEK) % WEEK;
      return offset < maintenanceLength || offset + backupLength > WEEK;
    });
  }

  public toString(): string {
    return this.expression;
  }

  /** How long it is: a backup starts somewhere in it. Undefined where it is only known at deployment. */
  public get length(): Duration | undefined {
    return this.isKnown ? Duration.minutes((this.end - this.start + DAY) % DAY) : undefined;
  }

  private get isKnown(): boolean {
    return !Token.isUnresolved(this.expression);
  }

  private get start(): number {
    return minuteOfDay(this.expression.slice(0, 5)) as number;
  }

  private get end(): number {
    return minuteOfDay(this.expression.slice(6)) as number;
  }
}

/**
 * What RDS would refuse of a maintenance window. One unknown at synth is not looked at.
 *
 * @param maintenance as RDS writes it: ddd:hh:mm-ddd:hh:mm
 * @param service who would refuse it, and windows shorter than so many minutes
 */
export function maintenanceProblems(
  maintenance: string | undefined,
  service: { readonly name: string; readonly leastMinutes: number } = { name: 'RDS', leastMinutes: 30 },
): string[] {
  if (maintenance === undefined || Token.isUnresolved(maintenance)) return [];
  const [from, to, ...more] = maintenance.toLowerCase().split('-').map(minuteOfWeek);
  if (from === undefined || to === undefined || more.length > 0) {
    return [
      `maintenance window '${maintenance}' is not of the form ddd:hh:mm-ddd:hh:mm, so ${service.name} would refuse it; ` +
        `write it as in 'sun:04:00-sun:05:00'`,
    ];
  }
  const length = (to - from + WEEK) % WEEK;
  if (length >= service.leastMinutes) return [];
  return [
    `maintenance window '${maintenance}' is ${length} minutes long, and ${service.name} refuses less than ` +
      `${service.leastMinutes}; end it later`,
  ];
}

function minuteOfDay(time: string): number | undefined {
  const [, hours, minutes] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(time) ?? [];
  return hours === undefined ? undefined : Number(hours) * 60 + Number(minutes);
}

function minuteOfWeek(moment: string): number | undefined {
  const day = WEEKDAYS.indexOf(moment.slice(0, 3));
  const minute = moment[3] === ':' ? minuteOfDay(moment.slice(4)) : undefined;
  return day < 0 || minute === undefined ? undefined : day * DAY + minute;
}
