/** Finds at synth, all at once, what AWS Backup would refuse, ignore or fail on each night in a set of tiers. */
import { CfnResource, Duration, Stack, Token } from 'aws-cdk-lib';
import type * as backup from 'aws-cdk-lib/aws-backup';
import { shortestGap } from '../schedule/week';
import { known } from '../synth/tokens';
import type { AirGappedVault } from './air-gapped-vault';
import type { BackupTarget } from './backup-target';
import { type BackedUp, FEATURES } from './backup-target';
import type { BackupTier } from './backup-tier';
import { MAX_COPY_GAP_DAYS } from './copy-watch';
import type { VaultCopy } from './vault-copy';

export interface Tiered {
  readonly vault: backup.IBackupVault;
  readonly tiers: readonly BackupTier[];
  readonly targets: readonly BackupTarget[];
  readonly copies: readonly VaultCopy[];
  readonly airGapped: AirGappedVault | undefined;
}

/** https://docs.aws.amazon.com/aws-backup/latest/devguide/plan-options-and-configuration.html */
const MIN_MINUTES_APART = 60;
/** The shortest time in cold storage. */
const MIN_COLD_DAYS = 90;
const MAX_CONTINUOUS_DAYS = 35;
const MIN_START_MINUTES = 60;
/** https://docs.aws.amazon.com/aws-backup/latest/devguide/API_BackupSelection.html */
const MAX_RESOURCES = 500;

export function tierProblems(of: Tiered): string[] {
  return [
    ...counts(of),
    ...of.tiers.flatMap(ofTier),
    ...of.tiers.flatMap((tier) =>
      outsideOfLock(`tier ${tier.name}`, days(tier.retention), lockOf(of.vault), 'the vault'),
    ),
    ...coldWithoutCold(of),
    ...continuousWithout(of),
    ...ofCopies(of),
    ...ofAirGapped(of),
  ];
}

function counts({ tiers, targets, copies }: Tiered): string[] {
  const problems: string[] = [];
  if (tiers.length === 0) problems.push("'tiers' is empty, so nothing would be backed up; state a tier");
  if (targets.length === 0) problems.push("'targets' is empty, so nothing would be backed up; state a target");
  const arns = targets.filter(({ arn }) => arn !== undefined).length;
  if (arns > MAX_RESOURCES) {
    problems.push(
      `'targets' has ${arns} resources, and AWS Backup takes ${MAX_RESOURCES} in one selection; use BackupTarget.tagged()`,
    );
  }
  const names = tiers.map(({ name }) => name);
  for (const name of new Set(names.filter((one, index) => names.indexOf(one) !== index))) {
    problems.push(
      `several tiers are named '${name}', so reports could not distinguish them; give other names with BackupTier.of()`,
    );
  }
  for (const copied of new Set(copies.flatMap((copy) => copy.tiers ?? []))) {
    if (!names.includes(copied)) {
      problems.push(
        `'tiers' of a copy names '${copied}', and the tiers are ${names.join(', ')}, so nothing would be copied; correct the name`,
      );
    }
  }
  return problems;
}

