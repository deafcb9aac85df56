/** Limits of connections that were restored with the databases: they are lifted on the copy, where its master may. */
import { escapeIdentifier } from 'pg';
import { asOwner, attempt } from '../examiner/attempt';
import { printable } from '../examiner/postgres-error';
import type { Session } from '../examiner/session';

/** @returns what was changed, and what could not be, a sentence each */
export async function liftConnectionLimits(session: Session): Promise<string[]> {
  const [role, databases] = await session.transaction('READ ONLY', async () => [
    await session.rows(`SELECT rolname, rolconnlimit FROM pg_catalog.pg_roles
      WHERE rolname = session_user AND rolconnlimit >= 0 AND NOT rolsuper`),
    await session.rows(`SELECT d.datname, d.datconnlimit, pg_catalog.pg_get_userbyid(d.datdba) FROM pg_catalog.pg_database d
      WHERE d.datconnlimit >= 0 AND d.datallowconn AND NOT d.datistemplate AND d.datname <> 'rdsadmin' ORDER BY d.datname`),
  ]);
  const notes: string[] = [];
  const note = (what: string, limit: string, refused: string | undefined) =>
    notes.push(
      refused
        ? `The connection limit of ${what}, ${limit}, could not be lifted on the restored instance (${refused}), so it is examined with fewer sessions.`
        : `The connection limit of ${what}, ${limit}, was lifted on the restored instance.`,
    );
  for (const [name, limit] of role!) {
    note(
      'the master user',
      limit!,
      await attempt(session, `ALTER ROLE ${escapeIdentifier(name!)} CONNECTION LIMIT -1`),
    );
  }
  for (const [name, limit, owner] of databases!) {
    const lift = `ALTER DATABASE ${escapeIdentifier(name!)} CONNECTION LIMIT -1`;
    note(`database '${printable(name!)}'`, limit!, await asOwner(session, owner!, lift));
  }
  return notes;
}
