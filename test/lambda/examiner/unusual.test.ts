/** Healthy databases that are unusual: no alarm is raised about them, and what can't be looked at stays one object's. */
import { type Check, GENERIC_CHECKS, parse, drillDefinition as schema } from '../../../lambda/contract';
import { compareNumbers } from '../../../lambda/examiner/figures';
import { useDatabase } from '../../real/database';
import { resultOf, runExamination } from '../../real/examination';
import { drillDefinition } from '../../simulated/drill';

const database = useDatabase();
const connection = () => database().cluster.superuser;
const restorePoint = '2030-03-01T00:00:00Z';
const result = (check: Check) => resultOf(connection(), check, { restorePoint });
const wrong = async (checks: readonly Check[]) =>
  (await runExamination(connection(), checks, { restorePoint })).results.filter(({ outcome }) => outcome !== 'passed');

const PHYSICAL = GENERIC_CHECKS.filter(({ kind }) => kind !== 'not-shrunk' && kind !== 'foreign-keys');

describe('H1: foreign tables', () => {
  beforeAll(async () => {
    await database().query(`
      CREATE EXTENSION postgres_fdw;
      CREATE SERVER production FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '203.0.113.1', port '5432', dbname 'x');
      CREATE USER MAPPING FOR PUBLIC SERVER production OPTIONS (user 'u', password 'p');
      CREATE TABLE months (at timestamptz NOT NULL, n int) PARTITION BY RANGE (at);
      CREATE TABLE january PARTITION OF months FOR VALUES FROM ('2030-01-01') TO ('2030-02-01');
      CREATE TABLE february (n int, at timestamptz NOT NULL);
      ALTER TABLE months ATTACH PARTITION february FOR VALUES FROM ('2030-02-01') TO ('2030-03-01');
      CREATE FOREIGN TABLE elsewhere PARTITION OF months FOR VALUES FROM ('2029-01-01') TO ('2030-01-01') SERVER production;
      INSERT INTO months VALUES ('2030-01-05Z', 1), ('2030-02-28 23:59:00Z', 2), ('2030-02-05Z', 3);
      CREATE TABLE base (n int); INSERT INTO base VALUES (1);
      CREATE FOREIGN TABLE derived () INHERITS (base) SERVER production;
      CREATE TABLE parents (id int); INSERT INTO parents VALUES (1), (2), (3);
      CREATE VIEW through AS SELECT * FROM elsewhere`);
  });

  test('are not touched, also as partitions or as what inherits: their rows are in no backup', async () => {
    expect(await wrong(PHYSICAL)).toEqual([]);
    expect(await result({ kind: 'row-count', table: 'months', atLeast: 3, atMost: 3 })).toMatchObject({
      outcome: 'passed',
      observed: '3 rows, without 1 foreign partition, whose rows are in no backup of this database',
    });
    expect(await result({ kind: 'row-count', table: 'base', atMost: 1 })).toMatchObject({ outcome: 'passed' });
    expect(await result({ kind: 'fresh', table: 'months', column: 'at', withinSeconds: 60 })).toMatchObject({
      outcome: 'passed',
      observed: expect.stringMatching(/^the newest is 60 s before the restore point, without 1 foreign partition/),
    });
    expect(await result({ kind: 'nothing-after', table: 'months', column: 'at' })).toMatchObject({ outcome: 'passed' });
    const orphans = {
      kind: 'no-orphans',
      table: 'months',
      column: 'n',
      parent: 'parents',
      parentColumn: 'id',
    } as const;
    expect(await result(orphans)).toMatchObject({ outcome: 'passed' });
  });

  test('as parents leave it open whether a parent is missing', async () => {
    const orphans = {
      kind: 'no-orphans',
      table: 'parents',
      column: 'id',
      parent: 'months',
      parentColumn: 'n',
    } as const;
    expect(await result(orphans)).toMatchObject({
      outcome: 'not-run',
      reason: expect.stringMatching(/^1 partition of "months" is foreign/),
    });
  });

  test('are not called by a view or a query either', async () => {
    const reads: Check[] = [
      { kind: 'row-count', table: 'through', atLeast: 0 },
      { kind: 'query', name: 'mine', sql: 'SELECT count(*) FROM months', equals: 1 },
    ];
    for (const check of reads) {
      expect(await result(check)).toMatchObject({
        outcome: 'not-run',
        reason: expect.stringContaining('access to non-system foreign table is restricted'),
      });
    }
  });
});

test('H5: a foreign key between columns of different collations holds', async () => {
  await database().query(`
    CREATE TABLE codes (code text COLLATE "C" PRIMARY KEY); INSERT INTO codes VALUES ('a'), ('b');
    CREATE TABLE uses (code text COLLATE "POSIX" REFERENCES codes); INSERT INTO uses VALUES ('a')`);
  expect(await wrong([{ kind: 'foreign-keys' }])).toEqual([]);
});

