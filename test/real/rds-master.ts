/**
 * A master user as RDS makes it, on a server of the tests': a member of rds_superuser, no superuser, nobody's owner but its
 * own database's.
 *
 * RDS lets it create extensions, which PostgreSQL keeps to superusers. Here they are created for it beforehand.
 */
import type { Connection } from '../../lambda/examiner/protocol';
import type { Cluster } from '../../rehearsal/postgres/cluster';

/** A database `shop` of the master user's, and how it connects. */
export async function rdsMaster(cluster: Cluster): Promise<Connection> {
  await cluster.query("CREATE ROLE master LOGIN CREATEDB CREATEROLE PASSWORD 'master-password' IN ROLE rds_superuser");
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
