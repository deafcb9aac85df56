import type { CheckResult, Evidence } from '../contract';
import { markdown, section, table } from './markdown';

export function evidenceText(document: Evidence): string {
  const { plan, target, drill, outcome, started, source, copy, restorePoint, recoveryTime, recoveryPoint } = document;
  const rows: [string, string][] = [
    ['Outcome', outcome.toUpperCase()],
    ['Drill', `${drill} of ${target} in ${plan}, run ${document.run}`],
    ['Began', started],
  ];
  if (document.request?.reason) rows.push(['Reason', document.request.reason]);
  if (source) {
    rows.push(['Source', `${source.instance}: ${source.engine}, ${source.instanceClass}, ${source.storageGiB} GiB`]);
    if (source.copiedFrom) rows.push(['Restored from', `copied backups of ${source.copiedFrom}`]);
  }
  if (restorePoint) rows.push(['Restored to', `${restorePoint.time} (${restorePoint.requested})`]);
  if (copy) {
    const size = copy.databaseBytes === null ? 'not measured' : `${(copy.databaseBytes / 2 ** 20).toFixed(0)} MiB`;
    rows.push(['Restored instance', `${copy.instance}: ${copy.engine}, ${copy.instanceClass}, ${size}`]);
  }
  rows.push(['Recovery time', recoveryTime ? judged(recoveryTime) : 'not proven: the checks did not pass']);
  rows.push(['Recovery point', recoveryPoint ? judged(recoveryPoint) : 'not measured']);
  if (document.freshnessSeconds !== null) {
    rows.push(['Newest row', `${duration(document.freshnessSeconds)} before the restored moment`]);
  }
  const { previous } = document;
  rows.push(['Chain', `document ${document.sequence}, ${previous ? `after ${previous.sha256}` : 'the first'}`]);
  if (document.definition) rows.push(['Deployed definition', `SHA-256 ${document.definition.sha256}`]);
  return [
    `# ${markdown(target)}: drill ${outcome}`,
    '',
    table(['', ''], rows),
    ...section('Findings', document.findings),
    ...section('Warnings', document.warnings ?? []),
    ...(document.checks.length > 0
      ? ['', '## Checks', '', table(['check', 'outcome', 'seen'], document.checks.map(checkRow))]
      : []),
    '',
    '## Phases',
    '',
    table(
      ['phase', 'took'],
      document.phases.map(({ phase, seconds }) => [phase, duration(seconds)]),
    ),
    ...section('Notes', document.notes),
    '',
  ].join('\n');
}

/** Seconds as people say them: `40 ms`, `1.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`. */
export function duration(seconds: number): string {
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min${whole % 60 ? ` ${whole % 60} s` : ''}`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h${minutes % 60 ? ` ${minutes % 60} min` : ''}`;
}

const judged = ({ seconds, objectiveSeconds, met }: NonNullable<Evidence['recoveryTime']>) =>
  `${duration(seconds)}, objective ${duration(objectiveSeconds)}: ${met ? 'met' : 'NOT MET'}`;

function checkRow(result: CheckResult): string[] {
  switch (result.outcome) {
    case 'passed':
      return [result.check, 'passed', result.observed];
    case 'failed':
      return [result.check, 'FAILED', `${result.observed}; expected ${result.expected}${toDo(result)}`];
    case 'not-run':
      return [result.check, 'NOT RUN', `${result.reason}${toDo(result)}`];
  }
}

const toDo = ({ remedy }: { remedy?: string }) => (remedy === undefined ? '' : `; to do: ${remedy}`);
