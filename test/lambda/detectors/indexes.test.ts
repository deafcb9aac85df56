/** Indexes against their tables, where every checksum fits. */
import type { Check } from '../../../lambda/contract';
import { type Copy, copyOf, fileOf, whileStopped } from '../../real/damage';
import { useDatabase, VERSIONS } from '../../real/database';
import { type Examination, runExamination } from '../../real/examination';

const CHECKS: readonly Check[] = [{ kind: 'indexes' }, { kind: 'readable' }];

const SCHEMA = `
  CREATE TABLE descended (id int PRIMARY KEY); INSERT INTO descended SELECT generate_series(1, 5000);
  CREATE TABLE doubled (id int, code text); INSERT INTO doubled VALUES (1, 'a'), (2, 'b');
  CREATE UNIQUE INDEX doubled_key ON doubled (lower(code) COLLATE "C", id) WHERE id > 0;
  CREATE TABLE unwatched (n int); CREATE INDEX unwatched_n ON unwatched (n);
  CREATE TABLE hashed (n int); INSERT INTO hashed SELECT i % 500 FROM generate_series(1, 2000) i; CREATE INDEX hashed_n ON hashed USING hash (n);
  CREATE TABLE worded (words tsvector); INSERT INTO worded SELECT to_tsvector('simple', 'w' || i) FROM generate_series(1, 3000) i;
  CREATE INDEX worded_gin ON worded USING gin (words) WITH (fastupdate = off);
  CREATE TABLE twins (n int, t text); INSERT INTO twins SELECT i, i FROM generate_series(1, 500) i;
  CREATE INDEX twins_a ON twins (n); CREATE INDEX twins_b ON twins (n); CREATE INDEX twins_c ON twins (n, t DESC NULLS LAST);
  CREATE TABLE lost (n int, t text); INSERT INTO lost SELECT i, i FROM generate_series(1, 2000) i;
  CREATE INDEX lost_a ON lost (n); CREATE INDEX lost_b ON lost (n); CREATE INDEX lost_c ON lost (n, t);
  CREATE TABLE only_row (n int); CREATE UNIQUE INDEX only_row_true ON only_row ((true)); CREATE UNIQUE INDEX only_row_1 ON only_row ((1), n); INSERT INTO only_row VALUES (1);
  CREATE TABLE fileless (r int4range); INSERT INTO fileless VALUES ('[1,2)'); CREATE INDEX fileless_r ON fileless USING gist (r);
  CREATE TABLE nulls (n int UNIQUE); INSERT INTO nulls VALUES (NULL), (NULL);
  CREATE TABLE "Odd "".one" ("N 1" int, r int4range, a int[]); INSERT INTO "Odd "".one" VALUES (1, '[1,2)', '{1}');
  CREATE UNIQUE INDEX "i ""x" ON "Odd "".one" ("N 1" DESC, r, a); CREATE INDEX ON "Odd "".one" USING gist (r); CREATE INDEX ON "Odd "".one" USING brin ("N 1");
  CREATE TABLE large (n int, filler char(1000)); INSERT INTO large SELECT i, '' FROM generate_series(1, 20000) i;
  CREATE UNIQUE INDEX large_n ON large (n);
  CREATE TABLE failed (n int); INSERT INTO failed VALUES (1), (1); ANALYZE`;

