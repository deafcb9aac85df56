import type { Check } from '../../../lambda/contract';
import { useDatabase } from '../../real/database';
import { type ExaminationOptions, resultOf, runExamination } from '../../real/examination';

const database = useDatabase();
const RESTORE_POINT = '2030-06-01T12:00:00.000Z';

beforeAll(async () => {
  await database().query(`
    CREATE TABLE polls (id int, title text);
    INSERT INTO polls VALUES (1, 'a'), (2, 'b'), (NULL, 'without id');
    CREATE TABLE votes (id int PRIMARY KEY, poll_id int, cast_at timestamptz, voter text);
    INSERT INTO votes VALUES (1, 1, '2030-06-01T11:59:00Z', 'alice@example.org'), (2, 2, '2030-06-01T11:00:00Z', 'bob'),
      (3, NULL, 'infinity', 'carol'), (4, 1, NULL, 'dave');
    CREATE TABLE nothing (at timestamptz);
    CREATE DOMAIN moment AS timestamp;
    CREATE TABLE zoneless (at moment, on_day date, spoken text);
    INSERT INTO zoneless VALUES ('2030-06-01 11:59:30', '2030-06-01', 'today');
    ALTER DATABASE postgres SET timezone = 'Asia/Kolkata'`);
});

const result = (check: Check, options: ExaminationOptions = {}) =>
  resultOf(database().cluster.superuser, check, { restorePoint: RESTORE_POINT, ...options });

describe('row count', () => {
  test('is exact, and holds at its bounds', async () => {
    expect(await result({ kind: 'row-count', table: 'votes', atLeast: 4, atMost: 4 })).toEqual({
      check: 'row count of votes',
      outcome: 'passed',
      observed: '4 rows',
    });
  });

  test('fails below and above them', async () => {
    const expected = 'at least 5 and at most 9 rows';
    expect(await result({ kind: 'row-count', table: 'votes', atLeast: 5, atMost: 9 })).toMatchObject({
      outcome: 'failed',
      observed: '4 rows',
      expected,
    });
    expect(await result({ kind: 'row-count', table: 'votes', atMost: 3 })).toMatchObject({ outcome: 'failed' });
  });
});

describe('freshness', () => {
  const fresh = (table: string, column: string, withinSeconds: number): Check => ({
    kind: 'fresh',
    table,
    column,
    withinSeconds,
  });

  test('is measured to the restore point, and infinity is no moment', async () => {
    const { findings } = await runExamination(database().cluster.superuser, [fresh('votes', 'cast_at', 60)], {
      restorePoint: RESTORE_POINT,
    });
    expect(findings).toMatchObject([{ failures: { count: 0 }, freshnessSeconds: 60 }]);
  });

  test('fails beyond its bound, and still tells how old the newest row is', async () => {
    const { findings } = await runExamination(database().cluster.superuser, [fresh('votes', 'cast_at', 59.9)], {
      restorePoint: RESTORE_POINT,
    });
    expect(findings).toMatchObject([{ failures: { count: 1 }, freshnessSeconds: 60 }]);
  });

  test('takes moments without a zone as UTC, whatever the database is set to', async () => {
    expect(await result(fresh('zoneless', 'at', 30))).toMatchObject({ outcome: 'passed' });
    expect(await result(fresh('zoneless', 'at', 29))).toMatchObject({ outcome: 'failed' });
    expect(await result(fresh('zoneless', 'on_day', 12 * 3600))).toMatchObject({ outcome: 'passed' });
  });

  test('of an empty table fails', async () => {
    expect(await result(fresh('nothing', 'at', 1e9))).toMatchObject({
      outcome: 'failed',
      observed: 'no row holds a moment up to the restore point',
    });
  });

  test('is not feigned by a row that is dated after the restore point', async () => {
    const { query } = database();
    await query("CREATE TABLE planned (at timestamptz); INSERT INTO planned VALUES ('2030-05-01Z'), ('2031-01-01Z')");
    expect(await result(fresh('planned', 'at', 3600))).toMatchObject({ outcome: 'failed' });
    await query("UPDATE planned SET at = '2031-01-02Z'");
    expect(await result(fresh('planned', 'at', 1e9))).toMatchObject({ outcome: 'failed' });
    await query('DROP TABLE planned');
  });
});

