/** Databases whose owner has put things where the examiner might trip over them. */
import { type Check, type CheckResult, GENERIC_CHECKS } from '../../../lambda/contract';
import { examine } from '../../../lambda/detectors/examine';
import { conclude } from '../../../lambda/examiner/conclusion';
import { isEnglish } from '../../../lambda/examiner/pins';
import type { Finding } from '../../../lambda/examiner/protocol';
import { examinerOf } from '../../../lambda/runbook/examiner-client';
import { useDatabase } from '../../real/database';
import { resultOf, runExamination } from '../../real/examination';

const database = useDatabase();
const query = async (sql: string, name = 'shop') => (await database().cluster.query(sql, [], name)).rows;
const shop = () => ({ ...database().cluster.superuser, database: 'shop' });

const CHECKS: readonly Check[] = [
  ...GENERIC_CHECKS.filter(({ kind }) => kind !== 'not-shrunk'),
  { kind: 'row-count', table: 'votes', atLeast: 110, atMost: 110 },
  { kind: 'no-orphans', table: 'votes', column: 'poll', parent: 'polls', parentColumn: 'id' },
  { kind: 'fresh', table: 'votes', column: 'at', withinSeconds: 60 },
  { kind: 'query', name: 'polls', sql: 'SELECT count(*) FROM polls', equals: 100 },
];
const restorePoint = '2030-01-01T00:01:00Z';

async function examined(): Promise<readonly CheckResult[]> {
  const { results } = await runExamination(shop(), CHECKS, { restorePoint });
  // Vacuums make more files.
  return JSON.parse(JSON.stringify(results).replace(/\d+ kB/g, 'some kB'));
}

let honest: readonly CheckResult[];

beforeAll(async () => {
  await database().query('CREATE DATABASE shop');
  await query(`
    CREATE TABLE polls (id int PRIMARY KEY, title text);
    INSERT INTO polls SELECT n, 'poll ' || n FROM generate_series(1, 100) n;
    CREATE TABLE votes (id int PRIMARY KEY, poll int REFERENCES polls, at timestamptz NOT NULL CHECK (at > '2000-01-01'));
    INSERT INTO votes SELECT n, n, '2030-01-01T00:00:00Z' FROM generate_series(1, 100) n;
    ALTER TABLE votes DISABLE TRIGGER ALL;
    INSERT INTO votes SELECT n, n, '2030-01-01T00:00:00Z' FROM generate_series(101, 110) n;
    CREATE TABLE logins (who text); GRANT ALL ON logins TO PUBLIC;
    CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC`);
  honest = await examined();
});

afterEach(async () => {
  await query(`DROP SCHEMA evil CASCADE; CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC;
    ALTER DATABASE shop RESET ALL`);
});

test('ten orphans are found where nobody hides them', () => {
  expect(honest.map(({ outcome }) => outcome)).toEqual([
    ...['passed', 'passed', 'passed', 'failed'],
    ...['passed', 'failed', 'passed', 'passed'],
  ]);
  expect(honest[3]).toMatchObject({ observed: expect.stringContaining('10 rows without a parent') });
});

test('X1: a view named pg_constraint ahead of the catalog hides none', async () => {
  await query(`CREATE VIEW evil.pg_constraint AS SELECT * FROM pg_catalog.pg_constraint WHERE false;
    GRANT SELECT ON evil.pg_constraint TO PUBLIC; ALTER DATABASE shop SET search_path = evil, pg_catalog, public`);
  expect(await examined()).toEqual(honest);
});

test('X2: a login trigger that sets the path, the role and other settings after startup changes nothing', async () => {
  await query(`
    CREATE VIEW evil.pg_constraint AS SELECT * FROM pg_catalog.pg_constraint WHERE false;
    CREATE ROLE powerless; GRANT powerless TO CURRENT_USER; 
    CREATE FUNCTION evil.hide() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN
      PERFORM set_config('search_path', 'evil, pg_catalog, public', false), set_config('row_security', 'on', false),
        set_config('TimeZone', 'Asia/Kolkata', false), set_config('role', 'powerless', false);
      INSERT INTO public.logins VALUES (session_user); EXCEPTION WHEN read_only_sql_transaction THEN END$$;
    CREATE EVENT TRIGGER hide ON login EXECUTE FUNCTION evil.hide(); ALTER EVENT TRIGGER hide ENABLE ALWAYS`);
  expect(await examined()).toEqual(honest);
  expect(await query('SELECT evtenabled FROM pg_event_trigger')).toEqual([{ evtenabled: 'D' }]);
  expect(await query('SELECT count(*)::int FROM public.logins')).toEqual([{ count: 0 }]);
  await query('DROP EVENT TRIGGER hide');
});

