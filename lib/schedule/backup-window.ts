import { Duration, Token } from 'aws-cdk-lib';
import { dailyWindow, minuteOfDay, RDS_LIMITS, type Window, weeklyWindow, windowsOverlap } from '../../lambda/contract';

/** When RDS takes its daily backup. All times are in UTC. */
export class BackupWindow {
  /**
   * Every day from one time to another. An end before the start is on the next day.
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
    const length = window.known?.minutes;
    if (length !== undefined && length < RDS_LIMITS.windowMinutes) {
      throw new Error(
        `backup window ${from}-${to}: it is ${length} minutes long, and RDS requires at least ${RDS_LIMITS.windowMinutes}; end it later`,
      );
    }
    return window;
  }

  private constructor(
    /** In the form of RDS: hh:mm-hh:mm. */
    public readonly expression: string,
  ) {}

  /**
   * Whether a maintenance window overlaps this one on any day, which RDS refuses.
   *
   * One may start when the other ends. A window unknown at synth is not compared.
   *
   * @param maintenance in the form of RDS: ddd:hh:mm-ddd:hh:mm
   */
  public overlaps(maintenance: string): boolean {
    const daily = this.known;
    if (!daily || Token.isUnresolved(maintenance)) return false;
    const weekly = weeklyWindow(maintenance);
    if (!weekly) throw new Error(maintenanceProblems(maintenance).join());
    return windowsOverlap(daily, weekly);
  }

  public toString(): string {
    return this.expression;
  }

  /** Length of the window, in which a backup starts at some time. Undefined if unknown at synth. */
  public get length(): Duration | undefined {
    return this.known && Duration.minutes(this.known.minutes);
  }

  private get known(): Window | undefined {
    return Token.isUnresolved(this.expression) ? undefined : dailyWindow(this.expression);
  }
}

/**
 * What RDS would refuse in a maintenance window. One unknown at synth is not checked.
 *
 * @param maintenance in the form of RDS: ddd:hh:mm-ddd:hh:mm
 * @param service that would refuse it, with the shortest window that it accepts
 */
export function maintenanceProblems(
  maintenance: string | undefined,
  service: { readonly name: string; readonly leastMinutes: number } = {
    name: 'RDS',
    leastMinutes: RDS_LIMITS.windowMinutes,
  },
): string[] {
  if (maintenance === undefined || Token.isUnresolved(maintenance)) return [];
  const weekly = weeklyWindow(maintenance);
  if (!weekly) {
    return [
      `maintenance window '${maintenance}' is not in the form ddd:hh:mm-ddd:hh:mm, so ${service.name} would refuse it; ` +
        `write it as in 'sun:04:00-sun:05:00'`,
    ];
  }
  const length = weekly.minutes;
  if (length >= service.leastMinutes) return [];
  return [
    `maintenance window '${maintenance}' is ${length} minutes long, and ${service.name} requires at least ` +
      `${service.leastMinutes}; end it later`,
  ];
}
