/**
 * The user that rows are read as. Reading them runs what the database's owner has put into casts, CHECK constraints,
 * operators and views, and `SET ROLE` would be no barrier: such a function may set it back. So it is a user of its own,
 * that can read and nothing else, and its sessions begin as nobody else.
 *
 * Its name and password are derived from the master password, which differs between restored instances: so calls need
 * not pass them on, and no backup can contain a role of that name.
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { escapeIdentifier, escapeLiteral } from 'pg';
import { attempt, joinOwner, type Refused } from './attempt';
import { SCHEMA } from './extensions';
import { HIDING } from './hiding-settings';
import type { Connection } from './protocol';
import type { Session } from './session';

/** Names that readers have: of none of these is an inventory. */
export const READER_NAME = '^lifeboat_[0-9a-f]{12}$';

/** How the reader connects. */
export function readerOf(connection: Connection): Connection {
  const derived = (what: string) => createHmac('sha256', connection.password).update(what).digest('hex');
  return { ...connection, user: `lifeboat_${derived('reader').slice(0, 12)}`, password: derived("reader's password") };
}

/** Makes the reader, or gives it its rights in one more database; what PostgreSQL refused, if it did. */
export async function createReader(session: Session, connection: Connection): Promise<Refused | undefined> {
  const { user, password, database } = readerOf(connection);
  const role = escapeIdentifier(user);
  const login = `LOGIN PASSWORD ${escapeLiteral(scramVerifier(password))}`;
  const made = await attempt(session, `CREATE ROLE ${role} ${login}`);
  if (made) {
    const renewed = await attempt(session, `ALTER ROLE ${role} ${login}`);
    if (renewed) return made;
  }
  const where = escapeIdentifier(database);
  await attempt(session, `GRANT CONNECT ON DATABASE ${where} TO ${role}`);
  // What counts rows in pages. A master user may pass on the wider one alone.
  const scans = await attempt(session, `GRANT pg_stat_scan_tables TO ${role}`);
  if (scans) await attempt(session, `GRANT pg_monitor TO ${role}`);
  await attempt(session, `GRANT USAGE ON SCHEMA ${SCHEMA} TO ${role}`);
  const settings = [...HIDING.map((setting) => `${setting} = off`), "lc_messages = 'C'"];
  for (const setting of settings) await attempt(session, `ALTER ROLE ${role} IN DATABASE ${where} SET ${setting}`);
  return attempt(session, `GRANT pg_read_all_data TO ${role}`);
}

export async function hasReader(session: Session, connection: Connection): Promise<boolean> {
  const name = escapeLiteral(readerOf(connection).user);
  const found = await session.transaction('READ ONLY', () =>
    session.rows(`SELECT FROM pg_catalog.pg_roles WHERE rolname = ${name} AND rolcanlogin`),
  );
  return found.length > 0;
}

export async function dropReader(session: Session, connection: Connection): Promise<void> {
  const { user } = readerOf(connection);
  const role = escapeIdentifier(user);
  // Only its members may take its rights back, which keep it from being dropped.
  await joinOwner(session, user);
  await attempt(session, `DROP OWNED BY ${role}`);
  await attempt(session, `DROP ROLE ${role}`);
}

/**
 * What PostgreSQL stores of a password: so that the password itself is in no statement, which may be logged.
 * https://www.postgresql.org/docs/current/catalog-pg-authid.html
 */
export function scramVerifier(password: string): string {
  const salt = randomBytes(16);
  const iterations = 4096;
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const key = (name: string) => createHmac('sha256', salted).update(name).digest();
  const stored = createHash('sha256').update(key('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${key('Server Key').toString('base64')}`;
}
