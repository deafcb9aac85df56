/** Changes to the copy that help to examine it: what PostgreSQL refuses narrows what is seen, and stops nothing. */
import { DatabaseError, escapeIdentifier } from 'pg';
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

/** Membership of an object's owner is what may change it. Refused where it is there already, or can't be had. */
export const joinOwner = (session: Session, owner: string) =>
  attempt(session, `GRANT ${escapeIdentifier(owner)} TO CURRENT_USER`);

/** Tries as who we are, then as a member of the owner. */
export async function asOwner(
  session: Session,
  owner: string,
  statement: string,
  pins: Readonly<Record<string, string>> = {},
): Promise<Refused | undefined> {
  if ((await attempt(session, statement, pins)) === undefined) return undefined;
  await joinOwner(session, owner);
  return attempt(session, statement, pins);
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
