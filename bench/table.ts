/** Measurements as people read them. */
import type { Measurement } from './measurement';

export function table(results: readonly (Measurement & { readonly ok: boolean })[], machine: string): string {
  const rows = [
    ['what', 'measured', 'limit', '', 'from'],
    ...results.map((result) => [
      result.what,
      amount(result.measured, result.unit),
      result.limit === null ? '-' : amount(result.limit, result.unit),
      result.ok ? (result.limit === null ? '' : 'ok') : 'NOT ok',
      result.from,
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) => row.map((cell, column) => align(cell, column, widths[column] ?? 0)).join('  '));
  const flaws = results.flatMap(({ what, flaws = [] }) => flaws.map((flaw) => `${what}: ${flaw}`));
  return `${[...lines.map((line) => line.trimEnd()), ...flaws, `on ${machine}`].join('\n')}\n`;
}

/** Numbers to the right, words to the left. */
const align = (cell: string, column: number, width: number) =>
  column === 1 || column === 2 ? cell.padStart(width) : cell.padEnd(width);

function amount(value: number, unit: string): string {
  const digits = unit === 'times' ? 2 : unit === 's' || unit === '' ? 1 : 0;
  return `${value.toFixed(digits)} ${unit}`;
}
