/** What clients of an instance may do: what rds_superuser may on RDS, and nothing that reaches files or programs. */
import type { DBInstance } from '@aws-sdk/client-rds';
import { Client } from 'pg';
import { MASTER, useRegion } from '../../real/region';

const local = useRegion();
let orders: DBInstance;
beforeAll(async () => {
  orders = await local().createDatabase('orders', { BackupRetentionPeriod: 0 });
  await master('CREATE TABLE t (n int PRIMARY KEY, line text); INSERT INTO t VALUES (1)');
});

const master = (sql: string) => local().query<Record<string, unknown>>(orders, sql);

test.each([
  "COPY t (line) FROM PROGRAM 'id'",
  "COPY t TO PROGRAM 'cat'",
  "COPY t (line) FROM '/etc/passwd'",
  "COPY t TO '/tmp/stolen'",
  "SELECT pg_read_file('/etc/passwd')",
  "SELECT pg_ls_dir('/')",
  "SELECT pg_stat_file('postgresql.conf')",
  "SELECT lo_import('/etc/passwd')",
  "SELECT lo_export(0, '/tmp/stolen')",
  "LOAD '/tmp/anything.so'",
  "ALTER SYSTEM SET archive_command = 'id'",
  'CREATE ROLE other SUPERUSER',
  'ALTER ROLE rdsadmin PASSWORD NULL',
  'SET ROLE rdsadmin',
  'CREATE ROLE reader IN ROLE pg_read_server_files',
  'GRANT pg_execute_server_program TO CURRENT_USER',
  "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'libc', 'system'",
  'CREATE EXTENSION file_fdw',
  'CREATE EXTENSION pageinspect',
  'CREATE EXTENSION pg_surgery',
  'CREATE EXTENSION plpython3u',
  'SET zero_damaged_pages = on',
  'ALTER DATABASE shop SET ignore_checksum_failure = on',
  'UPDATE pg_catalog.pg_class SET relname = relname',
])('%s is refused to the master user', async (sql) => {
  await expect(master(sql)).rejects.toThrow(
    /permission denied|must be superuser|is not allowed|Only roles with the (SUPERUSER|ADMIN)|ADMIN option/,
  );
});

test('the master user is a member of rds_superuser, and no superuser', async () => {
  const [role] = await master(`SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls,
      pg_has_role('rds_superuser', 'USAGE') AS rds FROM pg_roles WHERE rolname = current_user`);
  const no = { rolsuper: false, rolreplication: false, rolbypassrls: false };
  expect(role).toEqual({ rolcreatedb: true, rolcreaterole: true, rds: true, ...no });
  const members = await master(`SELECT r.rolname AS name FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
    WHERE m.member = 'rds_superuser'::regrole ORDER BY 1`);
  expect(members.map(({ name }) => name)).toEqual([
    'pg_checkpoint',
    'pg_create_subscription',
    'pg_maintain',
    'pg_monitor',
    'pg_read_all_data',
    'pg_signal_backend',
    'pg_use_reserved_connections',
    'pg_write_all_data',
    'rds_password',
    'rds_replication',
  ]);
  const owned = await master("SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = 'owner' ORDER BY 1");
  expect(owned.map(({ datname }) => datname)).toEqual(['postgres', 'shop', 'template1']);
});

test('scripts of extensions, which run as the superuser, call nothing of the schema that they are created in', async () => {
  const types = ['oid', 'name', 'text', 'regnamespace', 'regprocedure', 'regproc', 'regclass', 'anyelement'];
  const traps = types.flatMap((left) =>
    types.map(
      (right) => `
    CREATE FUNCTION evil.trap(${left}, ${right}) RETURNS boolean LANGUAGE plpgsql AS
      $$ BEGIN RAISE 'trapped %', current_user; END $$;
    CREATE OPERATOR evil.= (LEFTARG = ${left}, RIGHTARG = ${right}, FUNCTION = evil.trap);`,
    ),
  );
  await master(`CREATE SCHEMA evil; ${traps.join('')}`);
  await expect(master("SELECT 1::oid OPERATOR(evil.=) 'public'::regnamespace")).rejects.toThrow('trapped owner');
  const all = await master(
    "SELECT name, version FROM pg_available_extension_versions WHERE trusted AND name <> 'plpgsql'",
  );
  expect(all.length).toBeGreaterThan(50);
  const told: string[] = [];
  for (const { name, version } of all) {
    const create = `CREATE EXTENSION "${name}" SCHEMA evil VERSION '${version}' CASCADE; DROP EXTENSION "${name}"`;
    await master(create).catch((error: Error) => told.push(`${name} ${version}: ${error.message}`));
  }
  expect(told.filter((line) => line.includes('trapped'))).toEqual([]);
});

