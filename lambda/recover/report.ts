/** The report that every run ends with, the failed ones first of all: what happened, what is left, and how to go on. */
import type { Ending, RecoveryOutcome } from './outcome';
import type { RecoveryRun } from './recovery';

export interface Told {
  readonly outcome: Ending;
  readonly recovered: RecoveryOutcome['recovered'];
  readonly facts: readonly [string, string][];
  readonly sections: readonly { readonly title: string; readonly lines: readonly string[] }[];
  /** What ended it before its time. */
  readonly error: string | null;
  /** What a person has to do, or may do next. */
  readonly next: readonly string[];
}

export async function report(recovery: RecoveryRun, told: Told): Promise<RecoveryOutcome> {
  const { runbook, acts, remarks, timeline } = recovery;
  const halfDone = acts.filter(({ done }) => !done).map(({ what }) => what);
  const changed = acts.filter(({ done }) => done).map(({ what }) => what);
  const { key } = await recovery.publish({
    kind: 'report',
    name: 'report',
    title: told.outcome,
    facts: [
      ['Outcome', told.outcome],
      ['Ended by', told.error ?? 'its last step'],
      ['Half done', halfDone.join(', ') || 'nothing'],
      ['Changed in production', changed.join(', ') || 'nothing'],
      ['Took', `${Math.round((runbook.now.getTime() - runbook.started.getTime()) / 1000)} s`],
      ...told.facts,
    ],
    sections: [
      { title: 'What to do', lines: [...told.next] },
      ...told.sections.map(({ title, lines }) => ({ title, lines: [...lines] })),
      { title: 'Timeline', lines: timeline.map(([moment, what]) => `${moment}: ${what}`) },
      { title: 'Remarks', lines: remarks },
      { title: 'Phases', lines: runbook.phases.map(({ phase, seconds }) => `${phase}: ${seconds} s`) },
    ].filter(({ lines }) => lines.length > 0),
    values: { outcome: told.outcome, halfDone, changed, recovered: told.recovered },
  });
  await recovery.tell(told.outcome, `${key}\n${told.next.join('\n')}`);
  // What is half done keeps the target locked, and its backups held: the rollback of this run may go on, and nothing else.
  await runbook.step('close the recovery', () => recovery.lock.end(halfDone.length > 0), 'any error');
  return { outcome: told.outcome, halfDone, recovered: told.recovered, report: key };
}
