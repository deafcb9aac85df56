/** Tables unlike others: each is recovered whole, or refused by name before anything is done. */
import { useDatabase, VERSIONS } from '../../real/database';
import { bothSides, Recovery } from './sides';

describe.each(VERSIONS)('PostgreSQL %s', (major) => {
  const database = useDatabase({ autovacuum: 'off' }, major);
  const rows = (table: string) => `SELECT t::text FROM ${table} t ORDER BY t::text COLLATE "C"`;

  test.each([
    [
      'names that need quotes, and a key of several columns with values that do',
      `CREATE TABLE shop."Odd ""name""" ("The Key" text, "select" varchar(9), at date, "x y" int,
         PRIMARY KEY ("The Key", "select", at));
       INSERT INTO shop."Odd ""name""" SELECT E'it''s \\\\ ä' || i % 10, 'k' || i, date '2024-01-01' + i, i
         FROM generate_series(1, 3000) i`,
      'Odd "name"',
      `"x y" % 3 = 0`,
      2000,
    ],
    [
      'JSON, XML, arrays, ranges, money, bit strings and values out of line',
      `CREATE TABLE shop.odd (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), j json, b jsonb, x xml, a int[], r int4range,
         c char(5), m money, v bit(3), p point, f float8, t text, i interval, n inet, ts tsvector);
       INSERT INTO shop.odd (j, b, x, a, r, c, m, v, p, f, t, i, n, ts) SELECT '{"a": 1}', '{"a": 1.0}',
         CASE WHEN n % 2 = 0 THEN xmlparse(content '<a/>') END, ARRAY[n, NULL], int4range(1, n), 'ab', n, '101',
         point(n, 1), 'NaN', CASE WHEN n % 50 = 0 THEN (SELECT string_agg(md5(n::text || k), '') FROM generate_series(1, 900) k) END,
         '1 day', '::1', 'a b' FROM generate_series(1, 500) n`,
      'odd',
      'true',
      0,
    ],
    [
      'a unique key without a primary key, and NULLs in another one',
      `CREATE TABLE shop.odd (k int NOT NULL UNIQUE, u int UNIQUE, t text); INSERT INTO shop.odd
         SELECT i, CASE WHEN i % 2 = 0 THEN i END, 't' || i FROM generate_series(1, 1000) i`,
      'odd',
      'k > 100',
      100,
    ],
    [
      'partitions, one of them below another',
      `CREATE TABLE shop.odd (id int, at date, t text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
       CREATE TABLE shop.odd_1 PARTITION OF shop.odd FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
       CREATE TABLE shop.odd_2 PARTITION OF shop.odd FOR VALUES FROM ('2024-02-01') TO ('2030-01-01') PARTITION BY HASH (id);
       CREATE TABLE shop.odd_2a PARTITION OF shop.odd_2 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
       CREATE TABLE shop.odd_2b PARTITION OF shop.odd_2 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
       INSERT INTO shop.odd SELECT i, date '2024-01-01' + i % 60, 'x' FROM generate_series(1, 2000) i`,
      'odd',
      'id % 4 <> 0',
      500,
    ],
    ['a table that was empty', 'CREATE TABLE shop.odd (id int PRIMARY KEY, t text)', 'odd', 'true', 0],
    [
      'an enum and a domain as the key',
      `CREATE TYPE shop.mood AS ENUM ('z', 'a', 'm'); CREATE DOMAIN shop.code AS varchar(10) CHECK (VALUE <> '');
       CREATE TABLE shop.odd (mood shop.mood, code shop.code, t text, PRIMARY KEY (mood, code));
       INSERT INTO shop.odd SELECT (enum_range(NULL::shop.mood))[1 + i % 3], 'c' || i, i FROM generate_series(1, 900) i`,
      'odd',
      "mood = 'a'",
      600,
    ],
  ])('recovers %s', async (_what, schema, name, deleted, left) => {
    const full = `shop."${name.replaceAll('"', '""')}"`;
    const damage = `DELETE FROM ${full} WHERE ${deleted}`;
    const sides = await bothSides(database(), `CREATE SCHEMA shop; ${schema}`, damage);
    const { compared, merged } = await new Recovery(sides, 'insert-missing').recover(name);
    expect(compared).toMatchObject({ rowsInLive: left, changed: 0, extra: 0 });
    expect(merged).toMatchObject({ written: compared.missing, changedSince: 0, conflicting: 0, orphaned: 0 });
    expect(await sides.run(rows(full))).toEqual(await sides.runInCopy(rows(full)));
    const again = await new Recovery(sides, 'insert-missing').compare(name);
    expect(again).toMatchObject({ missing: 0, changed: 0, extra: 0, rowsInCopy: compared.rowsInCopy });
  });

  test('sees every difference, whatever equality says of it', async () => {
    const sides = await bothSides(
      database(),
      `CREATE SCHEMA shop; CREATE TABLE shop.odd (id int PRIMARY KEY, n numeric, j json, f float8, a int[], t text);
       INSERT INTO shop.odd SELECT i, 1.0, '{"a":1}', 0, '{1}', NULL FROM generate_series(1, 8) i`,
      `UPDATE shop.odd SET n = 1.00 WHERE id = 1; UPDATE shop.odd SET j = '{"a": 1}' WHERE id = 2;
       UPDATE shop.odd SET f = '-0' WHERE id = 3; UPDATE shop.odd SET a = '[0:0]={1}' WHERE id = 4;
       UPDATE shop.odd SET t = '' WHERE id = 5; UPDATE shop.odd SET n = 1.0 WHERE id = 6`,
    );
    const { compared, merged } = await new Recovery(sides, 'overwrite-changed').recover('odd');
    expect(compared).toMatchObject({ changed: 5, missing: 0, extra: 0 });
    expect(merged.written).toBe(5);
    expect(await sides.run(rows('shop.odd'))).toEqual(await sides.runInCopy(rows('shop.odd')));
  });

  test('converts columns whose types differ, adds defaults, and says so', async () => {
    const sides = await bothSides(
      database(),
      `CREATE SCHEMA shop; CREATE TABLE shop.odd (id int PRIMARY KEY, n int, gone text, t varchar(20));
       INSERT INTO shop.odd SELECT i, i, 'x', 't' FROM generate_series(1, 100) i`,
      `DELETE FROM shop.odd WHERE id > 50; ALTER TABLE shop.odd ALTER id TYPE bigint, ALTER n TYPE numeric(9,1), DROP gone,
         ADD added int NOT NULL DEFAULT 7; UPDATE shop.odd SET n = 0 WHERE id = 1`,
    );
    const recovery = new Recovery(sides, 'insert-missing');
    const { tables } = await recovery.plan('odd');
    expect(tables[0]).toMatchObject({ binary: false, key: ['id'] });
    expect(tables[0]!.warnings.join(' ')).toMatch(
      /only in the restored copy.*gone.*only in the live.*added.*n is integer/,
    );
    const { compared, merged } = await recovery.recover('odd');
    expect(compared).toMatchObject({ missing: 50, changed: 1 });
    expect(merged.written).toBe(50);
    expect(await sides.run('SELECT id, n, t, added FROM shop.odd WHERE id = 100')).toEqual([
      ['100', '100.0', 't', '7'],
    ]);
  });

  test('refuses by name, and all at once, what it would get wrong', async () => {
    const sides = await bothSides(
      database(),
      `CREATE SCHEMA shop; CREATE TABLE shop.log (n int); CREATE TABLE shop.parent (id int PRIMARY KEY);
       CREATE TABLE shop.child () INHERITS (shop.parent); CREATE VIEW shop.seen AS SELECT 1 AS id;
       CREATE UNLOGGED TABLE shop.fast (id int PRIMARY KEY);
       CREATE TABLE shop.gone (id int PRIMARY KEY); CREATE TABLE shop.secret (id int PRIMARY KEY);
       ALTER TABLE shop.secret ENABLE ROW LEVEL SECURITY; ALTER TABLE shop.secret FORCE ROW LEVEL SECURITY`,
      'DROP TABLE shop.gone; CREATE TABLE shop.new (id int PRIMARY KEY)',
    );
    const { cluster } = database();
    await cluster.query('CREATE PUBLICATION everything FOR ALL TABLES', [], sides.live.database);
    const recovery = new Recovery(sides, 'insert-missing');
    const { refused } = await recovery.plan('log', 'parent', 'seen', 'fast', 'gone', 'secret', 'new');
    const wanted = [
      /publication everything publishes all tables/,
      /"log" has no primary key/,
      /"parent" has tables that inherit/,
      /"seen" is not an ordinary/,
      /"fast" is unlogged/,
      /"gone" is not in the live database/,
      /"secret": row security hides rows .* in the live database/,
      /"new" is not in the restored copy/,
    ];
    for (const text of wanted) expect(refused).toContainEqual(expect.stringMatching(text));
    expect(await sides.run("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'lifeboat%'")).toEqual([['0']]);
  });

  test('leaves out, and counts, rows that others have taken the place of, and rows without their parents', async () => {
    const sides = await bothSides(
      database(),
      `CREATE SCHEMA shop; CREATE TABLE shop.boss (id int PRIMARY KEY);
       CREATE TABLE shop.staff (id int PRIMARY KEY, mail text UNIQUE, boss int REFERENCES shop.boss DEFERRABLE INITIALLY DEFERRED,
         lead int REFERENCES shop.staff);
       INSERT INTO shop.boss SELECT generate_series(1, 10);
       INSERT INTO shop.staff SELECT i, 'm' || i, 1 + i % 10, CASE WHEN i <= 90 THEN 91 + i % 10 END
         FROM generate_series(1, 100) i`,
      `TRUNCATE shop.staff; DELETE FROM shop.boss WHERE id = 3; INSERT INTO shop.staff VALUES (1000, 'm5', 1, NULL)`,
    );
    const recovery = new Recovery(sides, 'insert-missing');
    const { compared, merged } = await recovery.recover('staff');
    expect(compared).toMatchObject({ missing: 100, extra: 1 });
    // Of boss 3: ten; and nine that one of them leads.
    expect(merged).toMatchObject({ written: 80, conflicting: 1, orphaned: 19, changedSince: 0 });
    expect(await sides.run('SELECT count(*) FROM shop.staff WHERE boss = 3')).toEqual([['0']]);
    // 7 is led by 98.
    await sides.run('INSERT INTO shop.staff VALUES (2000, NULL, 1, 7), (2001, NULL, 1, 99)');
    expect(await recovery.undo('staff')).toMatchObject({ deleted: 77, referencedSince: 3, changedSince: 0 });
    expect(await sides.run('SELECT id FROM shop.staff ORDER BY id')).toEqual([
      ['7'],
      ['98'],
      ['99'],
      ['1000'],
      ['2000'],
      ['2001'],
    ]);
  });

  test('inserts rows that refer to each other in a circle', async () => {
    const sides = await bothSides(
      database(),
      `CREATE SCHEMA shop; CREATE TABLE shop.pairs (id int PRIMARY KEY, other int REFERENCES shop.pairs);
       INSERT INTO shop.pairs SELECT i, 1001 - i FROM generate_series(1, 1000) i`,
      'DELETE FROM shop.pairs',
    );
    const recovery = new Recovery(sides, 'insert-missing');
    expect((await recovery.recover('pairs')).merged).toMatchObject({ written: 1000, orphaned: 0 });
  });

  test('fires triggers under the path of whoever logs in, and moves sequences on, never back', async () => {
    const sides = await bothSides(
      database(),
      `CREATE SCHEMA shop; CREATE TABLE audit (id int);
       CREATE TABLE shop.odd (id serial PRIMARY KEY, other int GENERATED BY DEFAULT AS IDENTITY);
       INSERT INTO shop.odd (other) SELECT i FROM generate_series(1, 100) i;
       SELECT setval('shop.odd_other_seq', 500);
       CREATE FUNCTION shop.note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO audit VALUES (NEW.id); RETURN NEW; END';
       CREATE TRIGGER noting AFTER INSERT ON shop.odd FOR EACH ROW EXECUTE FUNCTION shop.note()`,
      "DELETE FROM shop.odd WHERE id > 40; SELECT setval('shop.odd_id_seq', 3)",
    );
    const { merged } = await new Recovery(sides, 'insert-missing').recover('odd');
    expect(merged).toMatchObject({ written: 60, sequences: ['"shop"."odd_id_seq"'] });
    expect(await sides.run('SELECT count(*) FROM audit')).toEqual([['60']]);
    expect(await sides.run("SELECT nextval('shop.odd_id_seq'), nextval('shop.odd_other_seq')")).toEqual([
      ['101', '501'],
    ]);
  });
});