test('the master user does what administrators of RDS do', async () => {
  const extensions = [
    'amcheck',
    'pg_visibility',
    'pgstattuple',
    'pg_prewarm',
    'uuid-ossp',
    'dblink',
    'postgres_fdw',
    'lo',
  ];
  for (const name of extensions) await master(`CREATE EXTENSION "${name}"`);
  for (const wrapper of ['postgres_fdw', 'dblink_fdw']) {
    await master(`CREATE SERVER "to ${wrapper}" FOREIGN DATA WRAPPER ${wrapper} OPTIONS (host '127.0.0.1')`);
  }
  await master('CREATE DATABASE another');
  await master("CREATE ROLE app LOGIN PASSWORD 'app-password'");
  await master('GRANT pg_read_all_data, rds_superuser TO app');
  await master('SET session_replication_role = replica');
  await master('CHECKPOINT');
  await master("SELECT bt_index_parent_check('t_pkey', true, true)");
  const looked = `SELECT (SELECT count(*)::int FROM verify_heapam('t')) AS damaged,
    (SELECT count(*)::int FROM pg_visibility('t')) AS pages, (SELECT tuple_count::int FROM pgstattuple('t')) AS tuples,
    pg_prewarm('t', 'buffer')::int AS loaded, bool_or(query = '<insufficient privilege>') AS hidden FROM pg_stat_activity`;
  expect(await master(looked)).toEqual([{ damaged: 0, pages: 1, tuples: 1, loaded: 1, hidden: false }]);
});

test('row security hides rows from the master user, as on RDS', async () => {
  await master(`
    CREATE ROLE tenant; GRANT tenant TO CURRENT_USER WITH SET TRUE, INHERIT TRUE; GRANT CREATE ON SCHEMA public TO tenant;
    SET ROLE tenant; CREATE TABLE mine AS SELECT 1 AS n; ALTER TABLE mine ENABLE ROW LEVEL SECURITY;
    ALTER TABLE mine FORCE ROW LEVEL SECURITY; RESET ROLE`);
  expect(await master('SELECT * FROM mine')).toEqual([]);
});

test.each([
  ['rdsadmin', 'postgres'],
  ['rdsadmin', 'rdsadmin'],
  [MASTER.user, 'rdsadmin'],
  ['rdsrepladmin', 'postgres'],
])('%s cannot log in over TCP to %s', async (user, database) => {
  const { Address: host, Port: port } = orders.Endpoint!;
  const client = new Client({ host, port, user, password: MASTER.password, database });
  await expect(client.connect()).rejects.toThrow(/pg_hba.conf rejects connection/);
});

test('nothing a master user leaves in a database runs as the superuser that backs it up', async () => {
  const shop = await local().createDatabase('hostile');
  await local().query(
    shop,
    `CREATE SCHEMA evil;
    CREATE FUNCTION evil.trap() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
      IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
        EXECUTE 'ALTER ROLE owner SUPERUSER';
      END IF; RETURN true; END $$;
    CREATE VIEW evil.pg_class AS SELECT * FROM pg_catalog.pg_class WHERE evil.trap();
    ALTER VIEW evil.pg_class SET (security_invoker = on);
    ALTER DATABASE shop SET search_path = evil, pg_catalog, public`,
  );
  await local().region.takeAutomatedSnapshot(local().name, 'hostile');
  const [role] = await local().query<object>(
    shop,
    'SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user',
  );
  expect(role).toEqual({ rolsuper: false });
});
