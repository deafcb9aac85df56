/** The report of a recovery of tables, in words. */
import type { TableRecoveryRequest } from '../contract';
import type { Ending } from '../recover/outcome';
import type { Told } from '../recover/report';
import { proposalOf } from './proposal';
import type { TableRecovery, TableStory } from './story';
import type { Written } from './write';

type BringBack = Extract<TableRecoveryRequest, { action: 'recover' }>;

export function tableReport(
  recovery: TableRecovery,
  { way }: BringBack,
  { point, copy, refused, found, written }: TableStory,
  outcome: Ending,
  error: string | null,
): Told {
  return {
    outcome,
    error,
    recovered: null,
    facts: [
      ...(point ? [['Restored to', `${point.time} (${point.requested})`] as [string, string]] : []),
      ...(copy ? [['Copy', `${copy.instance}, which expires at ${copy.expires}`] as [string, string]] : []),
      ...(written ? factsOf(written) : []),
    ],
    sections: [
      { title: 'Refused', lines: refused },
      { title: 'Written', lines: written ? linesOf(written) : [] },
      ...proposalOf(way, found),
    ],
    next: nextOf(outcome, recovery.commandToTakeBack(recovery.runbook.id), recovery.definition.holdSeconds),
  };
}

function nextOf(outcome: Ending, takeBack: string, holdSeconds: number): string[] {
  switch (outcome) {
    case 'recovered':
      return [`Check your application. To take it back, within ${holdSeconds / 3600} hours: ${takeBack}`];
    case 'refused':
      return ['Nothing was written. Where tables were refused, correct what is named, or choose another way.'];
    case 'failed':
      return [`See what ended it. If rows may have been written, to take them back: ${takeBack}`];
    default:
      return ['Nothing: no table was written to.'];
  }
}

const factsOf = ({ merged, swapped }: Written): [string, string][] =>
  swapped
    ? [
        ['Locked', `${Math.round(swapped.lockedMs)} ms`],
        ['Tries for the locks', String(swapped.tries)],
      ]
    : [['Rows written', String(merged.reduce((sum, { written }) => sum + written, 0))]];

const linesOf = ({ merged }: Written): string[] =>
  merged.flatMap(({ table, written, changedSince, conflicting, orphaned, sequences }) => [
    `${table}: ${written} rows written`,
    ...(changedSince > 0
      ? [`${table}: ${changedSince} rows left, since somebody wrote or deleted them meanwhile`]
      : []),
    ...(conflicting > 0 ? [`${table}: ${conflicting} rows left, since live rows have their unique values`] : []),
    ...(orphaned > 0 ? [`${table}: ${orphaned} rows left, since rows that they refer to are not there`] : []),
    ...sequences.map((sequence) => `${table}: sequence ${sequence} was moved on`),
  ]);
