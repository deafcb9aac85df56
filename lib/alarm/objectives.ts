/** Finds at synth RPOs that can't be met. */
import { Annotations, Duration } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { isDuration, shown } from '../synth/durations';

/** How often RDS uploads transaction logs. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIT.html */
const LOGS_SHIP = Duration.minutes(5);
const SHORT_RPO = 'lifeboat:rpo-below-log-shipping';

/** Warns once for a plan and all in its scope. */
export function warnOfShortRpo(construct: IConstruct, rpo: Duration): void {
  if (rpo.isUnresolved() || rpo.toMilliseconds() >= LOGS_SHIP.toMilliseconds()) return;
  const alreadyWarned = construct.node.scopes.some(({ node }) =>
    node.metadata.some(({ data }) => `${data}`.includes(SHORT_RPO)),
  );
  if (alreadyWarned) return;
  Annotations.of(construct).addWarningV2(
    SHORT_RPO,
    `'rpo' is ${rpo.toHumanString()}, and RDS uploads transaction logs every ${LOGS_SHIP.toHumanString()}, so backups can't ` +
      'meet it, and alarms on the recovery point would fire though nothing is wrong; set at least 5 minutes for backups, and ' +
      'use a standby or a replica for a shorter time',
  );
}

/** RDS takes one automated snapshot a day; other copies lag minutes or seconds. */
export function warnOfSlowCopies(database: IConstruct, rpo: Duration, kinds: readonly string[], region: string): void {
  if (kinds.some((kind) => kind !== 'snapshots')) return;
  if (rpo.isUnresolved() || rpo.toMilliseconds() >= Duration.days(1).toMilliseconds()) return;
  Annotations.of(database).addWarningV2(
    'lifeboat:copies-beyond-rpo',
    `'copies' in ${region} are only daily snapshots, so losing the region loses up to a day of data, and the RPO is ` +
      `${rpo.toHumanString()}; add BackupCopy.automatedBackups(), about five minutes behind, or BackupCopy.replica(); or state ` +
      `objectives for a lost region: RecoveryRegion.named('${region}', { objectives })`,
  );
}

/**
 * Objectives that are not valid, which callers without a compiler may pass: one sentence each.
 *
 * @param objectives unchecked
 */
export function objectiveProblems(objectives: unknown): string[] {
  const example = '{ rpo: Duration.minutes(5), rto: Duration.hours(1) }';
  if (typeof objectives !== 'object' || objectives === null) {
    return [
      `'objectives' is ${objectives}, so drills could not be compared with it; state two durations, as in ${example}`,
    ];
  }
  return (['rpo', 'rto'] as const).flatMap((name) => {
    const value: unknown = Reflect.get(objectives, name);
    if (isDuration(value)) return [];
    return [
      `'objectives.${name}' is ${shown(value)} and not a Duration, so it can't be compared ` +
        `with the results of drills; write it as in ${example}`,
    ];
  });
}

/**
 * How much data a recovery may lose, and how long it may take. Drills measure both; an alarm fires if one is not met.
 */
export interface RecoveryObjectives {
  /** Recovery point objective (RPO): how much of the newest data may be lost. */
  readonly rpo: Duration;
  /** Recovery time objective (RTO): how long it may take until the data is restored and checked. */
  readonly rto: Duration;
}