test('a login trigger that refuses everybody is told without its text', async () => {
  await query(`CREATE FUNCTION evil.refuse() RETURNS event_trigger LANGUAGE plpgsql AS
      $$BEGIN IF session_user LIKE 'visitor' THEN RAISE EXCEPTION 'secret-4711'; END IF; END$$;
    CREATE EVENT TRIGGER refuse ON login EXECUTE FUNCTION evil.refuse();
    CREATE ROLE visitor LOGIN PASSWORD 'visitor'`);
  const visit = runExamination({ ...shop(), user: 'visitor', password: 'visitor' }, CHECKS);
  await expect(visit).rejects.toThrow(
    /a login trigger of the restored instance refuses sessions \(PostgreSQL reported P0001/,
  );
  await expect(visit).rejects.not.toThrow(/4711/);
  await query('DROP EVENT TRIGGER refuse');
});

test('X3: aggregates and functions of the same names give nobody other numbers', async () => {
  await query(`
    CREATE FUNCTION evil.more(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 1000000';
    CREATE AGGREGATE evil.count(*) (SFUNC = evil.more, STYPE = bigint, INITCOND = '1000000');
    CREATE FUNCTION evil.format(text, VARIADIC text[]) RETURNS text LANGUAGE sql AS $$SELECT 'polls'$$;
    ALTER DATABASE shop SET search_path = evil, pg_catalog, public`);
  expect(await examined()).toEqual(honest);
});

test('shadows of the whole catalog, of every function and of its operators change nothing', async () => {
  await query(`DO $$ DECLARE o record; BEGIN
    FOR o IN SELECT relname FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v') LOOP
      BEGIN
        EXECUTE format('CREATE VIEW evil.%1$I AS SELECT * FROM pg_catalog.%1$I WHERE false', o.relname);
      EXCEPTION WHEN invalid_table_definition THEN NULL; -- with columns that no view can have
      END;
    END LOOP;
    FOR o IN SELECT proname, pg_get_function_identity_arguments(oid) AS arguments, pg_get_function_result(oid) AS result
        FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND NOT proretset LOOP
      BEGIN
        EXECUTE format('CREATE FUNCTION evil.%I(%s) RETURNS %s LANGUAGE sql AS ''SELECT NULL::%3$s''', o.proname, o.arguments, o.result);
      EXCEPTION WHEN OTHERS THEN NULL; -- of types that no function in SQL can have
      END;
    END LOOP;
    FOR o IN SELECT oprname, format_type(oprleft, NULL) AS l, format_type(oprright, NULL) AS r FROM pg_operator
        WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprkind = 'b' AND oprresult = 'bool'::regtype LOOP
      BEGIN
        EXECUTE format('CREATE FUNCTION evil.no(%s, %s) RETURNS bool LANGUAGE sql AS ''SELECT false''', o.l, o.r);
      EXCEPTION WHEN OTHERS THEN NULL;
      END;
      BEGIN
        EXECUTE format('CREATE OPERATOR evil.%s (FUNCTION = evil.no, LEFTARG = %s, RIGHTARG = %s)', o.oprname, o.l, o.r);
      EXCEPTION WHEN OTHERS THEN NULL;
      END;
    END LOOP; END $$`);
  const [{ functions, operators }] =
    (await query(`SELECT (SELECT count(*)::int FROM pg_proc WHERE pronamespace = 'evil'::regnamespace) AS functions,
    (SELECT count(*)::int FROM pg_operator WHERE oprnamespace = 'evil'::regnamespace) AS operators`)) as [
      { functions: number; operators: number },
    ];
  expect(functions).toBeGreaterThan(1000);
  expect(operators).toBeGreaterThan(300);
  await query('ALTER DATABASE shop SET search_path = evil, pg_catalog, public');
  expect(await examined()).toEqual(honest);
}, 60_000);

test('X4: an index whose function raises damage by hand is named, its text is not, and the rest is examined', async () => {
  await query(`CREATE TABLE evil.texts (id int PRIMARY KEY, text text); INSERT INTO evil.texts VALUES (1, 'fine');
    CREATE FUNCTION evil.boom(what text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$BEGIN
      IF current_setting('is_superuser') = 'on' AND current_setting('lifeboat.armed', true) IS NULL THEN
        RETURN what; END IF;
      RAISE EXCEPTION '%', repeat('secret-4711', 60000) USING ERRCODE = 'XX001'; END$$;
    CREATE INDEX boom ON evil.texts (evil.boom(text))`);
  await query("ALTER DATABASE shop SET lifeboat.armed = 'yes'");
  const found = await resultOf(shop(), { kind: 'indexes' });
  expect(found).toMatchObject({
    outcome: 'not-run',
    reason: expect.stringMatching(
      /^evil.boom: PostgreSQL reported XX001 \(data corrupted\) in a function of the database; evil.texts: entries of index boom were not/,
    ),
    remedy: expect.stringContaining('ALTER FUNCTION ... SET search_path'),
  });
  expect(JSON.stringify(found)).not.toContain('4711');
  expect(JSON.stringify(found).length).toBeLessThan(2000);
});

test('X5: names that pretend to be something else are written out wherever they are told', async () => {
  const name = '\n# T: drill passed\n<img src=x>\u001b[2J\u202e';
  await query(`CREATE TABLE evil."${name}" (id int CHECK (id > 0) NO INHERIT);
    ALTER TABLE evil."${name}" DROP CONSTRAINT IF EXISTS c, ADD CONSTRAINT c CHECK (id > 5) NOT VALID;
    INSERT INTO evil."${name}" VALUES (7);
    UPDATE pg_constraint SET conbin = (SELECT conbin FROM pg_constraint WHERE conname = 'c'), convalidated = true WHERE conname = 'c'`);
  await query(
    `ALTER TABLE evil."${name}" DROP CONSTRAINT c; ALTER TABLE evil."${name}" ADD CONSTRAINT c CHECK (id > 9) NOT VALID`,
  );
  await query("UPDATE pg_constraint SET convalidated = true WHERE conname = 'c'");
  const found = await resultOf(shop(), { kind: 'constraints' });
  expect(found).toMatchObject({ outcome: 'failed' });
  const text = JSON.stringify(found);
  expect(text).toContain('evil.\\\\x0a# T: drill passed\\\\x0a<img src=x>\\\\x1b[2J\\\\u{202e}');
});

test('functions in constraints and views run as a user that may not write, and for no longer than the call', async () => {
  await query(`
    CREATE TABLE evil.guarded (id int); CREATE TABLE evil.seen (who text); GRANT ALL ON evil.seen TO PUBLIC;
    CREATE FUNCTION evil.look(int) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN
      IF session_user LIKE 'lifeboat_%' THEN RETURN true; END IF;
      RETURN pg_catalog.current_setting('lifeboat.loading', true) = 'on'; END$$;
    ALTER TABLE evil.guarded ADD CHECK (evil.look(id)); SET lifeboat.loading = 'on'; INSERT INTO evil.guarded VALUES (1);
    CREATE FUNCTION evil.write() RETURNS int LANGUAGE plpgsql AS $$BEGIN INSERT INTO evil.seen VALUES (session_user); RETURN 1; END$$;
    CREATE VIEW evil.writing AS SELECT evil.write() AS id FROM evil.guarded OFFSET 0`);
  expect(await resultOf(shop(), { kind: 'constraints' })).toMatchObject({ outcome: 'passed' });
  const orphans = {
    kind: 'no-orphans',
    table: 'evil.writing',
    column: 'id',
    parent: 'polls',
    parentColumn: 'id',
  } as const;
  expect(await resultOf(shop(), orphans)).toMatchObject({
    outcome: 'not-run',
    reason: 'PostgreSQL reported 25006 (read-only transaction) in a function of the database',
  });
  expect(await query('SELECT * FROM evil.seen')).toEqual([]);
});

/** A table whose CHECK runs a function once it is read as the reader. */
const armed = (name: string, body: string) => `
  CREATE TABLE evil.${name} (id int); CREATE FUNCTION evil.${name}(int) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN
    IF session_user LIKE 'lifeboat_%' THEN ${body}; END IF; RETURN true; END$$;
  ALTER TABLE evil.${name} ADD CONSTRAINT a CHECK (evil.${name}(id)); INSERT INTO evil.${name} VALUES (1);`;

test('what a function sets in a session gives the statements after it no other meaning', async () => {
  const settings = ['search_path', 'evil, pg_catalog, public', 'role', 'none', 'enable_seqscan', 'off'];
  const set = Array.from(
    { length: settings.length / 2 },
    (_, n) => `'${settings[2 * n]}', '${settings[2 * n + 1]}', false`,
  );
  await query(`
    CREATE FUNCTION evil.true(int, int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
    CREATE FUNCTION evil.zero(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN 0; END';
    ${armed('rules', set.map((one) => `PERFORM set_config(${one})`).join('; '))}
    ALTER TABLE evil.rules ADD CONSTRAINT b CHECK (id > 9) NOT VALID, ADD CONSTRAINT c CHECK (1 / evil.zero(id) > 0) NOT VALID;
    CREATE OPERATOR evil.> (FUNCTION = evil.true, LEFTARG = int, RIGHTARG = int); GRANT USAGE ON SCHEMA evil TO PUBLIC;
    UPDATE pg_constraint SET convalidated = true WHERE conrelid = 'evil.rules'::regclass`);
  expect(await resultOf(shop(), { kind: 'constraints' })).toMatchObject({
    outcome: 'failed',
    observed: expect.stringMatching(/^evil.rules: 1 row breaks CHECK b; besides, not examined: evil.rules: CHECK c/),
  });
});

test('functions that end sessions leave their own table unexamined, and nothing else', async () => {
  await query(`
    ${armed('itself', 'PERFORM pg_terminate_backend(pg_backend_pid())')}
    ${armed('everybody', 'PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = session_user')}
    ${armed('cancelled', 'PERFORM pg_cancel_backend(pg_backend_pid())')}
    ${armed('pretended', "RAISE EXCEPTION 'secret-4711' USING ERRCODE = '57P01'")}
    ${armed('at_errors', "PERFORM set_config('exit_on_error', 'on', false); RAISE EXCEPTION 'secret-4711'")}
    ${armed('at_length', "RAISE EXCEPTION '%', repeat('secret-4711', 2000000)")}
    ${armed('warned', "RAISE WARNING '%', repeat('secret-4711', 2000000)")}
    ALTER DATABASE shop SET exit_on_error = on`);
  const { findings, results, rows } = await runExamination(shop(), [{ kind: 'constraints' }, { kind: 'readable' }]);
  const unexamined = findings.flatMap(({ check, notRun }) =>
    notRun.first.flatMap(({ object, observed }) => (check === 0 ? [[object, observed]] : [])),
  );
  const ended = 'the session that read it was ended, twice, while the server went on';
  expect(unexamined.sort()).toEqual([
    ['evil.at_errors', ended],
    ['evil.at_length', ended],
    ['evil.cancelled', expect.stringContaining('CHECK a could not be evaluated')],
    ['evil.everybody', ended],
    ['evil.itself', ended],
    ['evil.pretended', expect.stringContaining('CHECK a could not be evaluated')],
    ['evil.warned', ended],
  ]);
  expect(results.map(({ outcome }) => outcome)).toEqual(['not-run', 'not-run']);
  expect([...rows.values()].sort()).toEqual(expect.arrayContaining([100, 110]));
  expect(JSON.stringify(findings)).not.toContain('4711');
});

test('functions that never end leave their own table unexamined, also where they can not be cancelled', async () => {
  await query(`
    ${armed('asleep', 'PERFORM pg_sleep(3600)')}
    ${armed('insomniac', 'LOOP BEGIN PERFORM pg_sleep(3600); EXCEPTION WHEN query_canceled THEN END; END LOOP')}`);
  const checks = [{ kind: 'constraints' }] as const;
  const survey = await examinerOf(examine({})).survey({ connection: shop(), checks, main: true });
  const examiner = examinerOf(examine({ budgetSeconds: 1 }));
  const findings: Finding[] = [];
  const queue = [...survey.calls];
  for (let work = queue.shift(); work; work = queue.shift()) {
    const checked = await examiner.check({ connection: shop(), checks, work, restorePoint });
    findings.push(...checked.findings);
    if (checked.left.length > 0) queue.unshift(checked.left);
  }
  const slow = String.raw`it did not end within \d seconds?, in its second try`;
  expect(conclude(checks, [{ survey, findings }])).toMatchObject([
    { outcome: 'not-run', reason: expect.stringMatching(`^evil.asleep: ${slow}; evil.insomniac: ${slow}$`) },
  ]);
  expect(await query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).toEqual([]);
});

test('a lock is waited for as long as an object has, and a function that pretends to have met one is not believed', async () => {
  await query(`CREATE FUNCTION evil.locked() RETURNS int LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'secret-4711' USING ERRCODE = '55P03'; END$$`);
  const check = { kind: 'query', name: 'mine' } as const;
  const sql = "SELECT current_setting('lock_timeout')";
  expect(await resultOf(shop(), { ...check, sql, equals: '0' })).toMatchObject({ outcome: 'passed' });
  expect(await resultOf(shop(), { ...check, sql: 'SELECT evil.locked()', equals: 1 })).toMatchObject({
    reason: 'PostgreSQL reported 55P03 (lock not available) in a function of the database',
  });
});

test('functions of indexes run as the reader, or as the table’s owner where PostgreSQL sees to that', async () => {
  await query(`CREATE ROLE proprietor; GRANT ALL ON SCHEMA evil TO proprietor; SET ROLE proprietor;
    CREATE FUNCTION evil.same(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$BEGIN
      IF session_user NOT LIKE 'lifeboat_%' AND current_user <> 'proprietor' THEN RAISE EXCEPTION 'as the master'; END IF; RETURN n; END$$;
    CREATE TABLE evil.large (id int, filler text); ALTER TABLE evil.large ALTER filler SET STORAGE PLAIN;
    INSERT INTO evil.large SELECT n, repeat('x', 7000) FROM generate_series(1, 2400) n;
    CREATE UNIQUE INDEX ON evil.large (evil.same(id)); CREATE INDEX ON evil.large USING hash (evil.same(id))`);
  const { results, findings } = await runExamination(shop(), [{ kind: 'indexes' }]);
  expect(results).toMatchObject([{ outcome: 'passed' }]);
  const observed = findings.flatMap((finding) => finding.observed);
  expect(observed).toEqual(
    expect.arrayContaining(['no unique key found twice', 'hash indexes find every row of their tables']),
  );
});

test('a function of an index that reads its own table by that index keeps entries from being counted, and it is told', async () => {
  await query(`CREATE TABLE evil.own (n int); INSERT INTO evil.own SELECT generate_series(1, 100);
    CREATE FUNCTION evil.same(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql SET enable_seqscan = off SET enable_sort = off AS $$BEGIN
      IF session_user LIKE 'lifeboat_%' AND n = 7 THEN PERFORM FROM evil.own AS o ORDER BY evil.same(o.n) LIMIT 1; END IF; RETURN n; END$$;
    CREATE INDEX own_same ON evil.own (evil.same(n))`);
  const { problems } = await runExamination(shop(), [{ kind: 'indexes' }]);
  expect(problems).toMatchObject([
    {
      outcome: 'warning',
      object: 'evil.own',
      observed: expect.stringContaining('entries of index own_same could not be'),
    },
  ]);
});

test('rows are read with messages in English, where the master may see to that', async () => {
  await query("ALTER DATABASE shop SET lc_messages = 'POSIX'");
  const sql = "SELECT current_setting('lc_messages')";
  expect(await resultOf(shop(), { kind: 'query', name: 'mine', sql, equals: 'C' })).toMatchObject({
    outcome: 'passed',
  });
});

test.each([
  ['', true],
  ['C', true],
  ['C.UTF-8', true],
  ['POSIX', true],
  ['en_GB.UTF-8', true],
  ['English_United States.1252', true],
  ['de_DE.UTF-8', false],
  ['es_ES.UTF-8', false],
  ['ca_ES', false],
])('messages by locale %j are English: %s', (locale, english) => {
  expect(isEnglish(locale)).toBe(english);
});
