/** What both databases hold, table by table: what a recovery brings back, and what it loses. Read-only. */

import type { TableTally, Tally } from '../live/protocol';
import { describe } from '../runbook/runbook';
import type { Recovery, Side } from './recovery';

/** Counts of one side, by database and table. */
export type Counts = Readonly<Record<string, readonly TableTally[]>>;

export interface Counted {
  /** Null where it could not be reached. */
  readonly counts: Counts | null;
  readonly reason: string | null;
}

/** Calls for one database; each of them several minutes. */
const MOST_CALLS = 100;

/** @param title as in 'the damaged database' */
export async function countAll(recovery: Recovery, side: Side, title: string, moment: string): Promise<Counts> {
  const { runbook, live, definition } = recovery;
  const wanted = definition.databases;
  const names = await runbook.step(`list databases of ${title}`, async () => {
    const { names: all } = await live.databases({ connection: await recovery.connection(side) });
    return wanted ?? all;
  });
  const columns = definition.checks.flatMap((check) =>
    check.kind === 'fresh' || check.kind === 'nothing-after' ? [{ table: check.table, column: check.column }] : [],
  );
  const counts: Record<string, TableTally[]> = {};
  for (const name of names) {
    const tables: TableTally[] = [];
    counts[name] = tables;
    let after: number | null = 0;
    for (let call = 1; after !== null && call <= MOST_CALLS; call++) {
      const from: number = after;
      const part: Tally = await runbook.step(`count ${name} of ${title} (${call})`, async () =>
        live.tally({ connection: await recovery.connection(side, name), moment, columns, after: from }),
      );
      tables.push(...part.tables);
      after = part.next;
    }
    if (after !== null) throw new Error(`counting '${name}' of ${title} did not end within ${MOST_CALLS} calls`);
  }
  return counts;
}

/** Being unable to count is told, and never counts as equal. */
export async function tryToCount(
  recovery: Recovery,
  side: Side | null,
  title: string,
  moment: string,
): Promise<Counted> {
  if (!side) return { counts: null, reason: 'it is gone' };
  try {
    return { counts: await countAll(recovery, side, title, moment), reason: null };
  } catch (error) {
    return { counts: null, reason: describe(error) };
  }
}

/** How one table differs. */
export interface Difference {
  readonly database: string;
  readonly table: string;
  /** Null where it has none, or it could not be counted. */
  readonly damaged: number | null;
  readonly recovered: number | null;
  /** Seconds that its newest value is later in the damaged database, by the column where that is most. */
  readonly newerSeconds: number;
  readonly remark: string | null;
}

export interface Comparison {
  readonly differences: readonly Difference[];
  /** Tables in which all rows are the same on both sides. */
  readonly same: number;
  /** Why the damaged database could not be counted; null where it could. */
  readonly unavailable: string | null;
}

export function compareCounts({ counts: damaged, reason }: Counted, recovered: Counts): Comparison {
  if (!damaged) return { differences: [], same: 0, unavailable: reason };
  const differences: Difference[] = [];
  let same = 0;
  for (const database of [...new Set([...Object.keys(damaged), ...Object.keys(recovered)])].sort()) {
    const [before, after] = [byName(damaged[database]), byName(recovered[database])];
    for (const table of [...new Set([...before.keys(), ...after.keys()])].sort()) {
      const difference = differenceOf(database, table, before.get(table), after.get(table));
      if (difference) differences.push(difference);
      else same++;
    }
  }
  return { differences, same, unavailable: null };
}

function differenceOf(
  database: string,
  table: string,
  damaged: TableTally | undefined,
  recovered: TableTally | undefined,
): Difference | null {
  const known = damaged?.fingerprint != null && recovered?.fingerprint != null;
  if (known && damaged.rows === recovered.rows && damaged.fingerprint === recovered.fingerprint) return null;
  const remarks = [
    ...(damaged ? [] : ['the damaged database does not have it']),
    ...(recovered ? [] : ['the recovered database does not have it']),
    ...(damaged?.reason === undefined ? [] : [`not counted in the damaged database: ${damaged.reason}`]),
    ...(recovered?.reason === undefined ? [] : [`not counted in the recovered database: ${recovered.reason}`]),
    ...(known && damaged.rows === recovered.rows ? ['as many rows, and not the same ones'] : []),
    ...(recovered?.unlogged ? ['unlogged, so a restore to a point in time leaves it empty'] : []),
  ];
  const seconds = (one: TableTally | undefined, column: string) =>
    one?.newest.find((newest) => newest.column === column)?.seconds;
  const newer = (damaged?.newest ?? []).flatMap(({ column, seconds: last }) => {
    const other = seconds(recovered, column);
    return other === undefined ? [] : [last - other];
  });
  return {
    database,
    table,
    damaged: damaged?.rows ?? null,
    recovered: recovered?.rows ?? null,
    newerSeconds: Math.max(0, ...newer),
    remark: remarks.join('; ') || null,
  };
}

const byName = (tables: readonly TableTally[] = []) => new Map(tables.map((table) => [table.table, table]));

/**
 * What got worse since the numbers that were approved: a table of the damaged database has more that the recovered one
 * lacks, or can't be compared any more. Sentences; none where nothing did.
 */
export function worseThan(shown: Comparison, now: Comparison): string[] {
  if (now.unavailable !== null) {
    return shown.unavailable === null ? [`the damaged database can't be counted any more: ${now.unavailable}`] : [];
  }
  if (shown.unavailable !== null) return ['the damaged database could not be counted before, and can be now'];
  const before = new Map(shown.differences.map((one) => [`${one.database}\0${one.table}`, one]));
  return now.differences.flatMap((one) => {
    const other = before.get(`${one.database}\0${one.table}`);
    const name = `${one.database}: ${one.table}`;
    if (!other) return [`${name} differs, and did not`];
    const [rows, rowsBefore] = [one.damaged ?? Number.POSITIVE_INFINITY, other.damaged ?? Number.POSITIVE_INFINITY];
    if (rows > rowsBefore) return [`${name} has ${rows} rows in the damaged database, and had ${rowsBefore}`];
    if (one.newerSeconds > other.newerSeconds) {
      return [`${name} has rows ${one.newerSeconds} s newer than the recovered one, and had ${other.newerSeconds} s`];
    }
    return [];
  });
}

/** Lines for people. */
export function comparisonLines({ differences, same, unavailable }: Comparison): string[] {
  if (unavailable !== null)
    return [`The damaged database could not be counted, so what is lost is unknown: ${unavailable}.`];
  const lines = differences.slice(0, NAMED).map(({ database, table, damaged, recovered, newerSeconds, remark }) => {
    const counts = `${damaged ?? 'unknown'} rows in the damaged database, ${recovered ?? 'unknown'} in the recovered one`;
    const newer = newerSeconds > 0 ? `, newest value ${newerSeconds} s later in the damaged one` : '';
    return `${database}: ${table}: ${counts}${newer}${remark ? ` (${remark})` : ''}`;
  });
  if (differences.length > NAMED) lines.push(`${differences.length - NAMED} more tables differ`);
  lines.push(
    `${same} ${same === 1 ? 'table is' : 'tables are'} the same on both sides, by count and fingerprint of ${same === 1 ? 'its' : 'their'} rows.`,
  );
  return lines;
}

const NAMED = 200;
