/**
 * Which databases the restored instance has: all of them are examined, unless the drill says otherwise. And all of them
 * are quieted first, also those that are not examined: they came along.
 */
import { userSchema } from '../examiner/catalog';
import { CopyRefused } from '../examiner/lost-session';
import { printable, unlessDamaged } from '../examiner/postgres-error';
import type { Server } from '../examiner/protocol';
import { quiet } from '../examiner/quiet';
import { AS_BYTES, renameUnreadableDatabases } from '../examiner/rename-unreadable';
import type { Session } from '../examiner/session';
import { liftConnectionLimits } from './connection-limits';

/**
 * @param open a session in another database
 * @param kept the instance stays, so it is not changed for the examination
 */
export async function describeServer(
  session: Session,
  open: (database: string) => Promise<Session>,
  kept = false,
): Promise<Server> {
  const notes = kept ? [] : [...(await renameUnreadableDatabases(session)), ...(await liftConnectionLimits(session))];
  const list = async () => {
    const [version] = await session.rows("SELECT pg_catalog.current_setting('server_version')");
    const rows = await session.rows(`
      SELECT datname, pg_catalog.pg_database_size(oid), datallowconn AND datconnlimit NOT IN (0, -2) FROM pg_catalog.pg_database
      WHERE NOT datistemplate AND datname <> 'rdsadmin' ORDER BY datname`);
    return {
      version: version![0]!,
      databases: rows.flatMap(([name, bytes, open]) =>
        open === 't' && isReadable(name!) ? [{ name: name!, bytes: Number(bytes) }] : [],
      ),
      closed: rows.flatMap(([name, , open]) => (open === 'f' ? [name!] : [])),
    };
  };
  const { version, databases, closed } = await session.transaction('READ ONLY', list, AS_BYTES);
  // A limit that is still there may allow for no second one.
  await session.close();
  const described: Server['databases'][number][] = [];
  for (const database of databases) {
    const found = await quieted(database.name, open, kept);
    notes.push(...found.notes);
    described.push({ ...database, ...(found.empty && { empty: true }) });
  }
  if (closed.length > 0) {
    notes.push(`Databases that take no connections were not examined: ${closed.map(printable).join(', ')}.`);
  }
  return { version, databases: described, notes };
}

/** Bytes that are not UTF-8 are read as this; where the database could not be renamed, no session can ask for it. */
const isReadable = (name: string) => !name.includes('\ufffd');

interface Quieted {
  readonly notes: readonly string[];
  readonly empty: boolean;
}

async function quieted(
  database: string,
  open: (database: string) => Promise<Session>,
  kept: boolean,
): Promise<Quieted> {
  try {
    const session = await open(database);
    try {
      const notes = (await quiet(session, kept)).map((note) => `${printable(database)}: ${note}`);
      const empty = await unlessDamaged(session.transaction('READ ONLY', () => session.rows(HOLDS_NO_TABLE)));
      return { notes, empty: empty?.[0]?.[0] === 't' };
    } finally {
      await session.close();
    }
  } catch (error) {
    if (!(error instanceof CopyRefused)) throw error;
    const notes = [`${printable(database)}: what runs in it by itself could not be stopped: ${error.message}.`];
    return { notes, empty: false };
  }
}

const HOLDS_NO_TABLE = `
  SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND ${userSchema('n')})
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata)`;
