/** Rows of one table out of a restored copy into the live database, and back out, on real PostgreSQL. */
import { useDatabase, VERSIONS } from '../../real/database';
import { bothSides, Recovery } from './sides';

const SCHEMA = `
  CREATE SCHEMA shop;
  CREATE TABLE shop.customers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE);
  INSERT INTO shop.customers (name) SELECT 'customer ' || i FROM generate_series(1, 1000) i;
  CREATE TYPE shop.state AS ENUM ('open', 'paid', 'sent');
  CREATE TABLE shop.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer int NOT NULL REFERENCES shop.customers, state shop.state NOT NULL DEFAULT 'open', cents numeric(12,2) NOT NULL,
    details jsonb, note text, at timestamptz NOT NULL DEFAULT now(),
    euros numeric GENERATED ALWAYS AS (cents / 100) STORED);
  INSERT INTO shop.orders (customer, cents, details, note)
    SELECT 1 + i % 1000, i, jsonb_build_object('n', i), CASE WHEN i % 7 = 0 THEN repeat('note ' || i, 2000) END
    FROM generate_series(1, 30000) i;
  CREATE INDEX ON shop.orders (customer)`;
const ALL = 'SELECT count(*), sum(hashtextextended(o::text, 0)) FROM shop.orders o';

describe.each(VERSIONS)('PostgreSQL %s', (major) => {
  const database = useDatabase({ autovacuum: 'off' }, major);

  test('insert-missing brings back what was deleted, keeps what was written since, and can be undone', async () => {
    const sides = await bothSides(
      database(),
      SCHEMA,
      `DELETE FROM shop.orders WHERE id % 2 = 0;
       UPDATE shop.orders SET note = 'edited' WHERE id = 7;
       INSERT INTO shop.orders (customer, cents) VALUES (1, 5), (2, 6)`,
    );
    const recovery = new Recovery(sides, 'insert-missing');
    const { compared, staged, merged } = await recovery.recover('orders');
    expect(compared).toMatchObject({ rowsInCopy: 30000, rowsInLive: 15002, missing: 15000, changed: 1, extra: 2 });
    expect(compared.list).toMatch(/^[0-9a-f]{64}$/);
    expect(staged.rows).toBe(15000);
    expect(merged).toEqual({ done: true, written: 15000, changedSince: 0, conflicting: 0, orphaned: 0, sequences: [] });
    expect(await sides.run('SELECT count(*) FROM shop.orders')).toEqual([['30002']]);
    const restored = 'SELECT sum(hashtextextended(o::text, 0)) FROM shop.orders o WHERE id <= 30000 AND id <> 7';
    expect(await sides.run(restored)).toEqual(await sides.runInCopy(restored));
    expect(await sides.run('SELECT note FROM shop.orders WHERE id = 7')).toEqual([['edited']]);

    await sides.run("UPDATE shop.orders SET note = 'since' WHERE id = 2; DELETE FROM shop.orders WHERE id = 4");
    const undone = await recovery.undo('orders');
    expect(undone).toMatchObject({ done: true, deleted: 14998, changedSince: 2, referencedSince: 0, setBack: 0 });
    expect(await sides.run('SELECT count(*) FROM shop.orders')).toEqual([['15003']]);
  });

  test('overwrite-changed sets rows back, leaves edits made since the dry run, and can be undone', async () => {
    const sides = await bothSides(
      database(),
      SCHEMA,
      "UPDATE shop.orders SET state = 'sent', cents = 0 WHERE id <= 20000",
    );
    const before = await sides.run(ALL);
    const recovery = new Recovery(sides, 'overwrite-changed');
    const compared = await recovery.compare('orders');
    expect(compared).toMatchObject({ missing: 0, changed: 20000, extra: 0 });
    expect(compared.changedBy).toEqual([{ transaction: expect.stringMatching(/^\d+$/), rows: 20000 }]);
    await recovery.stage(compared);
    await sides.run("UPDATE shop.orders SET note = 'edited' WHERE id = 5; DELETE FROM shop.orders WHERE id = 6");
    const merged = await recovery.merge(compared.ref);
    expect(merged).toMatchObject({ written: 19998, changedSince: 2 });
    const restored = 'SELECT sum(hashtextextended(o::text, 0)) FROM shop.orders o WHERE id NOT IN (5, 6)';
    expect(await sides.run(restored)).toEqual(await sides.runInCopy(restored));
    expect(await sides.run('SELECT id, state, note FROM shop.orders WHERE id IN (5, 6)')).toEqual([
      ['5', 'sent', 'edited'],
    ]);

    await sides.run('UPDATE shop.orders SET note = NULL WHERE id = 5');
    expect(await recovery.undo('orders')).toMatchObject({ setBack: 19998, changedSince: 0 });
    const rest = "SELECT count(*) FROM shop.orders WHERE state = 'sent' AND cents = 0";
    expect(await sides.run(rest)).toEqual([['19999']]);
    expect(before[0]![0]).toBe('30000');
  });

  test('a swap stages every row', async () => {
    const sides = await bothSides(database(), SCHEMA, 'DELETE FROM shop.orders');
    const recovery = new Recovery(sides, 'swap');
    const compared = await recovery.compare('orders', await new Recovery(sides, 'insert-missing').planned('orders'));
    const { verified } = await recovery.stage(compared);
    expect(verified).toMatchObject({ done: true, rows: 30000 });
    const all = (schema: string) => `SELECT count(*), sum(hashtextextended(o::text, 0)) FROM ${schema}.orders o`;
    expect(await sides.run(all('lifeboat_new'))).toEqual(await sides.runInCopy(all('shop')));
  });
});
