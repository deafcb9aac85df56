/**
 * The roles of an RDS instance for PostgreSQL 17, as `pg_dumpall --roles-only` shows them there. The master user is a
 * member of rds_superuser and not a superuser: files, programs, ALTER SYSTEM and LOAD are closed to it.
 *
 * Not possible here but on RDS, whose PostgreSQL is patched for it: event triggers, and logical replication by
 * rds_replication. Possible here but not on RDS: reading pg_authid with pg_read_all_data, so pg_dumpall does not need
 * --no-role-passwords.
 */
import { escapeIdentifier, escapeLiteral } from 'pg';

/** The name of RDS's own superuser and of its database; a master user can't have it. */
export const SUPERUSER = 'rdsadmin';
/** The superuser's database: clients can't connect to it, and so can't create anything there. */
export const ADMIN_DATABASE = 'rdsadmin';
/** Read replicas connect as this user. On RDS it can't log in; how replicas connect there is not documented. */
export const REPLICATOR = 'rdsrepladmin';

/** Its members may grant them on, as on RDS; each with the version of PostgreSQL that brought it. */
const GIVEN_TO_RDS_SUPERUSER = {
  pg_checkpoint: 15,
  pg_create_subscription: 16,
  pg_maintain: 17,
  pg_monitor: 10,
  pg_read_all_data: 14,
  pg_signal_backend: 10,
  pg_use_reserved_connections: 16,
  pg_write_all_data: 14,
  rds_password: 10,
  rds_replication: 10,
};

/** Statements for a fresh cluster. */
export function rolesOfRds(replicatorPassword: string, major: number): string[] {
  const given = Object.entries(GIVEN_TO_RDS_SUPERUSER).filter(([, since]) => since <= major);
  return [
    ...['rds_superuser', 'rds_replication', 'rds_password', 'rds_iam', 'rds_ad'].map((role) => `CREATE ROLE ${role}`),
    `CREATE ROLE ${REPLICATOR} LOGIN REPLICATION NOINHERIT PASSWORD ${escapeLiteral(replicatorPassword)}`,
    `GRANT ${given.map(([role]) => role).join(', ')} TO rds_superuser WITH ADMIN OPTION`,
    ...(major >= 15 ? ['GRANT SET ON PARAMETER session_replication_role TO rds_superuser'] : []),
    `CREATE DATABASE ${ADMIN_DATABASE}`,
    `REVOKE ALL ON DATABASE ${ADMIN_DATABASE} FROM PUBLIC`,
  ];
}

/** Statements that create the master user, and make that user the owner of these databases. */
export function masterUser(name: string, password: string, database: string | undefined): string[] {
  const master = escapeIdentifier(name);
  const databases = ['postgres', 'template1'].map((owned) => `ALTER DATABASE ${owned} OWNER TO ${master}`);
  if (database && database !== 'postgres') {
    databases.push(`CREATE DATABASE ${escapeIdentifier(database)} OWNER ${master}`);
  }
  return [
    `CREATE ROLE ${master} LOGIN CREATEDB CREATEROLE PASSWORD ${escapeLiteral(password)} VALID UNTIL 'infinity'`,
    `GRANT rds_superuser TO ${master} WITH ADMIN OPTION`,
    ...databases,
  ];
}

/**
 * Access rules. Clients connect by TCP, always with a password; the superuser connects only by the socket, which is in
 * a folder that only PostgreSQL's account can enter.
 *
 * @param superuserIsClient lets the superuser connect by TCP, for tests
 */
export function accessRules(superuserIsClient: boolean): string {
  const rules = [`local all ${SUPERUSER} scram-sha-256`];
  if (!superuserIsClient) {
    rules.push(`host ${ADMIN_DATABASE} all all reject`, `host all ${SUPERUSER},${REPLICATOR} all reject`);
  }
  rules.push('host all all 127.0.0.0/8 scram-sha-256', `host replication ${REPLICATOR} 127.0.0.0/8 scram-sha-256`);
  return `${rules.join('\n')}\n`;
}
