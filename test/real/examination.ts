/** Examines a database the way a drill does: survey, batches, conclusion. */

import type { Check, CheckResult } from '../../lambda/contract';
import { conclude } from '../../lambda/examiner/conclusion';
import { type ExaminerOptions, examine } from '../../lambda/examiner/examine';
import type { CheckTask, Connection, Finding, Survey } from '../../lambda/examiner/protocol';

export interface Examination {
  readonly survey: Survey;
  readonly findings: readonly Finding[];
  readonly results: readonly CheckResult[];
}

export interface ExaminationOptions extends ExaminerOptions {
  readonly restorePoint?: string;
  readonly tablesWithRows?: readonly string[] | null;
  readonly reader?: Survey['reader'];
}

export async function runExamination(
  connection: Connection,
  checks: readonly Check[],
  options: ExaminationOptions = {},
): Promise<Examination> {
  const examiner = examine(options);
  const survey = (await examiner({ task: 'survey', connection, checks })) as Survey;
  const findings: Finding[] = [];
  for (const work of survey.batches) {
    const task: CheckTask = {
      task: 'check',
      connection,
      checks,
      work,
      reader: options.reader ?? survey.reader,
      restorePoint: options.restorePoint ?? new Date().toISOString(),
      tablesWithRows: options.tablesWithRows ?? null,
    };
    findings.push(...((await examiner(task)) as readonly Finding[]));
  }
  return { survey, findings, results: conclude(checks, survey.batches, findings) };
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
