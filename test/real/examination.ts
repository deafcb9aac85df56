/** Examines a database the way a drill does: server, survey, calls, conclusion. */

import type { Check, CheckResult } from '../../lambda/contract';
import { examine } from '../../lambda/detectors/examine';
import type { ExaminerOptions } from '../../lambda/examination/examine';
import { conclude, type ExaminedDatabase } from '../../lambda/examiner/conclusion';
import type { Connection, Finding, Problem } from '../../lambda/examiner/protocol';
import { examinerOf } from '../../lambda/runbook/examiner-client';

export interface Examination extends ExaminedDatabase {
  readonly results: readonly CheckResult[];
  /** Everything that is wrong or could not be examined. */
  readonly problems: readonly NamedProblem[];
  /** Rows of tables, by OID. */
  readonly rows: ReadonlyMap<number, number>;
}

export interface NamedProblem extends Problem {
  readonly check: Check['kind'];
  readonly outcome: 'failed' | 'warning' | 'not-run';
}

export interface ExaminationOptions extends ExaminerOptions {
  readonly restorePoint?: string;
}

/** One database. */
export async function runExamination(
  connection: Connection,
  checks: readonly Check[],
  options: ExaminationOptions = {},
): Promise<Examination> {
  const examiner = examinerOf(examine(options));
  const survey = await examiner.survey({ connection, checks, main: true });
  const findings: Finding[] = [];
  const rows = new Map<number, number>();
  const queue = [...survey.calls];
  for (let work = queue.shift(); work; work = queue.shift()) {
    const restorePoint = options.restorePoint ?? new Date().toISOString();
    const checked = await examiner.check({ connection, checks, work, restorePoint });
    findings.push(...checked.findings);
    for (const [oid, count] of checked.rows) rows.set(oid, (rows.get(oid) ?? 0) + count);
    if (checked.left.length > 0) queue.unshift(checked.left);
  }
  const problems = findings.flatMap(({ check, failures, warnings, notRun }) => {
    const { kind } = checks[check]!;
    const named = (outcome: NamedProblem['outcome'], some: readonly Problem[]) =>
      some.map((problem) => ({ check: kind, outcome, ...problem }));
    return [...named('failed', failures.first), ...named('warning', warnings.first), ...named('not-run', notRun.first)];
  });
  return { survey, findings, rows, problems, results: conclude(checks, [{ survey, findings }]) };
}

/** The result of a single check. */
export async function resultOf(
  connection: Connection,
  check: Check,
  options?: ExaminationOptions,
): Promise<CheckResult> {
  const [result] = (await runExamination(connection, [check], options)).results;
  return result!;
}
