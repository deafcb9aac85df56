/** A swap as the conductor asks for it: each task by its request, with rows out of a real copy. */
import { swapPart } from '../../../lambda/swap/tasks';
import type { TableName, TableRef } from '../../../lambda/tables/protocol';
import { workOnTables } from '../../../lambda/tables/work';
import { useDatabase } from '../../real/database';
import { bothSides, done } from '../tables/sides';

const database = useDatabase();
const ask = workOnTables({ swap: swapPart });
const shop = (table: string): TableName => ({ schema: 'shop', table });

const SHOP = `
  CREATE SCHEMA shop;
  CREATE TABLE shop.customers (id int PRIMARY KEY);
  CREATE TABLE shop.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int REFERENCES
    shop.customers, note text,
    shout text GENERATED ALWAYS AS (upper(note)) STORED);
  CREATE INDEX orders_customer ON shop.orders (customer);
  CREATE TABLE shop.items (id int PRIMARY KEY, "order" bigint REFERENCES shop.orders);
  CREATE VIEW shop.loud AS SELECT shout FROM shop.orders;
  CREATE TABLE shop.events (id int, at int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
  CREATE TABLE shop.events_old PARTITION OF shop.events FOR VALUES FROM (MINVALUE) TO (100);
  CREATE TABLE shop.events_new PARTITION OF shop.events FOR VALUES FROM (100) TO (MAXVALUE);
  INSERT INTO shop.customers SELECT generate_series(0, 9);
  INSERT INTO shop.orders (customer, note) SELECT i % 10, 'note ' || i FROM generate_series(1, 2000) i;
  INSERT INTO shop.items SELECT i, i FROM generate_series(1, 10) i;
  INSERT INTO shop.events SELECT i, i FROM generate_series(1, 200) i`;

test('tables are planned, compared, staged, verified, swapped, undone and cleaned up after', async () => {
  const sides = await bothSides(
    database(),
    SHOP,
    `DELETE FROM shop.orders WHERE id > 1000; UPDATE shop.orders SET note = 'damaged' WHERE id > 900;
     INSERT INTO shop.orders (customer, note) VALUES (1, 'only here'); DELETE FROM shop.events WHERE at > 50`,
  );
  const both = { run: 'e1', live: sides.live, copy: sides.copy };
  const way = 'swap';
  const plan = await done({ task: 'plan-tables', ...both, way, tables: [shop('orders'), shop('events')] }, ask);
  expect(plan.refused).toEqual([]);
  expect(plan.tables.flatMap(({ carried }) => carried)).toEqual(
    expect.arrayContaining([
      'view shop.loud',
      'foreign key items_order_fkey on shop.items',
      'identity shop.orders_id_seq',
    ]),
  );
  const tables: readonly TableRef[] = plan.tables.map(({ schema, table, shape }) => ({ schema, table, shape }));
  const lists = new Map<TableRef, string>();
  for (const table of tables) {
    const compared = await done({ task: 'compare-table', ...both, table }, ask);
    lists.set(table, compared.list!);
  }
  await done({ task: 'capture-writes', ...both, tables }, ask);
  await sides.run(
    "INSERT INTO shop.orders (customer, note) VALUES (2, 'written since'); DELETE FROM shop.orders WHERE id = 500",
  );
  for (const table of tables) {
    const request = { ...both, way, table, list: lists.get(table)! } as const;
    await done({ task: 'stage-table', ...request }, ask);
    await done({ task: 'verify-staged', ...request }, ask);
  }
  await done({ task: 'dress-shadow', ...both, tables }, ask);
  expect(await done({ task: 'catch-up', ...both, tables }, ask)).toMatchObject({ left: 0 });
  expect(await done({ task: 'swap-tables', ...both, tables }, ask)).toMatchObject({ done: true });
  const seen = () =>
    sides.run(`SELECT count(*), count(*) FILTER (WHERE note = 'damaged'), count(*) FILTER (WHERE note IN
      ('only here', 'written since')),
      count(*) FILTER (WHERE id = 500), (SELECT count(*) FROM shop.loud), (SELECT count(*) FROM shop.events), (SELECT
        count(*) FROM shop.events_new)
      FROM shop.orders`);
  // The first row that only the live table had took number 2001, which the copy does not have.
  expect(await seen()).toEqual([['2001', '0', '2', '0', '2001', '200', '101']]);
  await sides.run("INSERT INTO shop.orders (customer, note) VALUES (3, 'since the swap')");
  const undone = await done({ task: 'undo-tables', ...both, way, tables: [shop('orders'), shop('events')] }, ask);
  expect(undone).toMatchObject({ applied: 1 });
  expect(await seen()).toEqual([['1002', '100', '2', '0', '1002', '50', '0']]);
  const cleaned = await done({ task: 'clean-tables', ...both }, ask);
  expect(cleaned.dropped).toEqual(
    expect.arrayContaining(['"lifeboat_new"."orders"', '"lifeboat_new"."events"', 'lifeboat']),
  );
  expect(await sides.run("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'lifeboat%'")).toEqual([]);
});

test('what a merge made is cleaned up as well, and another run keeps what is its own', async () => {
  const sides = await bothSides(database(), SHOP, 'DELETE FROM shop.events WHERE at > 50');
  for (const run of ['m1', 'm2']) {
    const both = { run, live: sides.live, copy: sides.copy };
    const way = 'insert-missing';
    const { tables } = await done({ task: 'plan-tables', ...both, way, tables: [shop('events')] }, ask);
    const table: TableRef = { ...shop('events'), shape: tables[0]!.shape };
    const { list } = await done({ task: 'compare-table', ...both, table }, ask);
    const request = { ...both, way, table, list: list! } as const;
    await done({ task: 'stage-table', ...request }, ask);
    await done({ task: 'verify-staged', ...request }, ask);
    await done({ task: 'merge-table', ...both, way, table }, ask);
    if (run === 'm1') await sides.run('ALTER TABLE lifeboat_new.events RENAME TO events_of_m1');
    await sides.run('DELETE FROM shop.events WHERE at > 60');
  }
  await done({ task: 'clean-tables', run: 'm1', live: sides.live, copy: sides.copy }, ask);
  expect(await sides.run('SELECT DISTINCT run FROM lifeboat.objects')).toEqual([['m2']]);
});
