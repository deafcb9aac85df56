/**
 * What AWS Backup or EventBridge would refuse of restore tests, told at synth; and tests that find no recovery point, or none
 * that meets the objective.
 */
import { Annotations, Duration, Token } from 'aws-cdk-lib';
import type { IBackupVault } from 'aws-cdk-lib/aws-backup';
import type { Construct, IConstruct } from 'constructs';
import type { RecoveryObjectives } from '../alarm/objectives';
import { gapsBetween } from '../schedule/week';
import { known } from '../synth/tokens';
import type { BackupTarget } from './backup-target';
import type { BackupTier } from './backup-tier';
import { tiersInAppOf } from './backup-tiers';
import type { TestedRecoveryPoints } from './tested-recovery-points';

/** Of plans and selections. */
export const NAME_LENGTH = 50;
const NAME = /^[A-Za-z0-9_]{1,50}$/;
const MAX_ARNS = 30;
/** Of windows to start in, and of windows to validate in: 7 days. */
const MAX_WINDOW_HOURS = 168;
const MIN_MINUTES_APART = 60;

/** What AWS Backup would refuse of a restore testing plan. */
export function testingProblems(name: string, vaults: readonly IBackupVault[], startWithin: Duration): string[] {
  const problems: string[] = [];
  if (!Token.isUnresolved(name) && !NAME.test(name)) {
    problems.push(
      `'${name}' is not of 1 to 50 letters, digits and underscores, so AWS Backup would refuse the plan; rename it`,
    );
  }
  if (vaults.length === 0) {
    problems.push('there is no vault to take recovery points from, so nothing would be tested; name one');
  }
  if (!isWindow(startWithin)) {
    problems.push(
      `a start window of ${startWithin.toHumanString()} is not of 1 to ${MAX_WINDOW_HOURS} whole hours (7 days), so AWS Backup would refuse it; ` +
        'choose one of these',
    );
  }
  return problems;
}

/** What AWS Backup would refuse of a test of file systems or volumes. */
export function fileSystemsProblems(selectionName: string, targets: readonly BackupTarget[]): string[] {
  const kinds = [...new Set(targets.map(({ kind }) => kind))];
  const problems: string[] = [];
  if (!NAME.test(selectionName)) {
    problems.push(
      `its name '${selectionName}' is longer than 50 characters, so AWS Backup would refuse it; shorten its id`,
    );
  }
  if (kinds.length !== 1 || (kinds[0] !== 'EFS' && kinds[0] !== 'EBS')) {
    problems.push(
      `its targets are of ${kinds.map((kind) => kind ?? 'unknown').join(' and ') || 'no'} kind, and a selection takes one, ` +
        'here EFS or EBS; divide them, and test databases with addDatabase()',
    );
  }
  if (targets.length > MAX_ARNS) {
    problems.push(
      `it names ${targets.length} resources, and AWS Backup takes ${MAX_ARNS} in one selection; divide them`,
    );
  }
  return problems;
}

interface RestoredAs {
  readonly engine: string | undefined;
  readonly instanceClass: string | undefined;
  readonly parameterGroup: string | undefined;
  readonly window: Duration;
}

/** What AWS Backup would refuse of a test of a database, or restore with defaults. */
export function testProblems(
  selectionName: string,
  { engine, instanceClass, parameterGroup, window }: RestoredAs,
): string[] {
  const problems: string[] = [];
  if (engine !== undefined && engine !== 'postgres') {
    problems.push(`it runs ${engine}, and only PostgreSQL can be examined; test a PostgreSQL instance`);
  }
  if (!instanceClass) {
    problems.push(`its class is unknown at synth, so AWS Backup would choose one; state 'instanceType'`);
  }
  if (!parameterGroup) {
    problems.push(
      `its parameter group is unknown at synth, so RDS would take its default one; state 'parameterGroupName'`,
    );
  }
  if (!NAME.test(selectionName)) {
    problems.push(
      `its name '${selectionName}' is longer than 50 characters, so AWS Backup would refuse it; give it a shorter id`,
    );
  }
  if (!isWindow(window)) {
    problems.push(
      `a validation window of ${window.toHumanString()} is not of 1 to ${MAX_WINDOW_HOURS} whole hours (7 days), so AWS Backup ` +
        'would refuse it; choose one of these',
    );
  }
  return problems;
}

function isWindow(window: Duration): boolean {
  const hours = known(window.toHours({ integral: false }));
  return hours === undefined || (Number.isInteger(hours) && hours >= 1 && hours <= MAX_WINDOW_HOURS);
}

interface Tested {
  readonly database: IConstruct;
  readonly objectives: RecoveryObjectives;
}

/** Once the app is whole. @returns no errors: recovery points may be made by plans of other apps, too */
export function warnOfOldRecoveryPoints(
  testing: Construct,
  id: string,
  { database, objectives }: Tested,
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
