/**
 * The age at which a backup is overdue: later than the next one is due, else the alarm fires between two healthy ones, and before
 * the one after that, else a whole backup may be missing unseen.
 */
import { Annotations, Duration } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { Recurrence } from './recurrence';
import { gapsBetween } from './week';

/**
 * The age at which a scheduled backup is overdue.
 *
 * @param stated what the user asks for, if anything
 * @param slack time that a backup may take after it is due, where no age is stated
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
 * @throws Error when it is not longer than the gap: each healthy backup reaches that age
 */
export function refuseEarlyOverdue(scope: IConstruct, stated: Duration | undefined, gap: Duration): void {
  if (stated === undefined || stated.isUnresolved() || gap.isUnresolved()) return;
  const [after, between] = [stated.toMilliseconds(), gap.toMilliseconds()];
  const [age, period] = [stated.toHumanString(), gap.toHumanString()];
  if (after <= between) {
    throw new Error(
      `'${scope.node.path}': 'overdueAfter' is ${age}, but backups are up to ${period} apart, so the alarm would fire ` +
        `between two healthy backups; set it to more than ${period} plus the time that a backup takes`,
    );
  }
  if (isTooLate(stated, gap)) warnOfLateness(scope, `the newest backup is ${age} old`, period);
}

/**
 * The same for a drill, as a warning: drills that are started by hand may shorten the gap.
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
      `'overdueAfter' is ${age}, but drills are up to ${period} apart, so the alarm fires ` +
        `between two that pass, unless a drill is started by hand; set it to more than ${period} plus the time that a drill ` +
        'takes, or acknowledge this and say who starts drills by hand',
    );
  }
  if (isTooLate(stated, gap)) warnOfLateness(drill, `no drill has passed for ${age}`, period);
}

/** One of several backups a day may be missed. */
const isTooLate = (stated: Duration, gap: Duration) =>
  stated.toMilliseconds() >= 2 * gap.toMilliseconds() && gap.toMilliseconds() >= Duration.days(1).toMilliseconds();

function warnOfLateness(scope: IConstruct, when: string, period: string): void {
  Annotations.of(scope).addWarningV2(
    'lifeboat:overdue-too-late',
    `the alarm fires only when ${when}, and one is due every ${period}, so a missing one goes unseen until ` +
      `the next is due too; set 'overdueAfter' to less than twice ${period}`,
  );
}
