/** What was written to a database since it was counted: what going back from it would lose. */
import type { TableTally } from '../live/protocol';
import type { Counted, Counts } from './compare';

export interface Loss {
  /** Rows inserted, updated and deleted; null where that is unknown. */
  readonly writes: number | null;
  readonly tables: readonly { readonly database: string; readonly table: string; readonly what: string }[];
  /** Why it is unknown. */
  readonly unknown: string | null;
}

export const NO_LOSS: Loss = { writes: 0, tables: [], unknown: null };

export function lossSince(before: Counts, { counts: now, reason }: Counted): Loss {
  if (!now) return { writes: null, tables: [], unknown: reason };
  let writes: number | null = 0;
  const tables: Loss['tables'][number][] = [];
  for (const database of [...new Set([...Object.keys(before), ...Object.keys(now)])].sort()) {
    const old = new Map((before[database] ?? []).map((one) => [one.table, one]));
    const fresh = new Map((now[database] ?? []).map((one) => [one.table, one]));
    for (const table of [...new Set([...old.keys(), ...fresh.keys()])].sort()) {
      const change = changeOf(old.get(table), fresh.get(table));
      if (!change) continue;
      tables.push({ database, table, what: change.what });
      writes = writes === null || change.writes === null ? null : writes + change.writes;
    }
  }
  const unknown = writes === null ? "PostgreSQL's statistics were reset, or tables were made or dropped" : null;
  return { writes, tables, unknown };
}

function changeOf(old: TableTally | undefined, fresh: TableTally | undefined) {
  if (!old) return { what: 'was made', writes: fresh ? fresh.writes : null };
  if (!fresh) return { what: 'was dropped', writes: null };
  // Statistics are reset by a crash or a failover, and then begin at zero.
  const writes = fresh.writes >= old.writes ? fresh.writes - old.writes : null;
  const isSame = old.fingerprint !== null && old.fingerprint === fresh.fingerprint && old.rows === fresh.rows;
  if (isSame && (writes === null || writes === 0)) return undefined;
  const rows = `${old.rows ?? 'unknown'} rows at the cut-over, ${fresh.rows ?? 'unknown'} now`;
  if (isSame) return { what: `${rows}, the same ones`, writes };
  return { what: writes === null ? rows : `${writes} writes, ${rows}`, writes: writes === 0 ? null : writes };
}

export function lossLines({ writes, tables, unknown }: Loss): string[] {
  if (unknown !== null && tables.length === 0) return [`What was written since is unknown: ${unknown}.`];
  const total =
    writes === null ? `An unknown number of writes (${unknown}).` : `${writes} rows inserted, updated or deleted.`;
  const named = tables.slice(0, NAMED).map(({ database, table, what }) => `${database}: ${table}: ${what}`);
  return [total, ...named, ...(tables.length > NAMED ? [`${tables.length - NAMED} more tables`] : [])];
}

/** Whether more would be lost than was approved. */
export function lossGrew(approved: Loss, now: Loss): string[] {
  if (now.writes === null) return approved.writes === null ? [] : ['what would be lost can no longer be counted'];
  if (approved.writes === null) return [`${now.writes} writes would be lost, which was unknown`];
  return now.writes > approved.writes
    ? [`${now.writes} writes would be lost, and ${approved.writes} were approved`]
    : [];
}

const NAMED = 200;
