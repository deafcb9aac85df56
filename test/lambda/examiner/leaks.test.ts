/** No value of a row reaches anything that somebody reads, whatever raises it. */
import { type Check, GENERIC_CHECKS } from '../../../lambda/contract';
import { useDatabase } from '../../real/database';
import { runExamination } from '../../real/examination';

const database = useDatabase();
const SECRET = 'secret-4711';

beforeAll(async () => {
  await database().query(`
    CREATE TABLE people (id int PRIMARY KEY, note text); INSERT INTO people VALUES (1, 'bob & & ${SECRET}');
    CREATE FUNCTION armed() RETURNS boolean LANGUAGE sql STABLE AS
      $$SELECT pg_catalog.current_setting('lifeboat.disarmed', true) IS DISTINCT FROM 'on'$$;
    CREATE FUNCTION raising(code text, what text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$BEGIN
      IF public.armed() THEN RAISE EXCEPTION 'no %', what USING ERRCODE = code; END IF; RETURN what; END$$;
    CREATE FUNCTION pointless(t text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT t';
    CREATE VIEW names AS SELECT note::regrole AS role, note::regclass AS class, note FROM people OFFSET 0;
    CREATE EXTENSION dblink; CREATE ROLE "${SECRET}";
    GRANT EXECUTE ON FUNCTION pg_read_file(text), pg_ls_dir(text), lo_import(text), lo_export(oid, text) TO PUBLIC`);
});

