/**
 * Makes a database of the copy fit for examination: the copy is ours, so whatever helps to look at it is tried first. What
 * is refused only narrows how closely it can be looked at.
 */
import { DatabaseError } from 'pg';
import { EXTENSIONS, SCHEMA } from './extensions';
import type { Session } from './session';

/** @returns what a reader has to know of it */
export async function prepare(session: Session): Promise<string[]> {
  await attempt(session, `CREATE SCHEMA IF NOT EXISTS ${SCHEMA}`);
  for (const extension of EXTENSIONS) {
    await attempt(session, `CREATE EXTENSION IF NOT EXISTS ${extension} SCHEMA ${SCHEMA}`);
  }
  // A master user does not own the application's tables.
  await attempt(session, 'GRANT pg_read_all_data TO CURRENT_USER');
  return [];
}

/** Whether PostgreSQL took it. */
async function attempt(session: Session, statement: string): Promise<boolean> {
  try {
    await session.transaction('READ WRITE', () => session.rows(statement));
    return true;
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    return false;
  }
}
