/** Which databases the restored instance has: all of them are examined, unless the drill says otherwise. */
import type { Server } from './protocol';
import type { Session } from './session';

export async function describeServer(session: Session): Promise<Server> {
  return session.transaction('READ ONLY', async () => {
    const [version] = await session.rows("SELECT pg_catalog.current_setting('server_version')");
    const rows = await session.rows(`
      SELECT datname, pg_catalog.pg_database_size(oid), datallowconn FROM pg_catalog.pg_database
      WHERE NOT datistemplate AND datname <> 'rdsadmin' ORDER BY datname`);
    const closed = rows.filter(([, , open]) => open === 'f').map(([name]) => name);
    return {
      version: version![0]!,
      databases: rows
        .filter(([, , open]) => open === 't')
        .map(([name, bytes]) => ({ name: name!, bytes: Number(bytes) })),
      notes: closed.length > 0 ? [`Databases that take no connections were not examined: ${closed.join(', ')}.`] : [],
    };
  });
}