describe.each(VERSIONS)('PostgreSQL %s', (major) => {
  const database = useDatabase({ autovacuum: 'off' }, major);
  let copy: Copy;
  let seen: Examination;

  beforeAll(async () => {
    copy = await copyOf(database(), 'copy', SCHEMA);
    await copy.run(
      "UPDATE pg_index SET indisunique = false WHERE indexrelid IN ('doubled_key'::regclass, 'large_n'::regclass)",
    );
    await copy.run("INSERT INTO doubled VALUES (2, 'B'); INSERT INTO large VALUES (7, '')");
    await copy.run(`UPDATE pg_index SET indisunique = true WHERE indexrelid IN ('doubled_key'::regclass, 'large_n'::regclass);
      UPDATE pg_index SET indisready = false WHERE indexrelid = 'unwatched_n'::regclass`);
    await copy.run('INSERT INTO unwatched VALUES (1)');
    await copy.run("UPDATE pg_index SET indisready = true WHERE indexrelid = 'unwatched_n'::regclass");
    await copy.run('CREATE UNIQUE INDEX CONCURRENTLY failed_key ON failed (n)').catch(() => undefined);
    await copy.run('CHECKPOINT');
    const [root, hash, gin, lost, fileless] = await Promise.all(
      ['descended_pkey', 'hashed_n', 'worded_gin', 'lost', 'fileless_r'].map((name) => fileOf(database(), copy, name)),
    );
    await whileStopped(database(), async () => {
      // The block that a root's second tuple leads to is in its first six bytes; block 3 is the root.
      await root!.alter(3, (page) => {
        const at = page.readUInt32LE(24 + 4) & 0x7fff;
        page.writeUInt16LE(page.readUInt16LE(at + 2) + 1, at + 2);
      });
      // Hash codes are what a bucket's entries are sorted by: one is altered beyond recognition.
      await hash!.alter(1, (page) => page.writeUInt32LE(0xfffffff0, (page.readUInt32LE(24 + 8) & 0x7fff) + 8));
      await lost!.zero(2, 2);
      await fileless!.remove();
      await gin!.alter(2, (page) => page.fill(0x5a, 7000, 7100));
    });
    seen = await runExamination(copy, CHECKS);
  });

  const found = (name: string) =>
    seen.problems.filter(({ object }) => object === name).map(({ outcome, observed }) => `${outcome}: ${observed}`);

  test('a downlink that leads to another page fails', () => {
    expect(found('descended_pkey').join()).toMatch(/^failed: PostgreSQL said: .*descended_pkey/);
  });

  test('a key that stands twice under a unique index fails, by its expression, collation and condition', () => {
    expect(found('doubled_key').join()).toMatch(
      /^failed: (1 key stands in several rows|PostgreSQL said: index uniqueness)/,
    );
  });

  test('a key that stands twice in a large table fails, too: its rows are grouped, and not visited one by one', () => {
    expect(found('large_n')).toEqual(['failed: 1 key stands in several rows, though it is unique']);
  });

  test('an index that lacks rows of its table fails', () => {
    expect(found('unwatched_n').join()).toMatch(/^failed: PostgreSQL said: heap tuple .* lacks matching index tuple/);
  });

  test('a hash index that does not find a row fails', () => {
    expect(found('hashed_n')).toEqual([
      expect.stringMatching(/^failed: it finds other rows than its table holds for 1 of 500 keys$/),
    ]);
  });

  test('a gin index of which the keys are damaged fails from 18 on, and is said not to be compared before', () => {
    if (major >= 18) expect(found('worded_gin').join()).toMatch(/^failed: /);
    const observed = seen.findings.flatMap((finding) => finding.observed).join();
    expect(observed).toContain(major >= 18 ? "gist indexes can't be compared" : "gin indexes can't be compared");
    expect(observed).toContain("brin indexes can't be compared with their tables, their pages were read");
  });

  test('an index of which the file is gone fails, of any kind and size', () => {
    expect(found('fileless_r')).toContain(
      'failed: its file has 0 of 1 pages (relpages), and an index has a page from its beginning',
    );
  });

  test('an index that is invalid is a warning', () => {
    expect(found('failed_key')).toEqual([
      'warning: it is invalid, so that no query uses it and it may not keep its keys unique',
    ]);
  });

  test('rows that were lost under indexes that begin alike are missed all the same', () => {
    expect(found('lost')).toEqual([
      expect.stringMatching(/^failed: \d+ of 2,000 entries of index lost_[abc] lead to no row; 1 of its pages/),
    ]);
  });

  test('nothing is said of healthy ones, with NULLs and names of any kind, and of indexes that begin alike', () => {
    const known = ['descended', 'doubled', 'unwatched', 'hashed', 'worded', 'failed', 'lost', 'large_n', 'fileless'];
    expect(seen.problems.filter(({ object }) => !known.some((name) => object!.startsWith(name)))).toEqual([]);
  });
});
