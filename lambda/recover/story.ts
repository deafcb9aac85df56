/** What a recovery has learned so far, and how it is told. */
import type { Assessment } from './assess';
import type { CheckedDatabase } from './check-recovered';
import { type Comparison, comparisonLines } from './compare';
import type { Ending } from './outcome';
import type { Recovery } from './recovery';

export const DAMAGED = 'the damaged database';
export const RECOVERED = 'the recovered database';
/** The document of what the recovered database held when applications were sent to it. */
export const COUNTS = 'counts at the cut-over';

export interface Story {
  assessment: Assessment | null;
  recovered: { readonly name: string; readonly resourceId: string } | null;
  checked: CheckedDatabase | null;
  comparison: Comparison | null;
  snapshot: string | null;
}

type Lines = { readonly title: string; readonly lines: readonly string[] };

export function facts({ assessment, recovered, checked, comparison, snapshot }: Story) {
  const told: [string, string][] = [];
  if (assessment) {
    const { source, point, lostSeconds } = assessment;
    told.push(
      ['Damaged database', `${source.instance} (${source.resourceId}), ${source.engine}, ${source.status}`],
      ['Size', `${source.instanceClass}, ${source.storageGiB} GiB`],
      ['Goes back to', `${point.time} (${point.requested}${point.snapshot === null ? '' : `, ${point.snapshot}`})`],
      ['Lost', `everything written since, in ${lostSeconds} s until it was assessed`],
    );
  }
  if (recovered) told.push(['Recovered database', `${recovered.name} (${recovered.resourceId})`]);
  if (snapshot) told.push(['Safety snapshot', snapshot]);
  const sections: Lines[] = [
    { title: 'Comparison', lines: comparison ? comparisonLines(comparison) : [] },
    { title: 'Checks', lines: checked ? checkLines(checked) : [] },
    { title: 'Not carried over from the damaged database', lines: assessment?.carried.told ?? [] },
  ];
  return { facts: told, sections: sections.filter(({ lines }) => lines.length > 0) };
}

function checkLines({ checks, problems, notes }: CheckedDatabase): string[] {
  const passed = checks.filter(({ outcome }) => outcome === 'passed').length;
  return [`${passed} of ${checks.length} checks passed.`, ...problems, ...notes];
}

/** What a person does next, by how it ended. */
export function nextSteps(recovery: Recovery, outcome: Ending, { recovered }: Story): string[] {
  const { runbook, acts, definition } = recovery;
  const takeBack = recovery.commandToTakeBack(runbook.id);
  const rollBack = `To go back, within ${definition.holdSeconds} s: ${takeBack}`;
  const leftover = recovered
    ? [`'${recovered.name}' is still there, protected from deletion; delete it when nobody needs it.`]
    : [];
  switch (outcome) {
    case 'recovered':
      return [rollBack, 'The damaged database is still there; delete it when nobody needs it.'];
    case 'recovered, not healthy':
      return ['Applications were sent to the recovered database and are not healthy; look at them.', rollBack];
    case 'failed':
      return acts.length > 0
        ? ['It stopped, and both databases stand as they are.', `To undo what was done: ${takeBack}`]
        : ['Nothing of production was changed.', ...leftover];
    default:
      return ['Nothing of production was changed that was not given back.', ...leftover];
  }
}
