/**
 * A transaction that began before rows were staged doesn't see them, and would find a swapped table empty. So a swap waits
 * until there is none: a transaction that has read the table holds a lock of its own, but one that has not yet might.
 */

import { OWN_SCHEMA, type TableName } from '../tables/protocol';
import { type Asks, shown } from './names';
import { note } from './state';

/** Remembers this transaction as the last one that has to be seen, unless one is remembered. */
export const mark = (db: Asks, run: string, table: TableName): Promise<void> =>
  note(db, run, table, 'mark = coalesce(mark, pg_current_xact_id())');

/** @returns the sessions that don't see all that was staged; undefined where there is none */
export async function olderSnapshots(db: Asks, run: string, tables: readonly TableName[]): Promise<string | undefined> {
  const [found] = await db.rows(`
    SELECT count(*), string_agg(pid::text, ', ' ORDER BY xact_start), min(xact_start)
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
      AND age(backend_xmin) >= (SELECT min(age(mark::xid)) FROM ${OWN_SCHEMA}.swaps WHERE run = '${run}')`);
  const [count, pids, since] = found!;
  if (count === '0') return undefined;
  return (
    `${count} session(s) whose transactions began before ${tables.map(shown).join(', ')} could be read in full ` +
    `(process ${pids}${since ? `, since ${since}` : ''}): they end, or are ended with pg_terminate_backend`
  );
}
