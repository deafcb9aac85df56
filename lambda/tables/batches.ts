/** Batches that write live rows: which rows of a table of ours each is about, and how often it is tried. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseError, escapeLiteral } from 'pg';
import type { Deadline } from '../examiner/deadline';
import { whatPostgresSaid } from '../examiner/postgres-error';
import type { Range } from './ledger';
import { hasCode, isBusy, TablesBusy, TablesRefused } from './refusals';
import type { Session } from './session';

const TRIES = 8;
/** Each wait is small beside what a client waits for, and enough for what is usually in the way. */
export const LOCK_TIMEOUT = '1s';

/** Follows `WHERE`. */
export interface Batch extends Range {
  readonly where: string;
}

export async function pagesOfTable(session: Session, table: string): Promise<{ part: number; pages: number }> {
  const [row] = await session.read(
    `SELECT r::oid::bigint, pg_relation_size(r) / current_setting('block_size')::int FROM to_regclass(${escapeLiteral(table)}) r`,
  );
  return { part: Number(row![0]), pages: Number(row![1]) };
}

/** Ranges of so many pages each. */
export function cut(part: number, pages: number, size: number, alias: string): readonly Batch[] {
  return Array.from({ length: Math.ceil(pages / size) }, (_, at) => {
    const [lo, hi] = [at * size, (at + 1) * size];
    return { part, lo, hi, where: `${alias}.ctid >= '(${lo},0)' AND ${alias}.ctid < '(${hi},0)'` };
  });
}

/** Again where a lock was not given; and without rows whose parents are missing, where there are such. */
export async function patiently<T>(
  name: string,
  deadline: Deadline,
  work: (orphans: boolean) => Promise<T>,
): Promise<T> {
  let orphans = false;
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(orphans);
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      const busy = isBusy(error);
      const missing = hasCode(error, '23503') && !(orphans && attempt > TRIES);
      if (missing) orphans = true;
      else if (!busy) {
        throw new TablesRefused(
          `${name}: a batch can't be written (${whatPostgresSaid(error)}), so it was rolled back; batches before it stand, ` +
            'and undo takes them back',
        );
      } else if (attempt >= TRIES || deadline.left() < 2_000) {
        throw new TablesBusy(
          `${name}: somebody holds locks on rows that are to be written (${whatPostgresSaid(error)}, ${attempt} times), so the ` +
            'batch was rolled back; call again to go on, or end the transaction that holds them',
        );
      }
      if (busy) await sleep(100 + 400 * Math.random());
    }
  }
}
