/** Exclusion constraints, with an index that let rows in which it should have kept apart. */
import type { Check } from '../../../lambda/contract';
import { type Copy, copyOf } from '../../real/damage';
import { useDatabase, VERSIONS } from '../../real/database';
import { runExamination } from '../../real/examination';

const CONSTRAINTS: readonly Check[] = [{ kind: 'constraints' }];

const SCHEMA = `
  CREATE EXTENSION btree_gist; CREATE SCHEMA "Odd ""one";
  CREATE TABLE rooms (room int, during int4range, CONSTRAINT no_overlap EXCLUDE USING gist (room WITH =, during WITH &&));
  CREATE TABLE "Odd ""one".days (during int4range, gone bool, CONSTRAINT "No overlap" EXCLUDE USING gist (during WITH &&) WHERE (NOT gone));
  CREATE TABLE hashed (code text, CONSTRAINT one_code EXCLUDE USING hash (lower(code) WITH =));
  INSERT INTO rooms SELECT i, int4range(1, 5) FROM generate_series(1, 1000) i;
  INSERT INTO "Odd ""one".days SELECT int4range(i * 10, i * 10 + 5), false FROM generate_series(1, 1000) i;
  INSERT INTO hashed SELECT 'c' || i FROM generate_series(1, 1000) i;
  INSERT INTO rooms VALUES (NULL, '[1,9)'), (3, 'empty'); INSERT INTO "Odd ""one".days VALUES ('[1,90)', true), ('empty', false), (NULL, false)`;

describe.each(VERSIONS)('PostgreSQL %s', (major) => {
  const database = useDatabase({ autovacuum: 'off' }, major);
  let copy: Copy;

  beforeAll(async () => {
    copy = await copyOf(database(), 'copy', SCHEMA);
    await copy.run('ANALYZE');
  });

  const problems = async () =>
    (await runExamination(copy, CONSTRAINTS)).problems.map(({ outcome, object, observed }) => [
      outcome,
      object,
      observed,
    ]);

  test('that hold pass, with keys that are missing, empty or left out by a condition', async () => {
    expect(await problems()).toEqual([]);
  });

  test('that an index without some rows let be broken fail, also where the index itself is asked', async () => {
    const tables = `('rooms'::regclass, '"Odd ""one".days'::regclass, 'hashed'::regclass)`;
    await copy.run(`UPDATE pg_index SET indisready = false WHERE indrelid IN ${tables}`);
    await copy.run(`INSERT INTO rooms VALUES (10, '[2,3)'), (10, '[4,9)'); INSERT INTO hashed VALUES ('C7');
      INSERT INTO "Odd ""one".days VALUES ('[11,12)', false), ('[1000011,1000013)', false), ('[1000012,1000014)', false)`);
    await copy.run(`UPDATE pg_index SET indisready = true WHERE indrelid IN ${tables}`);
    const found = await problems();
    expect(found).toContainEqual(['failed', 'no_overlap on rooms', '2 pairs of rows that it excludes']);
    expect(found).toContainEqual(['failed', 'one_code on hashed', '1 pair of rows that it excludes']);
    const days = found.filter(([, object]) => object === 'No overlap on Odd "one.days');
    expect(days).toContainEqual(['failed', expect.anything(), '1 pair of rows that it excludes']);
    // Neither of the other two is in the index.
    expect(days).toContainEqual(['failed', expect.anything(), 'its index does not find 3 rows of the table']);
  });
});
