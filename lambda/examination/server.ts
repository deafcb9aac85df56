/**
 * Which databases the restored instance has: all of them are examined, unless the drill says otherwise. And all of them
 * are quieted first, also those that are not examined: they came along.
 */

import { CopyRefused } from '../examiner/lost-session';
import { printable } from '../examiner/postgres-error';
import type { Server } from '../examiner/protocol';
import { quiet } from '../examiner/quiet';
import type { Session } from '../examiner/session';

/** @param open a session in another database */
export async function describeServer(session: Session, open: (database: string) => Promise<Session>): Promise<Server> {
  const { version, databases, closed } = await session.transaction('READ ONLY', async () => {
    const [version] = await session.rows("SELECT pg_catalog.current_setting('server_version')");
    const rows = await session.rows(`
      SELECT datname, pg_catalog.pg_database_size(oid), datallowconn FROM pg_catalog.pg_database
      WHERE NOT datistemplate AND datname <> 'rdsadmin' ORDER BY datname`);
    return {
      version: version![0]!,
      databases: rows.flatMap(([name, bytes, open]) => (open === 't' ? [{ name: name!, bytes: Number(bytes) }] : [])),
      closed: rows.flatMap(([name, , open]) => (open === 'f' ? [name!] : [])),
    };
  });
  const notes: string[] = [];
  for (const { name } of databases) notes.push(...(await quieted(name, open)));
  if (closed.length > 0) {
    notes.push(`Databases that take no connections were not examined: ${closed.map(printable).join(', ')}.`);
  }
  return { version, databases, notes };
}

async function quieted(database: string, open: (database: string) => Promise<Session>): Promise<string[]> {
  try {
    const session = await open(database);
    try {
      return (await quiet(session)).map((note) => `${printable(database)}: ${note}`);
    } finally {
      await session.close();
    }
  } catch (error) {
    if (!(error instanceof CopyRefused)) throw error;
    return [`${printable(database)}: what runs in it by itself could not be stopped: ${error.message}.`];
  }
}
