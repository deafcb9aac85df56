/** Settings of the restored database that have damaged pages read as if they were sound. */
import type { Check } from '../../../lambda/contract';
import { type Copy, copyOf, fileOf, whileStopped } from '../../real/damage';
import { useDatabase } from '../../real/database';
import { runExamination } from '../../real/examination';

const CHECKS: readonly Check[] = [{ kind: 'readable' }, { kind: 'row-count', table: 't', atLeast: 1 }];
const database = useDatabase({ autovacuum: 'off' });

async function damaged(name: string, settings: (name: string) => string): Promise<Copy> {
  const copy = await copyOf(database(), name, 'CREATE TABLE t AS SELECT n FROM generate_series(1, 9000) n; CHECKPOINT');
  await copy.run(settings(name));
  const file = await fileOf(database(), copy, 't');
  await whileStopped(database(), () => file.spoil(7));
  return copy;
}

test.each(['zero_damaged_pages', 'ignore_checksum_failure'])(
  '%s is turned off on the copy where that is allowed',
  async (setting) => {
    const copy = await damaged(setting, (name) => `ALTER DATABASE ${name} SET ${setting} = on`);
    const { results, survey } = await runExamination(copy, CHECKS);
    expect(results).toMatchObject([
      {
        outcome: 'failed',
        observed: expect.stringMatching(/^t: 1 of \d+ pages can't be read, the first in block 7; /),
      },
      { outcome: 'failed' },
    ]);
    expect(survey.notes).toContain(
      `'${setting}' was on in the restored database, and was turned off on the restored instance.`,
    );
  },
);

test('where it is not, damage is found by its warning, and what depends on the setting is not run', async () => {
  const copy = await damaged(
    'hidden',
    (name) => `ALTER DATABASE ${name} SET zero_damaged_pages = on;
    CREATE ROLE master LOGIN PASSWORD 'master' IN ROLE pg_read_all_data, pg_stat_scan_tables, pg_monitor`,
  );
  const { results, problems } = await runExamination({ ...copy, user: 'master', password: 'master' }, CHECKS);
  expect(results.map(({ outcome }) => outcome)).toEqual(['failed', 'not-run']);
  expect(problems).toContainEqual({
    check: 'row-count',
    outcome: 'not-run',
    observed:
      "'zero_damaged_pages' is on, so that damaged pages are read as if they were sound, and master may not turn it off",
    remedy: expect.stringContaining('ALTER DATABASE or ALTER ROLE ... RESET'),
  });
  expect(problems).toContainEqual(
    expect.objectContaining({
      outcome: 'failed',
      object: 't',
      observed: expect.stringContaining('PostgreSQL warned: '),
    }),
  );
});

test('a healthy database passes under them', async () => {
  const copy = await copyOf(
    database(),
    'sound',
    'CREATE TABLE t AS SELECT 1 AS n; ALTER DATABASE sound SET zero_damaged_pages = on',
  );
  expect((await runExamination(copy, CHECKS)).results.map(({ outcome }) => outcome)).toEqual(['passed', 'passed']);
});
