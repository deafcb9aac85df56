/** A database that is going to be production is examined, and nothing of that is left in its catalogs. */
import { GENERIC_CHECKS } from '../../../lambda/contract';
import { examine } from '../../../lambda/detectors/examine';
import type { Connection } from '../../../lambda/examiner/protocol';
import { examinerOf } from '../../../lambda/runbook/examiner-client';
import { useDatabase } from '../../real/database';
import { rdsMaster } from '../../real/rds-master';

const database = useDatabase();
const query = async (sql: string) => (await database().cluster.query(sql, [], 'shop')).rows;

/** All that an examination of a copy changes. */
const CATALOGS = `SELECT
  (SELECT json_agg(r ORDER BY oid) FROM (SELECT oid, rolname, rolconnlimit, rolcanlogin FROM pg_catalog.pg_roles) r) AS roles,
  (SELECT json_agg(m ORDER BY m.roleid, m.member) FROM pg_catalog.pg_auth_members m) AS members,
  (SELECT json_agg(n ORDER BY n.oid) FROM pg_catalog.pg_namespace n WHERE nspname !~ '^pg_(toast_)?temp_') AS schemas,
  (SELECT json_agg(e ORDER BY e.oid) FROM pg_catalog.pg_extension e) AS extensions,
  (SELECT json_agg(s) FROM pg_catalog.pg_db_role_setting s) AS settings,
  (SELECT json_agg(d ORDER BY oid) FROM (SELECT oid, datname, datconnlimit, datacl FROM pg_catalog.pg_database) d) AS databases,
  (SELECT json_agg(c ORDER BY oid) FROM (SELECT oid, relname, relrowsecurity, relforcerowsecurity, relacl FROM pg_catalog.pg_class
    WHERE relnamespace = 'public'::regnamespace) c) AS relations,
  (SELECT json_agg(p ORDER BY oid) FROM (SELECT oid, proacl FROM pg_catalog.pg_proc WHERE pronamespace = 'public'::regnamespace) p) AS functions`;

test('leaves no role, membership, schema, extension, setting, right or lifted row security', async () => {
  const connection: Connection = await rdsMaster(database().cluster);
  await query(`CREATE ROLE app CONNECTION LIMIT 5; CREATE TABLE open (n int PRIMARY KEY); CREATE TABLE closed (n int);
    ALTER TABLE open OWNER TO app; ALTER TABLE closed OWNER TO app; ALTER TABLE closed ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    INSERT INTO open SELECT generate_series(1, 100); ALTER DATABASE shop CONNECTION LIMIT 50`);
  const before = await query(CATALOGS);
  const examiner = examinerOf(examine({}));
  await examiner.server({ connection, kept: true });
  const checks = [...GENERIC_CHECKS];
  const survey = await examiner.survey({ connection, checks, main: true, kept: true });
  expect(survey).toMatchObject({ tables: 2 });
  for (const work of survey.calls) {
    await examiner.check({ connection, checks, work, restorePoint: new Date().toISOString() });
  }
  expect(await query(CATALOGS)).toEqual(before);
});
