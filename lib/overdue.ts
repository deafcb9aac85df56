/**
 * From which age on a backup is overdue: later than the next one is due, else the alarm rings while all is well, and before
 * the one after that, else a whole backup may be missing and nobody knows.
 */
import { Annotations, Duration } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { gapsBetween } from './backup-hours';
import type { DrillSchedule } from './drill-schedule';

/** Longest time from one start to the next. */
export const gapOf = (schedule: DrillSchedule) => Duration.minutes(Math.max(...gapsBetween([schedule])));

/**
 * @param stated what the user asks for, if anything
 * @param gap longest time from one backup to the next
 * @returns what was stated
 * @throws Error when it is not longer than the gap: an age that is reached each time rings each time
 */
export function checkedOverdue(scope: IConstruct, stated: Duration | undefined, gap: Duration): Duration | undefined {
  if (stated === undefined || stated.isUnresolved() || gap.isUnresolved()) return stated;
  const [after, between] = [stated.toMilliseconds(), gap.toMilliseconds()];
  const [age, period] = [stated.toHumanString(), gap.toHumanString()];
  if (after <= between) {
    throw new Error(
      `'${scope.node.path}': ${age} would be overdue and the schedule leaves ${period} between two, so the alarm would ring ` +
        `while all is well; allow more than ${period}, and the time that a backup takes`,
    );
  }
  // Of what is made every few hours one may be missed.
  if (after < 2 * between || between < Duration.days(1).toMilliseconds()) return stated;
  Annotations.of(scope).addWarningV2(
    'lifeboat:overdue-too-late',
    `nobody is told before the newest backup is ${age} old, and one is due every ${period}, so a missing one goes unseen until ` +
      `another is due; choose less than twice ${period}`,
  );
  return stated;
}
