/** What a run's swap has come to, kept in the live database, in the same transactions as what it did. */
import { escapeIdentifier, escapeLiteral } from 'pg';
import { OWN_SCHEMA, STAGING_SCHEMA, type TableName } from '../tables/protocol';
import { type Asks, KEPT_SCHEMA, sqlName } from './names';

const SWAPS = `${OWN_SCHEMA}.swaps`;

/**
 * `captured`: every write is known. `swapped` and `undone`: committed, with something left to do after it. `kept` and
 * `returned`: the same with nothing left to do.
 */
export type Phase = 'captured' | 'swapped' | 'kept' | 'undone' | 'returned';

export interface State extends TableName {
  readonly phase: Phase;
  /** The table that was live when the run began, and the one that was staged. */
  readonly old: string;
  readonly restored: string | null;
  /** Rows that only the live table had; null until they are in the shadow. */
  readonly kept: number | null;
  /** Keys of captured writes that were applied. */
  readonly applied: number;
  /** Those of them since the swap. */
  readonly sinceSwap: number;
  /** Keys that the swap, or its undo, applied under the lock; milliseconds that it held it, and how often it tried. */
  readonly last: { readonly applied: number; readonly lockedMs: number; readonly tries: number };
  /** Foreign keys to validate once more, as statements. */
  readonly validate: readonly string[];
}

/** CREATE SCHEMA IF NOT EXISTS asks for the right to create even where there is nothing to create. */
export async function ensureSchema(db: Asks, schema: string): Promise<void> {
  const [found] = await db.rows(`SELECT to_regnamespace(${escapeLiteral(escapeIdentifier(schema))}) IS NOT NULL`);
  if (found![0] === 'f') await db.rows(`CREATE SCHEMA IF NOT EXISTS ${escapeIdentifier(schema)}`);
}

export async function ensureState(db: Asks): Promise<void> {
  for (const schema of [OWN_SCHEMA, STAGING_SCHEMA, KEPT_SCHEMA]) await ensureSchema(db, schema);
  await db.rows(`CREATE TABLE IF NOT EXISTS ${SWAPS} (run text, schema_name text, table_name text,
    phase text NOT NULL, old oid NOT NULL, restored oid, kept bigint, applied bigint NOT NULL DEFAULT 0,
    since_swap bigint NOT NULL DEFAULT 0, last_applied bigint NOT NULL DEFAULT 0, locked_ms float8 NOT NULL DEFAULT 0, tries bigint NOT NULL DEFAULT 0,
    validate jsonb NOT NULL DEFAULT '[]', mark xid8, PRIMARY KEY (run, schema_name, table_name))`);
}

const where = (run: string, { schema, table }: TableName) =>
  `run = ${escapeLiteral(run)} AND schema_name = ${escapeLiteral(schema)} AND table_name = ${escapeLiteral(table)}`;

export async function stateOf(db: Asks, run: string, table: TableName): Promise<State | undefined> {
  return (await statesOf(db, run)).find((state) => state.schema === table.schema && state.table === table.table);
}

/** Of all tables of the run. */
export async function statesOf(db: Asks, run: string): Promise<State[]> {
  const [there] = await db.rows(`SELECT to_regclass('${SWAPS}') IS NOT NULL`);
  if (there![0] === 'f') return [];
  const found =
    await db.rows(`SELECT schema_name, table_name, phase, old, restored, kept, applied, since_swap, last_applied, locked_ms, tries,
    validate FROM ${SWAPS} WHERE run = ${escapeLiteral(run)} ORDER BY schema_name, table_name`);
  return found.map(
    ([schema, table, phase, old, restored, kept, applied, since, lastApplied, lockedMs, tries, validate]) => ({
      schema: schema!,
      table: table!,
      phase: phase as Phase,
      old: old!,
      restored: restored ?? null,
      kept: kept === null ? null : Number(kept),
      applied: Number(applied),
      sinceSwap: Number(since),
      last: { applied: Number(lastApplied), lockedMs: Number(lockedMs), tries: Number(tries) },
      validate: JSON.parse(validate!) as string[],
    }),
  );
}

export async function begin(db: Asks, run: string, table: TableName): Promise<void> {
  await db.rows(`INSERT INTO ${SWAPS} (run, schema_name, table_name, phase, old) VALUES (${escapeLiteral(run)},
    ${escapeLiteral(table.schema)}, ${escapeLiteral(table.table)}, 'captured', ${escapeLiteral(sqlName(table))}::regclass)`);
}

/** Keys that were applied, to be added to what was before. */
export const counted = (count: number): string =>
  `applied = applied + ${count}, since_swap = since_swap + CASE phase WHEN 'captured' THEN 0 ELSE ${count} END`;

/** @param change ready for SQL, such as `kept = 3` */
export const noting = (run: string, table: TableName, change: string): string =>
  `UPDATE ${SWAPS} SET ${change} WHERE ${where(run, table)}`;

export async function note(db: Asks, run: string, table: TableName, change: string): Promise<void> {
  await db.rows(noting(run, table, change));
}

export async function forget(db: Asks, run: string, table: TableName): Promise<void> {
  await db.rows(`DELETE FROM ${SWAPS} WHERE ${where(run, table)}`);
}