describe('nothing after', () => {
  test('passes up to the restore point itself, and fails a millisecond later', async () => {
    const check: Check = { kind: 'nothing-after', table: 'votes', column: 'cast_at' };
    expect(await result(check, { restorePoint: '2030-06-01T11:59:00Z' })).toMatchObject({ outcome: 'passed' });
    expect(await result(check, { restorePoint: '2030-06-01T11:58:59.999Z' })).toMatchObject({
      outcome: 'failed',
      observed: '1 row later than the restore point',
    });
    const zoneless: Check = { kind: 'nothing-after', table: 'zoneless', column: 'at' };
    expect(await result(zoneless, { restorePoint: '2030-06-01T11:59:30+00:00' })).toMatchObject({ outcome: 'passed' });
    expect(await result(zoneless, { restorePoint: '2030-06-01T13:59:29+02:00' })).toMatchObject({ outcome: 'failed' });
  });
});

describe('no orphans', () => {
  const orphans: Check = { kind: 'no-orphans', table: 'votes', column: 'poll_id', parent: 'polls', parentColumn: 'id' };

  test('passes where every reference has its row, and takes NULL for no reference', async () => {
    expect(await result(orphans)).toEqual({
      check: 'no orphans votes.poll_id -> polls.id',
      outcome: 'passed',
      observed: 'no row lacks its parent',
    });
  });

  test('counts orphans even where the parent column holds a NULL, which NOT IN would hide', async () => {
    const { query } = database();
    await query('INSERT INTO votes SELECT n, 99 FROM generate_series(10, 12) n');
    expect(await result(orphans)).toMatchObject({ outcome: 'failed', observed: '3 rows without a parent' });
    await query('DELETE FROM votes WHERE poll_id = 99');
  });
});

describe('what cannot be checked is not run, with the reason, and the rest is', () => {
  test.each<[string, Check, string]>([
    ['an unknown table', { kind: 'row-count', table: 'ballots', atLeast: 1 }, 'table "ballots" does not exist'],
    ['a name in another case', { kind: 'row-count', table: 'Votes', atLeast: 1 }, 'table "Votes" does not exist'],
    [
      'SQL for a name',
      { kind: 'row-count', table: 'votes; DROP TABLE votes', atLeast: 1 },
      'table "votes; DROP TABLE votes" does not exist',
    ],
    [
      'an unknown column',
      { kind: 'fresh', table: 'votes', column: 'at', withinSeconds: 1 },
      'table "votes" has no column "at"',
    ],
    [
      'a column of no moments',
      { kind: 'nothing-after', table: 'zoneless', column: 'spoken' },
      '"zoneless"."spoken" is of type text; name a column of type date, timestamp or timestamptz',
    ],
    [
      'types that do not compare',
      { kind: 'no-orphans', table: 'votes', column: 'voter', parent: 'polls', parentColumn: 'id' },
      'PostgreSQL said: operator does not exist: integer = text',
    ],
  ])('%s', async (_, check, reason) => {
    const { results } = await runExamination(database().cluster.superuser, [
      check,
      { kind: 'row-count', table: 'votes', atLeast: 1 },
    ]);
    expect(results).toMatchObject([{ outcome: 'not-run', reason }, { outcome: 'passed' }]);
  });

  test('a table that the user may not read, or of which row security would hide rows', async () => {
    const { cluster, query } = database();
    await query(`CREATE ROLE reader LOGIN PASSWORD 'reader'; CREATE TABLE tenants AS SELECT 1 AS n;
      GRANT SELECT ON tenants TO reader; ALTER TABLE tenants ENABLE ROW LEVEL SECURITY`);
    const reader = { ...cluster.superuser, user: 'reader', password: 'reader' };
    const count = (table: string): Check => ({ kind: 'row-count', table, atMost: 0 });
    expect(await resultOf(reader, count('votes'))).toMatchObject({
      outcome: 'not-run',
      reason: expect.stringContaining('permission denied'),
    });
    expect(await resultOf(reader, count('tenants'))).toMatchObject({
      outcome: 'not-run',
      reason: expect.stringContaining('row-level security'),
    });
  });
});

