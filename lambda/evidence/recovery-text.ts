import type { RecoveryDocument } from '../contract';
import { markdown, section, table } from './markdown';

const KINDS: Readonly<Record<RecoveryDocument['kind'], string>> = {
  started: 'a recovery began',
  proposal: 'what an approval is asked for',
  approval: 'what was answered',
  intent: 'what is about to be changed, and was so before',
  report: 'how it ended',
};

export function recoveryText(document: RecoveryDocument): string {
  const { previous } = document;
  const rows: [string, string][] = [
    ['Document', KINDS[document.kind]],
    ['Recovery', `${document.recovery} of ${document.target} in ${document.plan}, run ${document.run}`],
    ['Written', document.written],
    ...document.facts,
    ['Chain', `document ${document.sequence}, ${previous ? `after ${previous.sha256}` : 'the first'}`],
  ];
  return [
    `# ${markdown(`${document.target}: ${document.title}`)}`,
    '',
    table(['', ''], rows),
    ...document.sections.flatMap(({ title: of, lines }) => section(of, lines)),
    '',
  ].join('\n');
}
