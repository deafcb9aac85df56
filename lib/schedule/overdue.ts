/**
 * The age from which a backup is overdue: after the next one is due, or the alarm would fire between two healthy
 * backups, and before the one after that, or a missing backup would go unnoticed.
 */
import { Annotations, Duration } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { Recurrence } from './recurrence';
import { gapsBetween } from './week';

/**
 * The age from which a scheduled backup is overdue.
 *
 * @param stated `overdueAfter` of the user, if stated
 * @param slack added to the schedule's longest gap if nothing is stated
 * @throws Error as `refuseEarlyOverdue`
 */
export function overdueOf(
  scope: IConstruct,
  stated: Duration | undefined,
  schedule: Recurrence,
  slack: Duration,
): Duration {
  refuseEarlyOverdue(scope, stated, gapOf(schedule));
  return stated ?? schedule.longestGap.plus(slack);
}

/** The longest time from one start to the next. */
export const gapOf = (schedule: Recurrence) => Duration.minutes(Math.max(...gapsBetween([schedule])));

/**
 * @param stated `overdueAfter` of the user, if stated
 * @param gap longest time from one backup to the next
 * @throws Error when it is not longer than the gap, since the alarm would fire before each backup
 */
export function refuseEarlyOverdue(scope: IConstruct, stated: Duration | undefined, gap: Duration): void {
  if (stated === undefined || stated.isUnresolved() || gap.isUnresolved()) return;
  const [after, between] = [stated.toMilliseconds(), gap.toMilliseconds()];
  const [age, period] = [stated.toHumanString(), gap.toHumanString()];
  if (after <= between) {
    throw new Error(
      `'${scope.node.path}': 'overdueAfter' is ${age}, but backups are up to ${period} apart, so the alarm would fire between two ` +
        `healthy backups; set more than ${period} plus the time that a backup takes`,
    );
  }
  if (isTooLate(stated, gap)) warnOfLateness(scope, `the newest backup is ${age} old`, period);
}

/**
 * The same for a drill. It only warns, since drills started by hand may shorten the gap.
 *
 * @param stated `overdueAfter` of the user, if stated
 * @param gap longest time from one drill to the next
 */
export function warnOfOverdueDrills(drill: IConstruct, stated: Duration | undefined, gap: Duration): void {
  if (stated === undefined || stated.isUnresolved()) return;
  const [age, period] = [stated.toHumanString(), gap.toHumanString()];
  if (stated.toMilliseconds() <= gap.toMilliseconds()) {
    Annotations.of(drill).addWarningV2(
      'lifeboat:overdue-before-due',
      `'overdueAfter' is ${age}, but drills are up to ${period} apart, so the alarm fires between two drills that passed unless ` +
        `one is started by hand; set more than ${period} plus the time that a drill takes, or acknowledge this with who ` +
        'starts drills by hand',
    );
  }
  if (isTooLate(stated, gap)) warnOfLateness(drill, `no drill has passed for ${age}`, period);
}

/** One missing backup of several a day is acceptable. */
const isTooLate = (stated: Duration, gap: Duration) =>
  stated.toMilliseconds() >= 2 * gap.toMilliseconds() && gap.toMilliseconds() >= Duration.days(1).toMilliseconds();

function warnOfLateness(scope: IConstruct, when: string, period: string): void {
  Annotations.of(scope).addWarningV2(
    'lifeboat:overdue-too-late',
    `'overdueAfter' lets no alarm fire until ${when}, and one is due every ${period}, so a missing one goes unnoticed until the ` +
      `next is due; set less than twice ${period}`,
  );
}
