import { GENERIC_CHECKS } from '../../../lambda/contract';
import { examine } from '../../../lambda/detectors/examine';
import type { Connection } from '../../../lambda/examiner/protocol';
import { readerOf } from '../../../lambda/examiner/reader';
import { examinerOf } from '../../../lambda/runbook/examiner-client';
import { useDatabase, VERSIONS } from '../../real/database';
import { resultOf, runExamination } from '../../real/examination';
import { rdsMaster } from '../../real/rds-master';

const examiner = examinerOf(examine({}));

describe.each(VERSIONS)('on PostgreSQL %s, with a master user that is no superuser', (major) => {
  const database = useDatabase({ wal_level: 'logical', max_prepared_transactions: '5' }, major);
  let connection: Connection;
  const query = async (sql: string) => (await database().cluster.query(sql, [], 'shop')).rows;

  beforeAll(async () => {
    connection = await rdsMaster(database().cluster);
    // From 16 on, whoever has CREATEROLE may grant the roles that they made; others they can not join.
    const joinable = major < 16 ? '' : 'GRANT app TO master WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;';
    await query(`CREATE ROLE app; ${joinable}
      GRANT CREATE ON DATABASE shop TO app; CREATE SCHEMA app AUTHORIZATION app; SET ROLE app;
      CREATE TABLE app.tenants (id int PRIMARY KEY, name text);
      INSERT INTO app.tenants SELECT n, 'tenant ' || n FROM generate_series(1, 100) n;
      ALTER TABLE app.tenants ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
      CREATE POLICY own ON app.tenants USING (name = current_user);
      CREATE FUNCTION app.is_positive(n int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN n > 0; END';
      REVOKE EXECUTE ON FUNCTION app.is_positive FROM PUBLIC;
      CREATE TABLE app.orders (id int PRIMARY KEY CHECK (app.is_positive(id)), tenant int REFERENCES app.tenants);
      INSERT INTO app.orders SELECT n, n FROM generate_series(1, 100) n`);
  });

  test('H3: an application’s tables, row security forced on some, are examined whole, and the evidence says how', async () => {
    const { results, survey } = await runExamination(connection, [
      ...GENERIC_CHECKS,
      { kind: 'row-count', table: 'app.tenants', atLeast: 100, atMost: 100 },
    ]);
    expect(results.filter(({ outcome }) => outcome !== 'passed')).toEqual([]);
    expect(survey).toMatchObject({ holdsRows: true, tables: 2 });
    expect(survey.notes).toEqual([
      "The master user was made a member of the tables' owners on the restored instance: app.",
      'Row security was lifted on the restored instance, to read every row: app.tenants.',
    ]);
  });

  test('says that index entries of catalogs are not counted where the database belongs to somebody else', async () => {
    const { superuser } = database().cluster;
    await database().query(`ALTER DATABASE shop OWNER TO ${superuser.user}`);
    try {
      const { results, survey } = await runExamination(connection, [{ kind: 'indexes' }]);
      expect(results.map(({ outcome }) => outcome)).toEqual(['passed']);
      // Since 17, rds_superuser may maintain all tables.
      const refused = /^Index entries of catalogs and large objects were not counted, since master may not vacuum them/;
      expect(survey.notes).toEqual(major < 17 ? [expect.stringMatching(refused)] : []);
    } finally {
      await database().query('ALTER DATABASE shop OWNER TO master');
    }
  });

  test('reads rows as a user that may not write, log in as nobody else, nor become one', async () => {
    const reader = readerOf(connection);
    const [role] = await query(`SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls FROM pg_roles
      WHERE rolname = '${reader.user}'`);
    expect(Object.values(role as object)).toEqual([false, false, false, false, false]);
    const memberships = await query(`SELECT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
      JOIN pg_roles g ON g.oid = m.member WHERE g.rolname = '${reader.user}'`);
    const roles = memberships.map(({ rolname }) => rolname).sort();
    expect(roles).toEqual([
      major < 16 ? 'pg_read_all_data' : 'pg_monitor',
      major < 16 ? 'pg_stat_scan_tables' : 'pg_read_all_data',
    ]);
    await query(`CREATE FUNCTION app.escape() RETURNS text LANGUAGE plpgsql AS $$BEGIN
      RESET ROLE; PERFORM set_config('role', 'none', false); RETURN session_user || ' ' || current_user; END$$`);
    const sql = 'SELECT app.escape()';
    const escaped = `${reader.user} ${reader.user}`;
    expect(await resultOf(connection, { kind: 'query', name: 'who', sql, equals: escaped })).toMatchObject({
      outcome: 'passed',
    });
    const become = "SELECT set_config('role', 'master', false)";
    expect(await resultOf(connection, { kind: 'query', name: 'who', sql: become, equals: 'master' })).toMatchObject({
      outcome: 'not-run',
      reason: expect.stringMatching(/permission denied to set role|42501|22023/),
    });
  });

  test('disables subscriptions and takes their slots from them, in every database, before anything else', async () => {
    const { cluster } = database();
    const elsewhere = "CONNECTION 'host=127.0.0.1 port=1 dbname=production' PUBLICATION p WITH (connect = false)";
    await cluster.query(`CREATE SUBSCRIPTION feed ${elsewhere}`, [], 'postgres');
    await cluster.query('ALTER SUBSCRIPTION feed ENABLE', [], 'postgres');
    const { notes } = await examiner.server({ connection: cluster.superuser });
    expect(notes).toContain(
      "postgres: Subscription 'feed' was disabled on the restored instance and detached from its slot.",
    );
    const [found] = (await cluster.query('SELECT subenabled, subslotname FROM pg_subscription')).rows;
    expect(found).toEqual({ subenabled: false, subslotname: null });
    expect((await examiner.server({ connection: cluster.superuser })).notes).toEqual([]);
    await cluster.query('DROP SUBSCRIPTION feed', [], 'postgres');
  });

  test('says of a subscription that it may not disable', async () => {
    const { cluster } = database();
    await query(
      `CREATE SUBSCRIPTION feed CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p WITH (connect = false, slot_name = s)`,
    );
    const { notes } = await examiner.server({ connection });
    expect(notes.join()).toMatch(
      /shop: Subscription 'feed' could not be disabled on the restored instance, so it may fetch.*must be/,
    );
    await query('ALTER SUBSCRIPTION feed SET (slot_name = NONE); DROP SUBSCRIPTION feed');
    expect((await examiner.server({ connection: cluster.superuser })).notes.join()).not.toContain('feed');
  });

  test('stops the jobs of pg_cron, and says so', async () => {
    const { cluster } = database();
    // The embedded server has no pg_cron; its catalog can be told that it has.
    await cluster.query(
      `CREATE SCHEMA cron; CREATE TABLE cron.job (jobid bigint, command text, active boolean NOT NULL DEFAULT true);
       INSERT INTO cron.job VALUES (1, 'DELETE FROM production', true), (2, 'VACUUM', true), (3, 'x', false);
       GRANT USAGE ON SCHEMA cron TO master; GRANT ALL ON cron.job TO master;
       ALTER TABLE cron.job ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON cron.job USING (true);
       INSERT INTO pg_extension SELECT 99999, 'pg_cron', 10, oid, false, '1.6', NULL, NULL FROM pg_namespace WHERE nspname = 'cron'`,
      [],
      'shop',
    );
    const { notes } = await examiner.server({ connection });
    expect(notes).toEqual(['shop: 2 jobs of pg_cron were stopped on the restored instance.']);
    expect(await query('SELECT count(*)::int FROM cron.job WHERE active')).toEqual([{ count: 0 }]);
    await query("DELETE FROM pg_extension WHERE extname = 'pg_cron'; DROP SCHEMA cron CASCADE");
  });

  test('H9: a prepared transaction that locks a table is told and ended, and hangs nothing', async () => {
    const { cluster } = database();
    await query('CREATE TABLE ledger AS SELECT 1 AS n');
    await cluster.connected(async (client) => {
      await client.query("BEGIN; INSERT INTO ledger VALUES (2); LOCK TABLE ledger; PREPARE TRANSACTION 'left behind'");
    }, 'shop');
    const { survey, results } = await runExamination({ ...cluster.superuser, database: 'shop' }, [
      ...GENERIC_CHECKS,
      { kind: 'row-count', table: 'ledger', atLeast: 1, atMost: 1 },
    ]);
    expect(survey.notes.join()).toMatch(
      /1 prepared transaction, neither committed .* rolled back on the restored instance/,
    );
    expect(results.filter(({ outcome }) => outcome !== 'passed')).toEqual([]);
    await query('DROP TABLE ledger');
  });

  test('H9: one of an application’s role, which the master user may join, is ended', async () => {
    const { cluster } = database();
    await query('GRANT CREATE ON SCHEMA app TO app');
    await cluster.connected(async (client) => {
      await client.query("SET SESSION AUTHORIZATION app; BEGIN; CREATE TABLE app.new (); PREPARE TRANSACTION 'of app'");
    }, 'shop');
    const { survey } = await runExamination(connection, []);
    expect(survey.notes.join()).toMatch(
      /^1 prepared transaction, neither committed .* was rolled back on the restored instance/,
    );
    expect(await query('SELECT gid FROM pg_prepared_xacts')).toEqual([]);
  });

  test('limits of connections are lifted where the master user may, and kept where not', async () => {
    const { cluster } = database();
    await query('ALTER ROLE master CONNECTION LIMIT 1; ALTER DATABASE shop CONNECTION LIMIT 1');
    await cluster.query('CREATE DATABASE other CONNECTION LIMIT 0');
    try {
      const { notes } = await examiner.server({ connection });
      expect(notes.join()).toContain(
        "The connection limit of database 'shop', 1, was lifted on the restored instance.",
      );
      const ofMaster = major < 16 ? 'was lifted' : 'could not be lifted';
      expect(notes.join()).toMatch(
        new RegExp(`The connection limit of the master user, 1, ${ofMaster} on the restored instance`),
      );
      expect(notes.join()).toMatch(
        /The connection limit of database 'other', 0, could not be lifted on the restored instance/,
      );
      expect(notes.join()).toMatch(/Databases that take no connections were not examined: other/);
      const { results } = await runExamination(connection, GENERIC_CHECKS);
      expect(results.filter(({ outcome }) => outcome !== 'passed')).toEqual([]);
    } finally {
      await query('ALTER ROLE master CONNECTION LIMIT -1');
      await cluster.query('DROP DATABASE other');
    }
  });

  test('H9: one that may not be ended is told, its table is not examined, and the rest is', async () => {
    const { cluster } = database();
    await query('CREATE TABLE ledger AS SELECT 1 AS n; GRANT SELECT ON ledger TO PUBLIC');
    await cluster.connected(async (client) => {
      await client.query("BEGIN; LOCK TABLE ledger; PREPARE TRANSACTION 'left behind'");
    }, 'shop');
    const { survey, results } = await runExamination(connection, [{ kind: 'readable' }]);
    expect(survey.notes.join()).toMatch(
      /1 prepared transaction could not be rolled back on the restored instance \(PostgreSQL said/,
    );
    expect(results).toMatchObject([
      {
        outcome: 'not-run',
        reason: expect.stringMatching(/^ledger: a lock that is never released keeps it from being read$/),
        remedy: expect.stringContaining('prepared transaction'),
      },
    ]);
    expect(JSON.stringify(results)).not.toMatch(/tenants|orders/);
    await query("ROLLBACK PREPARED 'left behind'");
    await query('DROP TABLE ledger');
  }, 120_000);

  test('H4: whatever search path a database has, and whatever its event triggers refuse, it is examined', async () => {
    const { cluster } = database();
    await query(`CREATE FUNCTION app.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no DDL here'; END$$;
      CREATE EVENT TRIGGER refuse ON ddl_command_start EXECUTE FUNCTION app.refuse()`);
    for (const path of ["''", 'absent']) {
      await cluster.query(`ALTER DATABASE shop SET search_path = ${path}`);
      await query('ALTER EVENT TRIGGER refuse ENABLE');
      const superuser = await runExamination({ ...cluster.superuser, database: 'shop' }, GENERIC_CHECKS);
      expect(superuser.results.filter(({ outcome }) => outcome !== 'passed')).toEqual([]);
      expect(superuser.survey.notes.join()).toContain(
        "Event trigger 'refuse' (ddl_command_start) was disabled on the restored instance.",
      );
      await query('ALTER EVENT TRIGGER refuse ENABLE');
      const master = await runExamination(connection, GENERIC_CHECKS);
      expect(master.results.filter(({ outcome }) => outcome !== 'passed')).toEqual([]);
      expect(master.survey.notes.join()).toMatch(
        /Event trigger 'refuse' \(ddl_command_start\) could not be disabled on the restored instance/,
      );
    }
    await query('DROP EVENT TRIGGER refuse');
    await cluster.query('ALTER DATABASE shop RESET search_path');
  });
});

describe('H10: names that are not UTF-8', () => {
  const database = useDatabase();

  test('are spelled as Latin-1 on the restored instance, and what bears them is examined', async () => {
    const { cluster } = database();
    await cluster.query("CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0");
    // The bytes of "café" and "größe" in Latin-1.
    await cluster.query(
      `DO $$ BEGIN EXECUTE format('CREATE SCHEMA %I', 'caf' || convert_from('\\xe9', 'SQL_ASCII'));
         EXECUTE format('CREATE TABLE %I.%I (%I int NOT NULL CHECK (%3$I > 0), PRIMARY KEY (%3$I))', 'caf' || convert_from('\\xe9', 'SQL_ASCII'),
           'caf' || convert_from('\\xe9', 'SQL_ASCII'), 'gr' || convert_from('\\xf6df', 'SQL_ASCII') || 'e');
         EXECUTE format('INSERT INTO %1$I.%1$I VALUES (1), (2)', 'caf' || convert_from('\\xe9', 'SQL_ASCII')); END $$`,
      [],
      'ascii',
    );
    const { results, survey } = await runExamination({ ...cluster.superuser, database: 'ascii' }, [
      { kind: 'readable' },
      { kind: 'indexes' },
      { kind: 'constraints' },
      { kind: 'row-count', table: 'café.café', atLeast: 2 },
    ]);
    expect(results.filter(({ outcome }) => outcome !== 'passed')).toEqual([]);
    expect(survey.notes).toContain(
      '3 names that are not UTF-8 were spelled as Latin-1 means them, on the restored instance.',
    );
  });

  test('of databases, given in the encoding of another, are spelled so too, whichever the master connects to', async () => {
    const { cluster } = database();
    await cluster.query("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    await cluster.query('CREATE DATABASE "café"', [], 'latin');
    await cluster.query('CREATE DATABASE "größe"');
    for (const main of ['latin', 'postgres']) {
      const { databases, notes } = await examiner.server({ connection: { ...cluster.superuser, database: main } });
      expect(databases.map(({ name }) => name)).toEqual(expect.arrayContaining(['café', 'größe']));
      expect(notes).toEqual(
        main === 'latin' ? ['1 name that is not UTF-8 was spelled as Latin-1 means it, on the restored instance.'] : [],
      );
    }
  });
});