function ofTier({ name, schedule, retention, coldAfter, kind, startWithin, completeWithin }: BackupTier): string[] {
  const problems = retentionProblems(`tier ${name}`, days(retention), days(coldAfter));
  if (!/^[A-Za-z0-9._-]{1,50}$/.test(name)) {
    problems.push(
      `the tier name '${name}' is not 1 to 50 letters, digits, hyphens, underscores and dots, so AWS Backup would refuse it; ` +
        'rename it',
    );
  }
  const apart = shortestGap(schedule);
  if (apart < MIN_MINUTES_APART) {
    problems.push(
      `tier ${name} is due every ${apart} minutes, and AWS Backup takes at most one job an hour, so it would refuse the ` +
        'plan; back up hourly or less often, or continuously',
    );
  }
  const kept = days(retention);
  if (kind === 'continuous' && kept !== undefined && kept > MAX_CONTINUOUS_DAYS) {
    problems.push(
      `'retention' of continuous tier ${name} is ${kept} days, and AWS Backup keeps at most ${MAX_CONTINUOUS_DAYS}; for longer, ` +
        'add a tier of snapshots',
    );
  }
  const start = known(startWithin.toMinutes({ integral: false }));
  if (start !== undefined && start < MIN_START_MINUTES) {
    problems.push(
      `'startWithin' of tier ${name} is ${start} minutes, and AWS Backup needs at least ${MIN_START_MINUTES}, or ` +
        `jobs expire before they start; lengthen it`,
    );
  }
  const complete = known(completeWithin?.toMinutes({ integral: false }));
  if (start !== undefined && complete !== undefined && complete < start) {
    problems.push(
      `'completeWithin' of tier ${name} is ${complete} minutes, less than its 'startWithin' of ${start}, so AWS Backup would ` +
        'refuse it; lengthen it',
    );
  }
  return problems;
}

/**
 * What AWS Backup would refuse in a lifecycle of recovery points, in days, one sentence each.
 * https://docs.aws.amazon.com/aws-backup/latest/devguide/API_Lifecycle.html
 */
export function retentionProblems(what: string, kept: number | undefined, cold: number | undefined): string[] {
  const problems: string[] = [];
  for (const [setting, value] of [
    ['a retention of', kept],
    ['a move to cold storage after', cold],
  ] as const) {
    if (value === undefined || (Number.isInteger(value) && value >= 1)) continue;
    problems.push(
      `${what} has ${setting} ${Duration.days(value).toHumanString()}, and AWS Backup takes whole days from 1; round it`,
    );
  }
  if (kept !== undefined && cold !== undefined && kept < cold + MIN_COLD_DAYS) {
    problems.push(
      `${what} goes to cold storage after ${cold} days and is deleted after ${kept}, less than ${MIN_COLD_DAYS} days later, so AWS ` +
        `Backup would refuse it; keep it for ${cold + MIN_COLD_DAYS} days or more, or leave 'coldAfter' out`,
    );
  }
  return problems;
}

interface Limits {
  readonly least: number | undefined;
  readonly most: number | undefined;
}

const UNLIMITED: Limits = { least: undefined, most: undefined };

function outsideOfLock(what: string, kept: number | undefined, { least, most }: Limits, vault: string): string[] {
  if (kept === undefined) return [];
  if (least !== undefined && kept < least) {
    return [
      `'retention' of ${what} is ${kept} days, and the lock of ${vault} requires at least ${least}, so each job would fail; keep ` +
        'longer, or use another vault',
    ];
  }
  if (most !== undefined && kept > most) {
    return [
      `'retention' of ${what} is ${kept} days, and the lock of ${vault} allows at most ${most}, so each job would fail; keep ` +
        'shorter, or use another vault',
    ];
  }
  return [];
}

function coldWithoutCold({ tiers, targets, copies }: Tiered): string[] {
  const cold = tiers.filter(({ coldAfter }) => coldAfter !== undefined).map(({ name }) => `tier ${name}`);
  if (copies.some(({ coldAfter }) => coldAfter !== undefined)) cold.push('a copy');
  if (cold.length === 0) return [];
  return without(targets, 'cold').map(
    (kind) =>
      `'coldAfter' is set for ${cold.join(', ')}, and ${kind} has no cold storage, so AWS Backup would silently ignore it and you would ` +
      `pay for warm storage; leave 'coldAfter' out, or give these targets tiers of their own`,
  );
}

function continuousWithout({ tiers, targets }: Tiered): string[] {
  const continuous = tiers.filter(({ kind }) => kind === 'continuous');
  if (continuous.length === 0) return [];
  const problems = without(targets, 'continuous').map(
    (kind) =>
      `${kind} does not support continuous backup, so no point in time could be restored; give it only tiers of snapshots`,
  );
  if (continuous.length > 1) {
    problems.push("'tiers' has two continuous tiers, and AWS Backup keeps one for each resource; remove one");
  }
  return problems;
}