describe("a user's query", () => {
  const query = (sql: string, expectation: Partial<Extract<Check, { kind: 'query' }>>): Check => ({
    kind: 'query',
    name: 'mine',
    sql,
    ...expectation,
  });

  test.each<[string, Check]>([
    ['a bigint', query('SELECT count(*) FROM votes', { equals: 4 })],
    ['a numeric', query('SELECT 1.50', { equals: 1.5 })],
    ['a number in a range', query('SELECT 0.25::float8', { atLeast: 0.2, atMost: 0.3 })],
    ['a number too large for JavaScript', query('SELECT 9007199254740993', { equals: '9007199254740993' })],
    ['a boolean', query('SELECT bool_and(id > 0) FROM votes', { equals: true })],
    ['a text', query('SELECT voter FROM votes WHERE id = 1', { equals: 'alice@example.org' })],
    ['a semicolon and a comment', query('SELECT 1 -- one\n;\n', { equals: 1 })],
    ['a WITH', query('WITH w AS (SELECT 2 AS n) TABLE w', { equals: 2 })],
  ])('compares %s', async (_, check) => {
    expect(await result(check)).toMatchObject({ outcome: 'passed' });
  });

  test('shows numbers and booleans, and never a text', async () => {
    expect(await result(query('SELECT 3', { equals: 4 }))).toEqual({
      check: 'mine',
      outcome: 'failed',
      observed: '3',
      expected: '4',
    });
    expect(await result(query('SELECT false', { equals: true }))).toMatchObject({
      observed: 'false',
      expected: 'true',
    });
    const text = await result(query('SELECT voter FROM votes WHERE id = 1', { equals: 'bob' }));
    expect(text).toMatchObject({ outcome: 'failed', observed: 'a text, which evidence does not repeat' });
    expect(await result(query('SELECT sum(n) FROM (SELECT 1 AS n WHERE false) s', { atLeast: 0 }))).toMatchObject({
      outcome: 'failed',
      observed: 'NULL',
    });
  });

  test.each<[string, string, Check]>([
    ['no row', 'the query returned no row; it must return one', query('SELECT 1 WHERE false', { equals: 1 })],
    [
      'several rows',
      'the query returned several rows; it must return one',
      query('SELECT id FROM votes', { equals: 1 }),
    ],
    ['several columns', 'the query returned 2 columns; it must return one', query('SELECT 1, 2', { equals: 1 })],
    [
      'a text to compare with a number',
      'the query returned no number to compare with one; cast it',
      query("SELECT '1'::text", { equals: 1 }),
    ],
    [
      'a number to compare with a boolean',
      'the query returned no boolean to compare with one; cast it',
      query('SELECT 1', { equals: true }),
    ],
    [
      'an unknown table',
      'PostgreSQL said: relation "ballots" does not exist',
      query('SELECT count(*) FROM ballots', { equals: 1 }),
    ],
    [
      'a statement that writes',
      'PostgreSQL said: syntax error at or near "INTO"',
      query('INSERT INTO votes VALUES (77) RETURNING 1', { equals: 1 }),
    ],
    [
      'statements behind its own',
      'PostgreSQL said: cannot insert multiple commands into a prepared statement',
      query('SELECT 1) q; COMMIT; SELECT (1', { equals: 1 }),
    ],
  ])('is not run with %s', async (_, reason, check) => {
    expect(await result(check)).toMatchObject({ outcome: 'not-run', reason });
  });

  test.each<[string, Check]>([
    ['a cast to a number', query('SELECT voter::int FROM votes WHERE id = 1', { equals: 1 })],
    ['a cast to a name', query('SELECT max(voter::regclass::text) FROM votes', { equals: 'x' })],
    ['a message of a function of theirs', query('SELECT tell(voter) FROM votes WHERE id = 1', { equals: 1 })],
    [
      'a view that calls it',
      { kind: 'no-orphans', table: 'telling', column: 'tell', parent: 'polls', parentColumn: 'id' },
    ],
  ])('leaks no row through the error of %s', async (_, check) => {
    await database().query(`CREATE OR REPLACE FUNCTION tell(what text) RETURNS int LANGUAGE plpgsql AS
      $$BEGIN RAISE EXCEPTION 'no %', what USING ERRCODE = '42501'; END$$`);
    await database().query('CREATE OR REPLACE VIEW telling AS SELECT tell(voter) FROM votes OFFSET 0');
    const found = await result(check);
    expect(found.outcome).toBe('not-run');
    expect(JSON.stringify(found)).not.toContain('alice');
  });
});
