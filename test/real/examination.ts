/** Examines a database the way a drill does: server, survey, calls, conclusion. */

import type { Check, CheckResult } from '../../lambda/contract';
import { examine } from '../../lambda/detectors/examine';
import { conclude, type ExaminedDatabase } from '../../lambda/examiner/conclusion';
import type { ExaminerOptions } from '../../lambda/examiner/examine';
import type { Connection, Finding } from '../../lambda/examiner/protocol';
import { examinerOf } from '../../lambda/runbook/examiner-client';

export interface Examination extends ExaminedDatabase {
  readonly results: readonly CheckResult[];
  /** Rows of tables, by OID. */
  readonly rows: ReadonlyMap<number, number>;
}

export interface ExaminationOptions extends ExaminerOptions {
  readonly restorePoint?: string;
}

/** One database. */
export async function runExamination(connection: Connection, checks: readonly Check[], options: ExaminationOptions = {}): Promise<Examination> {
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
  return { survey, findings, rows, results: conclude(checks, [{ survey, findings }]) };
}

/** The result of a single check. */
export async function resultOf(connection: Connection, check: Check, options?: ExaminationOptions): Promise<CheckResult> {
  const [result] = (await runExamination(connection, [check], options)).results;
  return result!;
}
