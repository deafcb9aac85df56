/** Reading damaged bytes can crash the server: a real crash, here of a function that takes a number for an address. */
import { type Check, GENERIC_CHECKS } from '../../../lambda/contract';
import { useDatabase } from '../../real/database';
import { runExamination } from '../../real/examination';

const database = useDatabase({ restart_after_crash: 'on' });
const CHECKS: readonly Check[] = [
  ...GENERIC_CHECKS.filter(({ kind }) => kind !== 'not-shrunk'),
  { kind: 'row-count', table: 'last', atLeast: 100 },
  { kind: 'query', name: 'crashes', sql: 'SELECT public.crash(1)', equals: 1 },
];

beforeAll(async () => {
  await database().query(`
    CREATE FUNCTION crash(bigint) RETURNS int LANGUAGE internal IMMUTABLE AS 'textlen';
    CREATE TABLE first (id bigint PRIMARY KEY); CREATE TABLE damaged (id bigint PRIMARY KEY);
    CREATE TABLE "also damaged" (id bigint PRIMARY KEY); CREATE TABLE last (id bigint PRIMARY KEY, parent bigint REFERENCES first);
    INSERT INTO first SELECT n FROM generate_series(1, 100) n; INSERT INTO damaged TABLE first;
    INSERT INTO "also damaged" TABLE first; INSERT INTO last SELECT id, id FROM first;
    ALTER TABLE damaged ADD CONSTRAINT c CHECK (crash(id) > 0) NOT VALID;
    ALTER TABLE "also damaged" ADD CONSTRAINT c CHECK (crash(id) > 0) NOT VALID;
    UPDATE pg_constraint SET convalidated = true WHERE conname = 'c'; CHECKPOINT`);
});

test('a table that makes the server crash is damaged, and everything else is examined', async () => {
  const { results, rows } = await runExamination(database().cluster.superuser, CHECKS);
  const crashed = 'reading it made the server crash, twice';
  const byName = Object.fromEntries(results.map((result) => [result.check, result]));
  expect(byName.readable).toMatchObject({ outcome: 'failed' });
  for (const table of ['damaged', 'also damaged']) {
    expect(JSON.stringify(byName.readable)).toContain(`${table}: ${crashed}`);
    expect(JSON.stringify(byName['declared constraints hold'])).toContain(`${table}: ${crashed}`);
  }
  expect(JSON.stringify(byName.readable)).not.toMatch(/(first|last): /);
  expect(byName['row count of last']).toMatchObject({ outcome: 'passed' });
  expect(byName['foreign keys hold']).toMatchObject({ outcome: 'passed' });
  expect(byName['indexes agree with tables']).toMatchObject({ outcome: 'passed' });
  expect(byName.crashes).toMatchObject({ outcome: 'failed', observed: crashed });
  expect([...rows.values()]).toEqual([100, 100]);
  const log = await database().query(
    "SELECT pg_catalog.count(*)::int FROM pg_catalog.pg_stat_activity WHERE application_name = 'lifeboat'",
  );
  expect(log).toEqual([{ count: 0 }]);
}, 120_000);
