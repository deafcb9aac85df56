/**
 * A master user as RDS makes it, on a server of the tests': a member of rds_superuser, no superuser, nobody's owner but its
 * own database's.
 *
 * RDS lets it create extensions, which PostgreSQL keeps to superusers. Here they are created for it beforehand.
 */
import type { Connection } from '../../lambda/examiner/protocol';
import type { Cluster } from '../../rehearsal/postgres/cluster';

const GIVEN = [
  ...['pg_checkpoint', 'pg_create_subscription', 'pg_maintain', 'pg_monitor', 'pg_read_all_data', 'pg_signal_backend'],
  ...['pg_use_reserved_connections', 'pg_write_all_data'],
];

/** A database `shop` of the master user's, and how it connects. */
export async function rdsMaster(cluster: Cluster): Promise<Connection> {
  await cluster.query(`
    DO $$ DECLARE given name; BEGIN
      CREATE ROLE rds_superuser;
      FOR given IN SELECT rolname FROM pg_roles WHERE rolname IN (${GIVEN.map((role) => `'${role}'`).join(', ')}) LOOP
        EXECUTE format('GRANT %I TO rds_superuser WITH ADMIN OPTION', given);
      END LOOP;
      IF current_setting('server_version_num')::int >= 150000 THEN
        EXECUTE 'GRANT SET ON PARAMETER session_replication_role TO rds_superuser';
      END IF;
    END $$;
    CREATE ROLE master LOGIN CREATEDB CREATEROLE PASSWORD 'master-password' IN ROLE rds_superuser`);
  await cluster.query('CREATE DATABASE shop OWNER master');
  await cluster.query(
    `CREATE SCHEMA lifeboat_examiner AUTHORIZATION master;
     CREATE EXTENSION amcheck SCHEMA lifeboat_examiner;
     CREATE EXTENSION pg_visibility SCHEMA lifeboat_examiner;
     CREATE EXTENSION pg_prewarm SCHEMA lifeboat_examiner;
     CREATE EXTENSION pgstattuple SCHEMA lifeboat_examiner;
     GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA lifeboat_examiner TO rds_superuser`,
    [],
    'shop',
  );
  return { ...cluster.superuser, user: 'master', password: 'master-password', database: 'shop' };
}
