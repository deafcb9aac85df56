/** Values that can't be decoded though every checksum fits, and rows that break what their table declares. */
import type { Check } from '../../../lambda/contract';
import { type Copy, copyOf, fileOf, firstValue, type RelationFile, whileStopped } from '../../real/damage';
import { useDatabase, VERSIONS } from '../../real/database';
import { type Examination, resultOf, runExamination } from '../../real/examination';

const CHECKS: readonly Check[] = [{ kind: 'readable' }, { kind: 'constraints' }, { kind: 'indexes' }];

describe.each(VERSIONS)('PostgreSQL %s', (major) => {
  const database = useDatabase({ autovacuum: 'off' }, major);
  let copy: Copy;
  let seen: Examination;
  const held: string[][] = [];

  /** Alters the first occurrence of some bytes, with the page's checksum recomputed. */
  async function replace(file: RelationFile, from: Buffer, to: Buffer, block = 0): Promise<void> {
    await file.alter(block, (page) => {
      const at = page.indexOf(from);
      if (at < 0) throw new Error('the bytes are not in the page');
      to.copy(page, at);
    });
  }

  beforeAll(async () => {
    copy = await copyOf(
      database(),
      'copy',
      `CREATE TABLE documents (id int, body jsonb); INSERT INTO documents VALUES (1, '{"name": "some-name", "list": [1, 2, 3]}');
       CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TABLE people (id int, mood mood); INSERT INTO people VALUES (1, 'happy');
       CREATE TABLE notes (id int, note text); INSERT INTO notes VALUES (1, 'unique-text');
       CREATE TABLE big (id int, body text); INSERT INTO big SELECT 1, string_agg(md5(i::text), ' ' || repeat('z', i % 7)) FROM generate_series(1, 3000) i;
       CREATE TABLE secrets (id int, t text, name varchar(20)); INSERT INTO secrets VALUES (1, 'secret-4711', 'n');
       CREATE TABLE declared (a int NOT NULL, b int CONSTRAINT positive CHECK (b > 0), a_null int);
       INSERT INTO declared VALUES (1, 1, NULL), (2, 7, NULL);
       CREATE DOMAIN small AS int CHECK (VALUE < 100); CREATE DOMAIN tiny AS small CHECK (VALUE <> 50);
       CREATE TABLE domains (n tiny, s small NOT NULL); INSERT INTO domains VALUES (7, 9), (8, 9); CREATE TABLE nested (n tiny); INSERT INTO nested VALUES (77);
       CREATE DOMAIN code AS char(3) CHECK (length(VALUE) = 3) CHECK (octet_length(VALUE) = 3); CREATE DOMAIN flags AS bit(3) CHECK (length(VALUE) = 3);
       CREATE DOMAIN price AS numeric(6, 2) CHECK (scale(VALUE) = 2); CREATE DOMAIN short AS varchar(3) CHECK (VALUE ~ '^..?.?$'); CREATE DOMAIN codes AS char(2)[] CHECK (length(VALUE[1]) = 2);
       CREATE TABLE lengths (c code, f flags, p price, s short, cs codes); INSERT INTO lengths VALUES ('abc', '101', 7, 'xyz', '{ab}');
       CREATE TYPE colour AS ENUM ('red', 'green'); CREATE FUNCTION nothing_of(colour) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT NULL::text';
       CREATE CAST (colour AS text) WITH FUNCTION nothing_of(colour) AS IMPLICIT; CREATE TABLE coloured (colour colour PRIMARY KEY); INSERT INTO coloured VALUES ('red');
       CREATE TABLE cast_away (colour colour); INSERT INTO cast_away VALUES ('green');
       CREATE DOMAIN recent AS date; CREATE TABLE lately (at timestamptz, who text, day date, r recent, n int); INSERT INTO lately VALUES ('2020-01-01', 'me', '2020-01-01', '2020-01-01', 1);
       ALTER TABLE lately ADD CONSTRAINT a CHECK (at > now()) NOT VALID, ADD CONSTRAINT b CHECK (who = current_user) NOT VALID, ADD CONSTRAINT c CHECK (day::text = '01.01.2020') NOT VALID, ADD CONSTRAINT d CHECK (n::text = '01.01.2020') NOT VALID;
       ALTER DOMAIN recent ADD CONSTRAINT e CHECK (VALUE > now()) NOT VALID; UPDATE pg_constraint SET convalidated = true WHERE NOT convalidated;
       CREATE TYPE part AS (n small, several small[]); CREATE DOMAIN whole AS part CHECK ((VALUE).n > 0);
       CREATE TABLE held (several small[], one whole, parts part[]); INSERT INTO held VALUES ('{41,42}', ROW(43, '{44}'), ARRAY[ROW(45, '{46,NULL}')::part, NULL]), ('{1}', NULL, '{}'), (NULL, ROW(1, NULL), NULL);
       CREATE TABLE "Whole row" (a int, b int, CHECK ("Whole row" IS NOT NULL), CHECK (num_nulls("Whole row".*) = 0)); INSERT INTO "Whole row" VALUES (1, 2);
       CREATE TABLE broken_rule (n int, t int); CREATE FUNCTION fails(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS
         'BEGIN IF current_setting(''application_name'') = ''lifeboat'' THEN RAISE EXCEPTION ''% is secret-4711'', $1; END IF; RETURN true; END';
       ALTER TABLE broken_rule ADD CONSTRAINT odd CHECK (fails(n)), ADD CONSTRAINT even CHECK (t > 0); INSERT INTO broken_rule VALUES (1, 1);
       CREATE TABLE wide (${Array.from({ length: 300 }, (_, number) => `c${number} int NOT NULL DEFAULT 1`).join(', ')}); INSERT INTO wide DEFAULT VALUES;
       CREATE TABLE healthy (t int, id int NOT NULL, v text); INSERT INTO healthy VALUES (1, 1, 'fine')`,
    );
    await copy.run('CHECKPOINT');
    const toast = await firstValue(copy, "SELECT reltoastrelid::regclass::text FROM pg_class WHERE relname = 'big'");
    const happy = await firstValue<string>(copy, "SELECT oid::text FROM pg_enum WHERE enumlabel = 'happy'");
    const green = await firstValue<string>(copy, "SELECT oid::text FROM pg_enum WHERE enumlabel = 'green'");
    const files = Object.fromEntries(
      await Promise.all(
        ['documents', 'people', 'notes', 'declared', 'domains', 'nested', 'held', 'cast_away', toast].map(
          async (name) => [name, await fileOf(database(), copy, name)] as const,
        ),
      ),
    );
    const int = (value: number) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32LE(value);
      return bytes;
    };
    await whileStopped(database(), async () => {
      // The flags of an object, which stand before its four entries and their keys.
      await files.documents!.alter(0, (page) => page.writeUInt8(0, page.indexOf('listname') - 20 + 3));
      await replace(files.people!, int(Number(happy)), int(99_999_999));
      await replace(files.cast_away!, int(Number(green)), int(99_999_998));
      await replace(files.nested!, int(77), int(200));
      await replace(files.notes!, Buffer.from('unique-text'), Buffer.from([0xff, 0xfe]));
      await files[toast]!.alter(0, (page) => page.fill(0xff, 5000, 5600));
      await replace(files.declared!, int(7), int(0xfffffff9));
      await replace(files.domains!, Buffer.concat([int(7), int(9)]), Buffer.concat([int(50), int(200)]));
    });
    seen = await runExamination(copy, CHECKS);
    // Each of them alone, since one row is counted once.
    for (const value of [[41, 42], [44], [46]].map((ints) => Buffer.concat(ints.map(int)))) {
      const broken = Buffer.concat([int(200), value.subarray(4)]);
      await whileStopped(database(), () => replace(files.held!, value, broken));
      const { problems } = await runExamination(copy, [{ kind: 'constraints' }]);
      held.push(problems.filter(({ object }) => object === 'held').map(({ observed }) => observed));
      await whileStopped(database(), () => replace(files.held!, broken, value));
    }
  });

  const found = (name: string, check: Check['kind'] = 'readable') =>
    seen.problems
      .filter((problem) => problem.object === name && problem.check === check)
      .map(({ outcome, observed }) => `${outcome}: ${observed}`);

  test('an enum value without a label fails', () => {
    expect(found('people')).toEqual(['failed: PostgreSQL reported 22P03 (invalid binary representation)']);
  });

  test('bytes that are no text in the encoding fail', () => {
    expect(found('notes')).toEqual([expect.stringMatching(/^failed: PostgreSQL reported 22021/)]);
  });

  test('a compressed value that does not decompress fails', () => {
    expect(found('big').join()).toMatch(/^failed: PostgreSQL (said|reported)/);
  });

  test('a jsonb value of which the structure is damaged fails', () => {
    expect(found('documents').join()).toMatch(/^failed: /);
  });

  test('a row that breaks a CHECK fails, as does one that breaks a domain, whatever it is declared over', () => {
    expect(found('declared', 'constraints')).toEqual(['failed: 1 row breaks CHECK positive']);
    expect(found('domains', 'constraints')).toEqual([
      'failed: 1 row breaks CHECK tiny_check of domain tiny',
      'failed: 1 row breaks CHECK small_check of domain small',
    ]);
  });

  test('a value that breaks the domain under its own fails', () => {
    expect(found('nested', 'constraints')).toEqual(['failed: 1 row breaks CHECK small_check of domain small']);
  });

  test('a row that breaks a CHECK which time or user may change is a warning that says so', () => {
    const broken = (rule: string, by: string) =>
      `warning: 1 row breaks ${rule} now, which depends on more than the row (${by}), so that it may have held once`;
    expect(found('lately', 'constraints').sort()).toEqual([
      'failed: 1 row breaks CHECK d',
      broken('CHECK a', 'now()'),
      broken('CHECK b', 'CURRENT_DATE, CURRENT_USER or the like'),
      broken('CHECK c', 'the text of type date'),
      broken('CHECK e of domain recent', 'date_gt_timestamptz(), now()'),
    ]);
  });

  test('an enum value without a label fails, whatever a cast to text makes of it', () => {
    expect(found('cast_away')).toEqual(['failed: PostgreSQL reported 22P03 (invalid binary representation)']);
  });

  test('a value that breaks its domain fails in an array, in a composite and in an array of composites', () => {
    expect(held).toEqual(Array.from({ length: 3 }, () => ['1 row breaks CHECK small_check of domain small']));
  });

  test('a rule that can not be evaluated is named, without a value, and the table is read all the same', () => {
    expect(found('broken_rule', 'constraints')).toEqual([
      'not-run: CHECK odd could not be evaluated: PostgreSQL reported P0001 (raised by a function) in a function of the database',
    ]);
    expect(found('broken_rule')).toEqual([]);
    expect(JSON.stringify(seen)).not.toContain('secret-4711');
  });

  test('nothing is said of healthy rows, also where a column is named like our alias', () => {
    const damaged = [
      'people',
      'notes',
      'nested',
      'cast_away',
      'lately',
      'big',
      'documents',
      'declared',
      'domains',
      'broken_rule',
    ];
    expect(seen.problems.filter(({ object }) => !damaged.includes(object!))).toEqual([]);
  });

  test('a NOT NULL column that holds NULL fails, though the planner takes it for impossible', async () => {
    const other = await copyOf(
      database(),
      'nulls',
      'CREATE TABLE n (a int, b int); INSERT INTO n VALUES (1, 1), (NULL, 2)',
    );
    await other.run("UPDATE pg_attribute SET attnotnull = true WHERE attrelid = 'n'::regclass AND attname = 'a'");
    expect(await resultOf(other, { kind: 'constraints' })).toMatchObject({
      outcome: 'failed',
      observed: 'n: 1 row breaks NOT NULL',
    });
  });
});
