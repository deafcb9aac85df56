/** How old the newest recovery point of AWS Backup may be, against the objective that a restore test is held against. */
import { Annotations, Duration } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { gapsBetween } from '../schedule/week';
import type { BackupTier } from './backup-tier';
import { tiersInAppOf } from './backup-tiers';
import type { TestedDatabaseOptions } from './restore-testing';
import type { TestedRecoveryPoints } from './tested-recovery-points';

const MIN_MINUTES_APART = 60;

/** Once the app is whole. @returns no errors: recovery points may be made by plans of other apps, too */
export function warnOfOldRecoveryPoints(
  testing: Construct,
  id: string,
  { database, objectives }: TestedDatabaseOptions,
  { within, newest }: TestedRecoveryPoints,
): string[] {
  const { rpo } = objectives;
  const plans = tiersInAppOf(testing).filter(({ targets }) => targets.some(({ construct }) => construct === database));
  // Snapshots only: they are what is tested.
  const tiers = plans.flatMap((plan) => plan.tiers.filter(({ kind }) => kind === 'snapshot'));
  warnOfEmptyWindow(testing, id, tiers, within);
  const minutes =
    tiers.length > 0 ? Math.max(...gapsBetween(tiers.map(({ schedule }) => schedule))) : MIN_MINUTES_APART;
  if (!newest || rpo.isUnresolved() || rpo.toMinutes({ integral: false }) >= minutes) return [];
  const who = tiers.length > 0 ? `tiers ${tiers.map(({ name }) => name).join(', ')} take` : 'AWS Backup takes at most';
  Annotations.of(testing).addWarningV2(
    'lifeboat:recovery-points-beyond-rpo',
    `${who} a recovery point every ${Duration.minutes(minutes).toHumanString()}, and the recovery point objective of test ${id} is ` +
      `${rpo.toHumanString()}, so its alarm on the recovery point rings at each test; test with RestoreDrill, which restores ` +
      'the latest moment, or state an objective that snapshots meet',
  );
  return [];
}

function warnOfEmptyWindow(testing: Construct, id: string, tiers: readonly BackupTier[], within: Duration): void {
  const gap = Duration.minutes(Math.max(...gapsBetween(tiers.map(({ schedule }) => schedule)), 0));
  if (within.isUnresolved() || within.toMilliseconds() >= gap.toMilliseconds()) return;
  Annotations.of(testing).addWarningV2(
    'lifeboat:no-recovery-point-in-reach',
    `test ${id} takes recovery points of the last ${within.toHumanString()}, and tiers ${tiers.map(({ name }) => name).join(', ')} ` +
      `take one every ${gap.toHumanString()}, so there may be none to test; reach back ${gap.toHumanString()} or further`,
  );
}
