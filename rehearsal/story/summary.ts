/** A rehearsal in a few lines: what was proven, and where the evidence lies. */
import { duration } from '../../lambda/evidence/evidence-text';
import type { Rehearsal } from './rehearse';

export function summary({ drills, objectives, seconds, asExpected, kept }: Rehearsal): string[] {
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
    ...aligned([head, ...rows]),
    '',
    asExpected
      ? `The good backup and the copy are proven, and both bad ones were caught, in ${duration(seconds)}. Nothing is left running.`
      : `Not every drill ended as it should, after ${duration(seconds)}; the evidence says why. Nothing is left running.`,
    ...(kept ? [`Data directories and snapshots are kept in ${kept}`] : []),
  ];
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
