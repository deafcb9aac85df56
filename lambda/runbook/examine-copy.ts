/**
 * Has the examiner look at a restored copy, in as many calls as its size needs.
 *
 * Part of every runbook that proves a backup: a drill's own copy, or what AWS Backup restored.
 */

import { type Check, type CheckResult, GENERIC_CHECKS } from '../contract';
import { conclude } from '../examiner/conclusion';
import type { Connection, Finding, Survey } from '../examiner/protocol';
import type { Examiner } from './examiner-client';
import type { Runbook } from './runbook';

export interface CopyToExamine {
  readonly examiner: Examiner;
  /** Only ever called inside a step, whose result does not carry the password. */
  readonly connection: () => Promise<Connection>;
  /** The generic ones when empty. */
  readonly checks: readonly Check[];
  /** The moment it was restored to, ISO 8601. */
  readonly restorePoint: string;
  /** Tables that held rows when a copy last passed; null before the first one. */
  readonly tablesWithRows: readonly string[] | null;
  /** When the copy may be deleted. */
  readonly expires: Date;
}

/** What was learned, also when it ends early. */
export interface Examined {
  survey: Survey | null;
  findings: readonly Finding[];
  checks: readonly CheckResult[];
  /** When the last check had ended. */
  checked: Date | null;
}

/** Two operations each, of the 3,000 that an execution may have. */
const MAX_CALLS = 150;

/** @throws when the copy can't be examined, or not in time */
export async function examineCopy(copy: CopyToExamine, report: Examined, runbook: Runbook): Promise<void> {
  const { examiner, connection, restorePoint, tablesWithRows, expires } = copy;
  const checks = copy.checks.length > 0 ? copy.checks : GENERIC_CHECKS;
  const survey = await runbook.step('survey the copy', async () =>
    examiner.survey({ connection: await connection(), checks }),
  );
  report.survey = survey;
  const { batches, reader } = survey;
  const queue = [...batches];
  const findings: Finding[] = [];
  try {
    for (let call = 1, work = queue.shift(); work; call++, work = queue.shift()) {
      // A call, the survey's too, may take most of the 15 minutes that an invocation has.
      await runbook.rest(`make room (${call})`);
      if (runbook.now >= expires) {
        throw new Error(
          `the copy's time was over at ${expires.toISOString()}, before its checks had ended, so the rest did not run; ` +
            'let copies live longer, or check less',
        );
      }
      const pieces = work;
      const found = await runbook.step(`run checks (${call})`, async () =>
        examiner.check({ connection: await connection(), checks, work: pieces, reader, restorePoint, tablesWithRows }),
      );
      // A restored volume is still being loaded, so what ran out of time may well fit the next call.
      const unfinished = found.filter((finding) => finding.outcome === 'not-run' && finding.outOfTime);
      const again = unfinished.length < found.length && call + queue.length < MAX_CALLS ? unfinished : [];
      if (again.length > 0) queue.push(again.map((finding) => finding.work));
      findings.push(...found.filter((finding) => !again.includes(finding)));
    }
  } finally {
    report.findings = findings;
    report.checks = conclude(checks, batches, findings);
    report.checked = runbook.now;
  }
}
