/**
 * Keeps writers out of a database that is being replaced, and lets them in again.
 *
 * The master user of RDS is not a superuser. It may revoke CONNECT in databases that it owns or whose owner it is a
 * member of, and end sessions. Applications that log in as the master user itself are kept out by another password.
 * `ALTER DATABASE ... ALLOW_CONNECTIONS false` would keep out this recovery as well, which still has to count.
 */
import { escapeIdentifier, escapeLiteral } from 'pg';
import { attempt } from '../examiner/attempt';
import { CopyRefused } from '../examiner/lost-session';
import { printable } from '../examiner/postgres-error';
import { scramVerifier } from '../examiner/reader';
import type { Session } from '../examiner/session';
import type { FenceBefore, Fenced, FenceLook, Lifted } from './protocol';

/** Databases, as `d`, that hold users' data and take connections. */
export const OF_USERS = "NOT d.datistemplate AND d.datallowconn AND d.datname <> 'rdsadmin'";
const DATABASES = 'pg_catalog.pg_database d';

export async function fenceBefore(session: Session): Promise<FenceBefore> {
  return session.transaction('READ ONLY', async () => {
    const databases = await session.rows(`SELECT d.datname FROM ${DATABASES} WHERE ${OF_USERS} ORDER BY d.datname`);
    const grants = await session.rows(`
      SELECT d.datname, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(a.grantee) END, pg_catalog.bool_or(a.is_grantable)
      FROM ${DATABASES}
      CROSS JOIN LATERAL pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) AS a
      WHERE ${OF_USERS} AND a.privilege_type = 'CONNECT' AND pg_catalog.pg_get_userbyid(a.grantee) <> session_user
      GROUP BY 1, 2 ORDER BY 1, 2`);
    const owners = await session.rows(`
      SELECT DISTINCT pg_catalog.pg_get_userbyid(d.datdba) FROM ${DATABASES}
      WHERE ${OF_USERS} AND NOT pg_catalog.pg_has_role(session_user, d.datdba, 'USAGE') ORDER BY 1`);
    return {
      databases: databases.map(([name]) => ({
        name: name!,
        connect: grants
          .filter(([database]) => database === name)
          .map(([, role, grantable]) => ({ role: role!, grantable: grantable === 't' })),
      })),
      owners: owners.map(([owner]) => owner!),
    };
  });
}

/** Repeating it changes nothing more. */
export async function fence(session: Session, before: FenceBefore, fencePassword: string): Promise<Fenced> {
  for (const owner of before.owners) await attempt(session, `GRANT ${escapeIdentifier(owner)} TO CURRENT_USER`);
  for (const { name, connect } of before.databases) {
    for (const { role } of connect) {
      // What depends on a grant option is refused instead of revoked with it; then the role stays among the open ones.
      await attempt(session, `REVOKE CONNECT ON DATABASE ${escapeIdentifier(name)} FROM ${roleOf(role)} RESTRICT`);
    }
  }
  await setPassword(session, fencePassword);
  return { open: await open(session) };
}

/** Roles that may log in and connect all the same, apart from RDS's own and ours. */
async function open(session: Session): Promise<string[]> {
  const rows = await session.transaction('READ ONLY', () =>
    session.rows(`
      SELECT DISTINCT r.rolname FROM pg_catalog.pg_roles r, ${DATABASES}
      WHERE ${OF_USERS} AND r.rolcanlogin AND NOT r.rolsuper AND NOT r.rolreplication AND r.rolname <> session_user
        AND pg_catalog.has_database_privilege(r.oid, d.oid, 'CONNECT') ORDER BY 1`),
  );
  return rows.map(([role]) => role!);
}

/** @param openIn a session in another database */
export async function fenceLook(session: Session, openIn: (database: string) => Promise<Session>): Promise<FenceLook> {
  const sessions = await session.transaction('READ ONLY', () =>
    session.rows(`
      SELECT coalesce(a.usename, ''), pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity a
      JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid
      WHERE a.backend_type = 'client backend' AND a.pid <> pg_catalog.pg_backend_pid() AND NOT r.rolsuper`),
  );
  const [prepared] = await session.transaction('READ ONLY', () =>
    session.rows('SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_xacts'),
  );
  const names = await session.transaction('READ ONLY', () =>
    session.rows(`SELECT d.datname FROM ${DATABASES} WHERE ${OF_USERS}`),
  );
  let writes = 0;
  for (const [name] of names) writes += await writesIn(await openIn(name!));
  return {
    ended: sessions.length,
    users: [...new Set(sessions.map(([user]) => user!))].sort(),
    writes,
    prepared: Number(prepared![0]),
  };
}

async function writesIn(session: Session): Promise<number> {
  try {
    const [row] = await session.transaction('READ ONLY', () =>
      session.rows(
        'SELECT coalesce(pg_catalog.sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_catalog.pg_stat_user_tables',
      ),
    );
    return Number(row![0]);
  } finally {
    await session.close();
  }
}

/** @param session with the fence's password, or with the own one where an earlier try gave that back */
export async function liftFence(session: Session, before: FenceBefore, password: string): Promise<Lifted> {
  const left: string[] = [];
  for (const { name, connect } of before.databases) {
    for (const { role, grantable } of connect) {
      const option = grantable && role !== 'PUBLIC' ? ' WITH GRANT OPTION' : '';
      const grant = `GRANT CONNECT ON DATABASE ${escapeIdentifier(name)} TO ${roleOf(role)}${option}`;
      const refused = await attempt(session, grant);
      if (refused) left.push(`${printable(role)} may not connect to '${printable(name)}' any more: ${refused}`);
    }
  }
  for (const owner of before.owners) {
    const refused = await attempt(session, `REVOKE ${escapeIdentifier(owner)} FROM CURRENT_USER`);
    if (refused) left.push(`the master user is still a member of ${printable(owner)}: ${refused}`);
  }
  // Last: until then, another try logs in with the fence's.
  await setPassword(session, password);
  return { left };
}

async function setPassword(session: Session, password: string): Promise<void> {
  const refused = await attempt(session, `ALTER ROLE CURRENT_USER PASSWORD ${escapeLiteral(scramVerifier(password))}`);
  if (refused) throw new CopyRefused(`the master user's password can't be changed: ${refused}`);
}

const roleOf = (name: string) => (name === 'PUBLIC' ? 'PUBLIC' : escapeIdentifier(name));
