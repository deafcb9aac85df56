/** Statements that read rows of users: what they say once they run may quote those. */
import { DatabaseError } from 'pg';
import { CannotCheck } from './catalog';
import { whatPostgresSaidOfStatement } from './postgres-error';
import type { Row, Session } from './session';

/**
 * Plans a statement before it runs it: what is wrong with the statement itself shows then, and can be told, since no
 * row was read.
 *
 * @throws CannotCheck where it can't even be planned
 */
export async function planned(session: Session, sql: string): Promise<readonly Row[]> {
  await session.reading(`EXPLAIN ${sql}`).catch(tell);
  return session.reading(sql);
}

export function tell(error: unknown): never {
  throw error instanceof DatabaseError ? new CannotCheck(whatPostgresSaidOfStatement(error)) : error;
}
