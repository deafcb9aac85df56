/** The outcome of a drill of the story: its evidence in files, compared with the expected outcome, and printed. */
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Evidence } from '../../lambda/contract';
import { duration } from '../../lambda/evidence/evidence-text';
import type { DrillResult } from '../runbooks/drill-site';
import type { Narrator } from './narrator';

export interface DrillOutcome {
  readonly drill: string;
  readonly expected: Evidence['outcome'];
  readonly outcome: Evidence['outcome'];
  /** Whether the outcome and its reasons are the expected ones. */
  readonly asExpected: boolean;
  readonly recoveryTimeSeconds: number | null;
  readonly recoveryPointSeconds: number | null;
  readonly checksPassed: number;
  readonly checksFailed: number;
  readonly checksNotRun: number;
  readonly findings: readonly string[];
  /** Path of the evidence. */
  readonly evidence: string;
}

export interface Expectation {
  readonly expected: Evidence['outcome'];
  /** Findings that there must be. */
  readonly because: readonly RegExp[];
}

export function outcomeOf(
  { drill, outcome, findings, checks, recoveryTime, recoveryPoint }: Evidence,
  { expected, because }: Expectation,
  path: string,
): DrillOutcome {
  const count = (wanted: string) => checks.filter((check) => check.outcome === wanted).length;
  return {
    drill,
    expected,
    outcome,
    asExpected: outcome === expected && because.every((reason) => findings.some((finding) => reason.test(finding))),
    recoveryTimeSeconds: recoveryTime?.seconds ?? null,
    recoveryPointSeconds: recoveryPoint?.seconds ?? null,
    checksPassed: count('passed'),
    checksFailed: count('failed'),
    checksNotRun: count('not-run'),
    findings,
    evidence: path,
  };
}

/** Results of other tests on the same restored instance, where they ran. */
export interface Others {
  /** The guide's monthly test. */
  readonly guide?: string;
  /** What pg_dump would read. */
  readonly dump?: string;
}

export function tellOutcome(narrator: Narrator, document: Evidence, outcome: DrillOutcome, others: Others): void {
  narrator.say('');
  if (others.guide) narrator.say(`the guide's own test: ${others.guide}`, 'yellow');
  if (others.dump) narrator.say(`what a pg_dump would read: ${others.dump}`, 'yellow');
  if (document.outcome === 'passed') {
    const { restorePoint, recoveryTime, recoveryPoint, freshnessSeconds } = document;
    narrator.say(`Lifeboat: PASSED, ${outcome.checksPassed} checks, restored to ${restorePoint?.time}`, 'green');
    if (recoveryTime && recoveryPoint) {
      narrator.say(
        `recovery time ${duration(recoveryTime.seconds)}, recovery point ${duration(recoveryPoint.seconds)}`,
      );
    }
    if (freshnessSeconds !== null) {
      narrator.say(`newest poll found: ${duration(freshnessSeconds)} before the restored moment`);
    }
  } else {
    narrator.say(`Lifeboat: FAILED, ${outcome.checksFailed} of ${document.checks.length} checks`, 'red');
    for (const finding of document.findings) narrator.say(`  ${finding}`);
  }
  if (!outcome.asExpected) narrator.say(`NOT what was expected: ${outcome.expected}`, 'red');
}

/**
 * Each region has a bucket of evidence and a chain of its own, so it gets a folder of its own, which `lifeboat evidence
 * verify` takes.
 *
 * @returns path to read
 */
export async function saveEvidence(folder: string, { key, files }: DrillResult): Promise<string> {
  for (const [path, bytes] of files) {
    await mkdir(join(folder, dirname(path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
  return join(folder, basename(key).replace(/json$/, 'md'));
}
