/** Rows of transactions of which the commit log was lost. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Check } from '../../../lambda/contract';
import { type Copy, copyOf, firstValue, whileStopped } from '../../real/damage';
import { useDatabase, VERSIONS } from '../../real/database';
import { type Examination, runExamination } from '../../real/examination';

const CHECKS: readonly Check[] = [{ kind: 'readable' }, { kind: 'indexes' }];

/** One row each transaction, 2,000 of them. */
const writes = (table: string) =>
  `DO $$BEGIN FOR i IN 1..2000 LOOP INSERT INTO ${table} VALUES (i); COMMIT; END LOOP; END$$`;

describe.each(VERSIONS)('PostgreSQL %s', (major) => {
  const database = useDatabase({ autovacuum: 'off' }, major);
  let copy: Copy;
  let before: Examination;
  let seen: Examination;

  beforeAll(async () => {
    copy = await copyOf(
      database(),
      'copy',
      'CREATE TABLE seen (n int); CREATE TABLE unseen (n int); CREATE TABLE kept AS SELECT 1 AS n',
    );
    // Savepoints that were rolled back, and one that was in flight.
    await copy.run(
      "DO $$BEGIN FOR i IN 1..50 LOOP BEGIN INSERT INTO kept VALUES (1); RAISE 'x'; EXCEPTION WHEN raise_exception THEN END; END LOOP; END$$",
    );
    const next = async () => Number(await firstValue(copy, 'SELECT txid_current()'));
    const first = await next();
    await copy.run(writes('seen'));
    await copy.run('SELECT count(*) FROM seen'); // which notes in the rows that they are committed
    before = await runExamination(copy, CHECKS);
    await copy.run(writes('unseen'));
    const last = await next();
    await whileStopped(database(), async () => {
      const log = await open(join(database().cluster.dataDirectory, 'pg_xact', '0000'), 'r+');
      const [from, to] = [Math.ceil((first + 1) / 4), Math.floor((last - 1) / 4)];
      await log.write(Buffer.alloc(to - from), 0, to - from, from);
      await log.close();
    });
    seen = await runExamination(copy, CHECKS);
  });

  const found = (name: string) =>
    seen.problems.filter(({ object }) => object === name).map(({ outcome, observed }) => `${outcome}: ${observed}`);

  test('rows that are visible and were rolled back by the commit log are a contradiction, and fail', () => {
    expect(found('seen')).toEqual([
      expect.stringMatching(
        /^failed: (1,99\d|2,000) transactions that wrote its visible rows were rolled back, by the commit log$/,
      ),
    ]);
  });

  test('rows that nobody sees prove nothing, and are a warning', () => {
    expect(found('unseen')).toEqual([
      expect.stringMatching(/^warning: (1,99\d|2,000) of the 2,000 rows in its pages are visible to no session$/),
    ]);
  });

  test('a hole in the commit log is a warning', () => {
    expect(found('pg_xact')).toEqual([
      expect.stringMatching(/^warning: \d,\d\d\d transactions in a row were rolled back, by the commit log$/),
    ]);
  });

  test('a table that neither wrote to, and savepoints that were rolled back, are healthy', () => {
    expect(found('kept')).toEqual([]);
    expect(before.problems).toEqual([]);
  });
});
