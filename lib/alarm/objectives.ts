/** Recovery point objectives that what is there can't meet, told at synth. */
import { Annotations, Duration } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { isDuration, shown } from '../synth/durations';

/** RDS ships transaction logs so often. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIT.html */
const LOGS_SHIP = Duration.minutes(5);
const SHORT_RPO = 'lifeboat:rpo-below-log-shipping';

/** Once for a plan and all that lies in it. */
export function warnOfShortRpo(construct: IConstruct, rpo: Duration): void {
  if (rpo.isUnresolved() || rpo.toMilliseconds() >= LOGS_SHIP.toMilliseconds()) return;
  const alreadyWarned = construct.node.scopes.some(({ node }) =>
    node.metadata.some(({ data }) => `${data}`.includes(SHORT_RPO)),
  );
  if (alreadyWarned) return;
  Annotations.of(construct).addWarningV2(
    SHORT_RPO,
    `a recovery point objective of ${rpo.toHumanString()} is below the ${LOGS_SHIP.toHumanString()} in which RDS ships its ` +
      'transaction logs, so no point in time can be promised to meet it, and alarms on the recovery point ring though nothing ' +
      'is wrong; allow 5 minutes for what is restored from backups, and leave the seconds to a standby or a replica',
  );
}

/** RDS takes one automated snapshot a day, and other copies are minutes or seconds behind. */
export function warnOfSlowCopies(database: IConstruct, rpo: Duration, kinds: readonly string[], region: string): void {
  if (kinds.some((kind) => kind !== 'snapshots')) return;
  if (rpo.isUnresolved() || rpo.toMilliseconds() >= Duration.days(1).toMilliseconds()) return;
  Annotations.of(database).addWarningV2(
    'lifeboat:copies-beyond-rpo',
    `its only copies in ${region} are daily snapshots, so with the region a day of data is lost, and the objective is ` +
      `${rpo.toHumanString()}; add BackupCopy.automatedBackups(), about five minutes behind, or BackupCopy.replica(); or say what ` +
      `a lost region may cost: RecoveryRegion.named('${region}', { objectives })`,
  );
}

/**
 * What is no objective, as callers may write it who have no compiler: one sentence each.
 *
 * @param objectives as they were handed over
 */
export function objectiveProblems(objectives: unknown): string[] {
  const example = '{ rpo: Duration.minutes(5), rto: Duration.hours(1) }';
  if (typeof objectives !== 'object' || objectives === null) {
    return [
      `'objectives' is ${objectives}, so there is nothing that a drill could meet or miss; give it two durations, as in ${example}`,
    ];
  }
  return (['rpo', 'rto'] as const).flatMap((name) => {
    const value: unknown = Reflect.get(objectives, name);
    if (isDuration(value)) return [];
    return [
      `'objectives.${name}' is ${shown(value)} and not a Duration, so it can't be compared ` +
        `with what drills measure; write it as in ${example}`,
    ];
  });
}

/** What a recovery may cost at most. Drills measure both, and alarms ring where one is not met. */
export interface RecoveryObjectives {
  /** Recovery point objective: how much of the newest data may be lost. */
  readonly rpo: Duration;
  /** Recovery time objective: how long it may take until the data is back and checked. */
  readonly rto: Duration;
}
