/** Changes to the copy that help to examine it: what PostgreSQL refuses narrows what is seen, and stops nothing. */
import { DatabaseError } from 'pg';
import { whatPostgresSaidOfStatement } from './postgres-error';
import type { Session } from './session';

/** What PostgreSQL said, as evidence may carry it. */
export type Refused = string;

/**
 * Runs a statement in a transaction of its own.
 *
 * @returns why it was refused; undefined where it was not
 */
export async function attempt(
  session: Session,
  statement: string,
  pins: Readonly<Record<string, string>> = {},
): Promise<Refused | undefined> {
  return refusalOf(() => session.transaction('READ WRITE', () => session.rows(statement), pins));
}

/** Where it matters whether a transaction is around, the caller sees to it. */
export async function refusalOf(change: () => Promise<unknown>): Promise<Refused | undefined> {
  try {
    await change();
    return undefined;
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    return whatPostgresSaidOfStatement(error);
  }
}
