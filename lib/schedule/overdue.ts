/**
 * From which age on a backup is overdue: later than the next one is due, else the alarm rings while all is well, and before
 * the one after that, else a whole backup may be missing and nobody knows.
 */
import { Annotations, Duration } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { Recurrence } from './recurrence';
import { gapsBetween } from './week';

/**
 * The age from which on what a schedule makes is overdue.
 *
 * @param stated what the user asks for, if anything
 * @param slack how long after it is due it may take, where nothing is stated
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

/** Longest time from one start to the next. */
export const gapOf = (schedule: Recurrence) => Duration.minutes(Math.max(...gapsBetween([schedule])));

/**
 * @param stated what the user asks for, if anything
 * @param gap longest time from one backup to the next
 * @throws Error when it is not longer than the gap: an age that is reached each time rings each time
 */
export function refuseEarlyOverdue(scope: IConstruct, stated: Duration | undefined, gap: Duration): void {
  if (stated === undefined || stated.isUnresolved() || gap.isUnresolved()) return;
  const [after, between] = [stated.toMilliseconds(), gap.toMilliseconds()];
  const [age, period] = [stated.toHumanString(), gap.toHumanString()];
  if (after <= between) {
    throw new Error(
      `'${scope.node.path}': ${age} would be overdue and the schedule leaves ${period} between two, so the alarm would ring ` +
        `while all is well; allow more than ${period}, and the time that a backup takes`,
    );
  }
  if (isTooLate(stated, gap)) warnOfLateness(scope, `the newest backup is ${age} old`, period);
}

/**
 * The same of a drill, which somebody may also start by hand: what the schedule leaves too long, they may shorten.
 *
 * @param stated what the user asks for, if anything
 * @param gap longest time from one drill to the next
 */
export function warnOfOverdueDrills(drill: IConstruct, stated: Duration | undefined, gap: Duration): void {
  if (stated === undefined || stated.isUnresolved()) return;
  const [age, period] = [stated.toHumanString(), gap.toHumanString()];
  if (stated.toMilliseconds() <= gap.toMilliseconds()) {
    Annotations.of(drill).addWarningV2(
      'lifeboat:overdue-before-due',
      `${age} without a drill that passed would be overdue, and the schedule leaves ${period} between two, so the alarm rings ` +
        `while all is well unless somebody drills by hand meanwhile; allow more than ${period}, and the time that a drill ` +
        'takes, or acknowledge this with who drills by hand',
    );
  }
  if (isTooLate(stated, gap)) warnOfLateness(drill, `no drill has passed for ${age}`, period);
}

/** Of what is made every few hours one may be missed. */
const isTooLate = (stated: Duration, gap: Duration) =>
  stated.toMilliseconds() >= 2 * gap.toMilliseconds() && gap.toMilliseconds() >= Duration.days(1).toMilliseconds();

function warnOfLateness(scope: IConstruct, when: string, period: string): void {
  Annotations.of(scope).addWarningV2(
    'lifeboat:overdue-too-late',
    `nobody is told before ${when}, and one is due every ${period}, so a missing one goes unseen until another is due; choose ` +
      `less than twice ${period}`,
  );
}
