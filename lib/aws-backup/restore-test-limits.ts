/**
 * Finds at synth what AWS Backup or EventBridge would refuse in restore tests, and tests that would find no recovery
 * point, or none that meets the objective.
 */
import { Annotations, Duration, Token } from 'aws-cdk-lib';
import type { IBackupVault } from 'aws-cdk-lib/aws-backup';
import type { Construct, IConstruct } from 'constructs';
import type { RecoveryObjectives } from '../alarm/objectives';
import type { SourceDatabase } from '../database/source-database';
import { gapsBetween } from '../schedule/week';
import { known } from '../synth/tokens';
import type { BackupTarget } from './backup-target';
import type { BackupTier } from './backup-tier';
import { tiersInAppOf } from './backup-tiers';
import type { TestedRecoveryPoints } from './tested-recovery-points';

/** Limit for names of plans and selections. */
export const NAME_LENGTH = 50;
const NAME = /^[A-Za-z0-9_]{1,50}$/;
const MAX_ARNS = 30;
/** Limit for start windows and validation windows: 7 days. */
const MAX_WINDOW_HOURS = 168;
const MIN_MINUTES_APART = 60;

/** What AWS Backup would refuse in a restore testing plan. */
export function testingProblems(name: string, vaults: readonly IBackupVault[], startWithin: Duration): string[] {
  const problems: string[] = [];
  if (!Token.isUnresolved(name) && !NAME.test(name)) {
    problems.push(
      `'testingPlanName' is '${name}', not 1 to 50 letters, digits and underscores, so AWS Backup would refuse it; rename it`,
    );
  }
  if (vaults.length === 0) {
    problems.push("'vaults' is empty, so nothing would be tested; name the vault of the recovery points");
  }
  if (!isWindow(startWithin)) {
    problems.push(
      `'startWithin' is ${startWithin.toHumanString()}, not 1 to ${MAX_WINDOW_HOURS} whole hours (7 days), so AWS Backup would refuse it; ` +
        'choose one of these',
    );
  }
  return problems;
}

/** What AWS Backup would refuse in a test of file systems or volumes. */
export function fileSystemsProblems(selectionName: string, targets: readonly BackupTarget[]): string[] {
  const kinds = [...new Set(targets.map(({ kind }) => kind))];
  const problems: string[] = [];
  if (!NAME.test(selectionName)) {
    problems.push(
      `its name '${selectionName}' is longer than 50 characters, so AWS Backup would refuse it; use a shorter id`,
    );
  }
  if (kinds.length !== 1 || (kinds[0] !== 'EFS' && kinds[0] !== 'EBS')) {
    problems.push(
      `'targets' are of kind ${kinds.map((kind) => kind ?? 'unknown').join(' and ') || 'none'}, and a selection takes one kind, ` +
        'here EFS or EBS; add a test for each kind, and test databases with addDatabase()',
    );
  }
  if (targets.length > MAX_ARNS) {
    problems.push(
      `'targets' has ${targets.length} resources, and AWS Backup takes ${MAX_ARNS} in one selection; divide them over several tests`,
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

/** What AWS Backup would refuse in a test of a database, or restore with defaults. */
export function testProblems(
  selectionName: string,
  { engine, instanceClass, parameterGroup, window }: RestoredAs,
): string[] {
  const problems: string[] = [];
  if (engine !== undefined && engine !== 'postgres') {
    problems.push(`'database' runs ${engine}, and only PostgreSQL can be examined; test a PostgreSQL instance`);
  }
  if (!instanceClass) {
    problems.push(
      `'instanceType' is missing, and the database's class is unknown at synth, so AWS Backup would choose one; state it`,
    );
  }
  if (!parameterGroup) {
    problems.push(
      `'parameterGroupName' is missing, and the database's parameter group is unknown at synth, so RDS would use its default; state it`,
    );
  }
  if (!NAME.test(selectionName)) {
    problems.push(
      `its name '${selectionName}' is longer than 50 characters, so AWS Backup would refuse it; use a shorter id`,
    );
  }
  if (!isWindow(window)) {
    problems.push(
      `'validationWindow' is ${window.toHumanString()}, not 1 to ${MAX_WINDOW_HOURS} whole hours (7 days), so AWS Backup ` +
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

/**
 * Called once the app is complete. @returns no errors, since backup plans of other apps may take recovery points, too
 */
export function warnOfOldRecoveryPoints(
  testing: Construct,
  id: string,
  { database, objectives }: Tested,
  { within, newest }: TestedRecoveryPoints,
): string[] {
  const { rpo } = objectives;
  const plans = tiersInAppOf(testing).filter(({ targets }) => targets.some(({ construct }) => construct === database));
  // Only snapshots are tested.
  const tiers = plans.flatMap((plan) => plan.tiers.filter(({ kind }) => kind === 'snapshot'));
  warnOfEmptyWindow(testing, id, tiers, within);
  const minutes =
    tiers.length > 0 ? Math.max(...gapsBetween(tiers.map(({ schedule }) => schedule))) : MIN_MINUTES_APART;
  if (!newest || rpo.isUnresolved() || rpo.toMinutes({ integral: false }) >= minutes) return [];
  const who = tiers.length > 0 ? `tiers ${tiers.map(({ name }) => name).join(', ')} take` : 'AWS Backup takes at most';
  Annotations.of(testing).addWarningV2(
    'lifeboat:recovery-points-beyond-rpo',
    `${who} a recovery point every ${Duration.minutes(minutes).toHumanString()}, and the RPO of test ${id} is ` +
      `${rpo.toHumanString()}, so the alarm on its recovery point would fire at each test; test with RestoreDrill, which restores ` +
      'the latest moment, or state an RPO that snapshots meet',
  );
  return [];
}

function warnOfEmptyWindow(testing: Construct, id: string, tiers: readonly BackupTier[], within: Duration): void {
  const gap = Duration.minutes(Math.max(...gapsBetween(tiers.map(({ schedule }) => schedule)), 0));
  if (within.isUnresolved() || within.toMilliseconds() >= gap.toMilliseconds()) return;
  Annotations.of(testing).addWarningV2(
    'lifeboat:no-recovery-point-in-reach',
    `test ${id} looks for recovery points of the last ${within.toHumanString()}, and tiers ${tiers.map(({ name }) => name).join(', ')} ` +
      `take one every ${gap.toHumanString()}, so there may be none to test; set 'within' to ${gap.toHumanString()} or more`,
  );
}

/** RDS names default parameter groups after the engine's major version. */
export function defaultParameterGroup({ resource }: SourceDatabase): string | undefined {
  const [major] = String(known(resource?.engineVersion) ?? '').split('.');
  return resource && major ? `default.postgres${major}` : undefined;
}