test('H8: an index whose function calls another unqualified is named with a remedy, and the rest is examined', async () => {
  await database().query(`
    CREATE SCHEMA api; CREATE FUNCTION api.inner(t text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower(t)';
    CREATE FUNCTION api.outer(t text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN "inner"(t); END';
    CREATE TABLE api.words (id int PRIMARY KEY, word text); CREATE INDEX by_word ON api.words (api.outer(word));
    SET search_path = api, public; INSERT INTO words VALUES (1, 'One'), (2, 'Two')`);
  const { results, findings } = await runExamination(connection(), [{ kind: 'indexes' }, { kind: 'readable' }]);
  expect(results).toMatchObject([
    {
      outcome: 'not-run',
      reason: 'api.by_word: PostgreSQL reported 42883 (undefined function) in a function of the database',
      remedy: expect.stringContaining('ALTER FUNCTION ... SET search_path'),
    },
    { outcome: 'passed' },
  ]);
  const compared = findings.filter(({ check }) => check === 0);
  expect(compared.reduce((sum, { notRun }) => sum + notRun.count, 0)).toBe(1);
  await database().query('DROP SCHEMA api CASCADE');
});

describe('H10: names', () => {
  test('of the system’s own tables are user tables, where a user has such', async () => {
    await database().query(`CREATE TABLE public.pg_class (oid oid, relname name); INSERT INTO public.pg_class VALUES (1, 'x');
      ALTER DATABASE postgres SET search_path = public, pg_catalog`);
    expect(await wrong(PHYSICAL)).toEqual([]);
    expect(await result({ kind: 'row-count', table: 'public.pg_class', atMost: 1 })).toMatchObject({
      outcome: 'passed',
    });
    await database().query('DROP TABLE public.pg_class; ALTER DATABASE postgres RESET search_path');
  });

  test('that mean two tables are refused with both named, and the full name of one finds it', async () => {
    await database().query(`CREATE SCHEMA a; CREATE SCHEMA "a.b"; CREATE TABLE a."b.c" AS SELECT 1 AS n;
      CREATE TABLE "a.b".c AS SELECT 1 AS n UNION ALL SELECT 2; CREATE TABLE "a.d" AS SELECT 1 AS n; CREATE TABLE a.d (n int)`);
    expect(await result({ kind: 'row-count', table: 'a.b.c', atLeast: 1 })).toMatchObject({
      outcome: 'not-run',
      reason: '"a.b.c" means several tables, a."b.c" and "a.b".c',
    });
    expect(await result({ kind: 'row-count', table: 'public.a.d', atLeast: 1, atMost: 1 })).toMatchObject({
      outcome: 'passed',
    });
    expect(await wrong(PHYSICAL)).toEqual([]);
  });
});

describe('at the door', () => {
  const request = (check: object) => () => parse(schema, { ...drillDefinition, checks: [check] }, 'request');

  test('a NUL in a name or query is refused, and aborts nothing', () => {
    expect(request({ kind: 'row-count', table: 'votes\0', atLeast: 1 })).toThrow(
      /checks\.0\.table: must not hold a NUL/,
    );
    expect(request({ kind: 'query', name: 'q', sql: 'SELECT 1\0', equals: 1 })).toThrow(/must not hold a NUL/);
    expect(request({ kind: 'query', name: 'q', sql: 'SELECT 1', equals: 'a\0b' })).toThrow(/checks\.0\.equals/);
  });

  test('a number that JavaScript has rounded is refused', () => {
    const equals = JSON.parse('9007199254740993');
    expect(request({ kind: 'query', name: 'q', sql: 'SELECT 1', equals })).toThrow(/checks\.0\.equals/);
    expect(request({ kind: 'query', name: 'q', sql: 'SELECT 1', atLeast: 2 ** 60 })).toThrow(/beyond 2\^53/);
    expect(request({ kind: 'query', name: 'q', sql: 'SELECT 1', atLeast: 2 ** 53 - 1 })).not.toThrow();
  });
});

describe('numbers', () => {
  test('beyond 2^53 are compared digit by digit', async () => {
    const atMost = 2 ** 53 - 1;
    for (const [sql, outcome] of [
      ['SELECT 9007199254740991', 'passed'],
      ['SELECT 9007199254740992', 'failed'],
      ['SELECT 9007199254740991.0000000001', 'failed'],
    ] as const) {
      expect(await result({ kind: 'query', name: 'n', sql, atMost })).toMatchObject({ outcome });
      expect(await result({ kind: 'query', name: 'n', sql, equals: atMost })).toMatchObject({ outcome });
    }
  });

  test.each([
    ['1.50', 1.5, 0],
    ['-0.0', 0, 0],
    ['1e+21', 1e21, 0],
    ['1000000000000000000001', 1e21, 1],
    ['0.30000000000000004', 0.3, 1],
    ['1e-7', 0.0000001, 0],
    ['-5', -4, -1],
    ['Infinity', 1, Number.POSITIVE_INFINITY],
    ['-Infinity', 1, Number.NEGATIVE_INFINITY],
  ])('%s against %s', (value, expected, order) => {
    expect(compareNumbers(value, expected)).toBe(order);
  });

  test('that are none are neither above nor below', async () => {
    expect(compareNumbers('NaN', 1)).toBeNaN();
    const sql = "SELECT 'NaN'::float8";
    expect(await result({ kind: 'query', name: 'n', sql, atLeast: 0 })).toMatchObject({ outcome: 'failed' });
  });
});