function ofCopies({ vault, tiers, targets, copies }: Tiered): string[] {
  if (copies.length === 0) return [];
  const problems = without(targets, 'copies').map(
    (kind) =>
      `${kind} does not support copies by AWS Backup, so no copy would exist elsewhere; copy its snapshots instead`,
  );
  for (const [index, copy] of copies.entries()) {
    const what = `copy ${index + 1}`;
    if (copy.vault === vault || isNamed(copy.vaultArn(vault), vault)) {
      problems.push(
        `${what} goes into the vault that it is copied from, so it would protect nothing; name another vault`,
      );
    }
    const missing = copy.missingAfter?.toDays({ integral: false });
    if (missing !== undefined && !(Number.isInteger(missing) && missing >= 1 && missing <= MAX_COPY_GAP_DAYS)) {
      problems.push(
        `'missingAfter' of ${what} is ${copy.missingAfter?.toHumanString()}, and AWS Backup lists copy jobs of the last 30 days, so its alarm would fire ` +
          `always or never; set whole days from 1 to ${MAX_COPY_GAP_DAYS}`,
      );
    }
    const limits = copy.vault ? lockOf(copy.vault) : UNLIMITED;
    const kept = copy.retention
      ? [copy.retention]
      : tiers.filter(({ name }) => copy.tiers?.includes(name) ?? true).map((t) => t.retention);
    problems.push(
      ...new Set(
        kept.flatMap((retention) => [
          ...retentionProblems(what, days(retention), days(copy.coldAfter)),
          ...outsideOfLock(what, days(retention), limits, 'its vault'),
        ]),
      ),
    );
  }
  return problems;
}

function ofAirGapped({ tiers, targets, airGapped }: Tiered): string[] {
  if (!airGapped) return [];
  const limits = { least: days(airGapped.minRetention), most: days(airGapped.maxRetention) };
  const problems = without(targets, 'airGapped').map(
    (kind) =>
      `${kind} does not support logically air-gapped vaults, so AWS Backup would leave it out; use VaultCopy to copy it into a ` +
      'locked vault of another account',
  );
  const snapshots = tiers.filter(({ kind }) => kind === 'snapshot');
  return [
    ...problems,
    ...snapshots.flatMap((tier) =>
      outsideOfLock(`tier ${tier.name}`, days(tier.retention), limits, 'the air-gapped vault'),
    ),
  ];
}

/** Each kind of target that lacks a feature, once. */
function without(targets: readonly BackupTarget[], feature: keyof (typeof FEATURES)[BackedUp]): BackedUp[] {
  const kinds = targets.flatMap(({ kind }) => (kind && !FEATURES[kind][feature] ? [kind] : []));
  return [...new Set(kinds)];
}

/** Whether an ARN is that of a vault whose name is known at synth. */
function isNamed(arn: string, vault: backup.IBackupVault): boolean {
  const name = resourceOf(vault)?.backupVaultName;
  if (name === undefined || Token.isUnresolved(name)) return false;
  const { region, account } = Stack.of(vault);
  return arn.endsWith(`:backup:${region}:${account}:backup-vault:${name}`);
}

function resourceOf(vault: backup.IBackupVault): backup.CfnBackupVault | undefined {
  const child = vault.node.defaultChild;
  const own = child && CfnResource.isCfnResource(child) && child.cfnResourceType === 'AWS::Backup::BackupVault';
  return own ? (child as backup.CfnBackupVault) : undefined;
}

function lockOf(vault: backup.IBackupVault): Limits {
  const lockConfiguration = resourceOf(vault)?.lockConfiguration;
  if (lockConfiguration === undefined || !('minRetentionDays' in lockConfiguration)) return UNLIMITED;
  return { least: known(lockConfiguration.minRetentionDays), most: known(lockConfiguration.maxRetentionDays) };
}

const days = (duration: { toDays(options: { integral: boolean }): number } | undefined): number | undefined =>
  known(duration?.toDays({ integral: false }));
