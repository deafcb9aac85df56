/** Shows a person what is about to be done, and waits for the answer. Nothing of production is changed before it. */
import type { Approval } from '../runbook/approval';
import type { Identity } from '../runbook/identity';
import type { Paper, RecoveryRun } from './recovery';

export interface Asked {
  readonly answer: Approval;
  /** SHA-256 of what was shown. */
  readonly sha256: string;
}

/**
 * @param paper what is shown; its name numbers the question
 * @param resources DbiResourceIds that it is about
 * @param unwaivable why a person has to look, even where the definition waives approval
 */
export async function ask(
  recovery: RecoveryRun,
  paper: Omit<Paper, 'kind'>,
  resources: readonly string[],
  startedBy: Identity | null,
  unwaivable: readonly string[] = [],
): Promise<Asked> {
  const { runbook, ports, definition } = recovery;
  const { approval } = definition;
  const { key, sha256 } = await recovery.publish({ ...paper, kind: 'proposal' });
  const hours = approval.timeoutSeconds / 3600;
  let answer: Approval;
  if (approval.waived && unwaivable.length === 0) {
    answer = { outcome: 'approved', by: null, at: runbook.now.toISOString(), ignored: [] };
  } else if (approval.waived) {
    const why = `the deployed definition waives approval, and a person has to decide on this: ${unwaivable.join('; ')}`;
    recovery.remarks.push(why);
    answer = { outcome: 'refused', by: null, at: runbook.now.toISOString(), ignored: [] };
  } else {
    const expires = new Date(runbook.now.getTime() + approval.timeoutSeconds * 1000).toISOString();
    await recovery.tell(`approval wanted: ${paper.title}`, `${key}\nSHA-256 ${sha256}\nuntil ${expires}`);
    const wanted = { sha256, key, resources: [...resources], expires };
    await runbook.step(`ask '${paper.name}'`, () => recovery.lock.wait(paper.title, wanted));
    const approvers = { identify: ports.identify, notBy: approval.byStarter ? undefined : (startedBy ?? undefined) };
    answer = await runbook.approve(`approve '${paper.name}'`, { sha256, resources, expires }, { hours }, approvers);
  }
  const by = answer.by ?? (approval.waived ? 'the deployed definition' : 'nobody');
  await recovery.publish({
    kind: 'approval',
    name: `answer to ${paper.name}`,
    title: `${answer.outcome} by ${by}`,
    facts: [
      ['Answer', answer.outcome],
      ['By', by],
      ['At', answer.at],
      ['About', `${key}, SHA-256 ${sha256}`],
    ],
    sections: answer.ignored.length > 0 ? [{ title: 'Answers that did not count', lines: [...answer.ignored] }] : [],
    values: { ...answer, sha256, resources },
  });
  recovery.happened(`'${paper.title}': ${answer.outcome} by ${by}`);
  return { answer, sha256 };
}