/** All that leaves the examiner, and what was printed meanwhile. */
async function told(checks: readonly Check[]): Promise<string> {
  const printed: string[] = [];
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    jest.spyOn(process[name], 'write').mockImplementation((text) => printed.push(String(text)) > 0),
  );
  try {
    return JSON.stringify([await runExamination(database().cluster.superuser, checks), printed]);
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

const query = (sql: string): Check => ({ kind: 'query', name: 'mine', sql, equals: 1 });
const orphans = (column: string): Check => ({
  ...{ kind: 'no-orphans', table: 'names', column, parent: 'people', parentColumn: 'note' },
});

test.each<[string, string, Check]>([
  ['a cast to a role in a view', 'not-run', orphans('role')],
  ...[
    "set_config('role', right(note, 11), true)",
    "set_config('session_authorization', note, true)",
    "set_config('log_statement', note, true)",
    'set_config(note, note, true)',
    "set_config('exit_on_error', 'on', true) || note::int",
    "set_config('client_min_messages', 'log', true) || note::int",
    'pg_read_file(note)',
    'pg_ls_dir(note)',
    'lo_import(note)',
    'lo_export(id::oid, note)',
    'nextval(note)',
    "has_table_privilege(note, 'SELECT')",
    'dblink_is_busy(note)',
    "dblink_connect(note, 'host=127.0.0.1 port=1')",
    'dblink_connect(note)',
    "(right(note, 11) || repeat('x', 3000))::tsquery",
    'pg_advisory_lock(note::bigint)',
    'convert_from(note::bytea, note)',
    'note::tid',
    'xpath(note, xmlparse(content note))',
    "regexp_replace(note, note, '(', note)",
  ].map((value): [string, string, Check] => [
    `a query of ${value}`,
    'not-run',
    query(`SELECT count(${value}) FROM public.people`),
  ]),
  ['a query that calls 57P01', 'not-run', query("SELECT count(public.raising('57P01', note)) FROM public.people")],
  ['a query that calls XX000', 'not-run', query("SELECT count(public.raising('XX000', note)) FROM public.people")],
  ['a query that calls XX001', 'not-run', query("SELECT count(public.raising('XX001', note)) FROM public.people")],
  ['a query that calls 53100', 'not-run', query("SELECT count(public.raising('53100', note)) FROM public.people")],
  ['a query that calls 42501', 'not-run', query("SELECT count(public.raising('42501', note)) FROM public.people")],
  ['a query of a table’s name', 'not-run', query('SELECT count(note::regclass) FROM public.people')],
  ['a query of a function’s name', 'not-run', query('SELECT count(note::regprocedure) FROM public.people')],
  [
    'a query of a setting',
    'not-run',
    query("SELECT count(current_setting('x.' || md5(note) || note)) FROM public.people"),
  ],
  ['a query of a text search', 'not-run', query('SELECT count(to_tsquery(note)) FROM public.people')],
  ['a query of JSON', 'not-run', query('SELECT count(note::json) FROM public.people')],
  ['a query of XML', 'not-run', query("SELECT count(xmlparse(content '<' || note)) FROM public.people")],
  [
    'a query of a regular expression',
    'not-run',
    query("SELECT count(*) FROM public.people WHERE note ~ ('(' || note)"),
  ],
  ['a query of a text', 'failed', { kind: 'query', name: 'mine', sql: 'SELECT note FROM public.people', equals: 'x' }],
])('%s', async (_, outcome, check) => {
  const text = await told([check, query('SELECT 1')]);
  expect(text).not.toContain(SECRET);
  expect(text).toContain(`"outcome":"${outcome}"`);
  expect(text).toContain('"outcome":"passed"');
});

describe.each<[string, string]>([
  ['a text search', "to_tsquery('simple', pointless(note))"],
  ['a function that raises damage', "raising('XX001', note)"],
  ['a function that raises an index’s damage', "raising('XX002', note)"],
  ['a function that raises a full disk', "raising('53100', note)"],
  ['a cast', 'pointless(note)::int'],
])('an index on %s', (_, expression) => {
  test('tells no value', async () => {
    const { query } = database();
    await query("SET lifeboat.disarmed = 'on'; UPDATE people SET note = '1'");
    await query(`SET lifeboat.disarmed = 'on'; CREATE INDEX treacherous ON people ((${expression}))`);
    // What is stored changes behind the index's back, as damage or another version of a library would change it.
    const ready = (value: boolean) =>
      query(
        `UPDATE pg_index SET indisready = ${value}, indislive = ${value} WHERE indexrelid = 'treacherous'::regclass`,
      );
    await ready(false);
    await query(`UPDATE people SET note = 'bob & & ${SECRET}'`);
    await ready(true);
    const text = await told(GENERIC_CHECKS);
    expect(text).toContain('treacherous');
    expect(text).not.toContain(SECRET);
    await query('DROP INDEX treacherous');
  });
});

test.each([
  "set_config('role', right(note, 11), true) <> ''",
  "set_config('exit_on_error', 'on', true)::text <> '' AND note::int > 0",
  "(right(note, 11) || repeat('x', 3000))::tsquery IS NOT NULL",
])('a CHECK that is %s tells no value', async (expression) => {
  await database().query(`ALTER TABLE people ADD CONSTRAINT c CHECK (${expression}) NOT VALID;
    UPDATE pg_constraint SET convalidated = true WHERE conname = 'c'`);
  const text = await told([{ kind: 'readable' }, { kind: 'constraints' }]);
  expect(text).toContain('"outcome":"not-run"');
  expect(text).not.toContain(SECRET);
  await database().query('ALTER TABLE people DROP CONSTRAINT c');
});

test('a cast of a value to text is not called: what it reports is no damage', async () => {
  await database().query(`CREATE TYPE mood AS ENUM ('good'); CREATE TABLE moods AS SELECT 'good'::mood AS mood;
    CREATE FUNCTION mood_as_text(mood) RETURNS text LANGUAGE plpgsql AS
      $$BEGIN RAISE EXCEPTION 'no %', (SELECT note FROM public.people) USING ERRCODE = 'XX001'; END$$`);
  await database().query('CREATE CAST (mood AS text) WITH FUNCTION mood_as_text(mood)');
  const text = await told([{ kind: 'readable' }]);
  expect(text).not.toContain(SECRET);
  expect(text).toContain('"outcome":"passed"');
  await database().query('DROP TABLE moods; DROP TYPE mood CASCADE');
});
