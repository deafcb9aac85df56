/** A rehearsal in a few lines: what was proven, and where the evidence lies. */
import { duration } from '../../lambda/evidence/evidence-text';
import type { Rehearsal } from './rehearse';

/** @param columns of the terminal: where a table is wider, each drill gets a few lines instead */
export function summary({ drills, objectives, seconds, asExpected, kept }: Rehearsal, columns?: number): string[] {
  const { rtoSeconds, rpoSeconds } = objectives;
  const head = [
    'drill',
    'outcome',
    'checks',
    `RTO, of ${duration(rtoSeconds)}`,
    `RPO, of ${duration(rpoSeconds)}`,
    'evidence',
  ];
  const rows = drills.map((drill) => [
    drill.drill,
    `${drill.outcome}${drill.asExpected ? ', as it should' : ', NOT as it should'}`,
    `${drill.checksPassed} passed, ${drill.checksFailed} failed${drill.checksNotRun ? `, ${drill.checksNotRun} not run` : ''}`,
    drill.recoveryTimeSeconds === null ? 'not proven' : duration(drill.recoveryTimeSeconds),
    drill.recoveryPointSeconds === null ? 'not measured' : duration(drill.recoveryPointSeconds),
    drill.evidence,
  ]);
  return [
    ...tableOrLines(head, rows, columns ?? Number.POSITIVE_INFINITY),
    '',
    ...(asExpected
      ? [`The good backup and the copy are proven, and both bad ones were caught, in ${duration(seconds)}.`]
      : [`Not every drill ended as it should, after ${duration(seconds)}; the evidence says why.`]),
    'Nothing is left running.',
    ...(kept ? [`Data directories and snapshots are kept in ${kept}`] : []),
  ];
}

function tableOrLines(head: readonly string[], rows: readonly (readonly string[])[], columns: number): string[] {
  const table = aligned([head, ...rows]);
  if (table.every((line) => line.length <= columns)) return table;
  const names = head.slice(1);
  return rows.flatMap(([drill = '', ...cells]) => [
    drill,
    ...aligned(cells.map((cell, index) => [`  ${names[index]}`, cell])).flatMap((line, index) =>
      // A path that is wider still stands on a line of its own, whole, so that it can be copied.
      line.length <= columns ? [line] : [`  ${names[index]}`, cells[index] ?? ''],
    ),
  ]);
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
