/** A table swapped for a restored one, and back, in production: by the tables' owner, while clients read and write. */
import type { Connection } from '../../../lambda/examiner/protocol';
import { cleanTables } from '../../../lambda/swap/clean-tables';
import { swapTables, undoSwap } from '../../../lambda/swap/exchange-tasks';
import { inventoryOf } from '../../../lambda/swap/inventory';
import { useDatabase, VERSIONS } from '../../real/database';
import { asClient, asLive, master, named, prepare, untilDone } from './shop';

const SHOP = `
  CREATE SCHEMA shop; CREATE SCHEMA restored;
  CREATE TABLE shop.customers (id int PRIMARY KEY, name text);
  CREATE TABLE shop.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int NOT NULL REFERENCES shop.customers, total
      numeric(10, 2) DEFAULT 0,
    touched int NOT NULL DEFAULT 0);
  CREATE INDEX orders_customer ON shop.orders (customer);
  CREATE TABLE shop.items (id bigserial PRIMARY KEY, "order" bigint REFERENCES shop.orders ON DELETE CASCADE, what
    text);
  CREATE TABLE shop.audit (order_id bigint);
  CREATE VIEW shop.open_orders WITH (security_barrier) AS SELECT o.id, o.total, c.name FROM shop.orders o JOIN
    shop.customers c ON c.id = o.customer;
  CREATE VIEW shop.above AS SELECT count(*) AS orders FROM shop.open_orders;
  CREATE FUNCTION shop.note_order() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO shop.audit VALUES (NEW.id); RETURN NULL; END $$;
  CREATE TRIGGER note AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.note_order();
  GRANT SELECT ON shop.orders, shop.open_orders TO reader;
  INSERT INTO shop.customers SELECT i, 'customer ' || i FROM generate_series(1, 100) i;
  INSERT INTO shop.orders (customer, total) SELECT 1 + i % 100, i FROM generate_series(1, 20000) i;
  INSERT INTO shop.items ("order", what) SELECT i, 'thing' FROM generate_series(1, 2000) i;
  CREATE TABLE restored.orders AS SELECT * FROM shop.orders;
  DELETE FROM shop.orders WHERE id BETWEEN 5001 AND 15000`;

describe.each(VERSIONS)('on PostgreSQL %i', (major) => {
  const database = useDatabase({}, major);
  let connection: Connection;

  describe('a table with keys, foreign keys in and out, identity, views and a trigger', () => {
    beforeAll(async () => {
      connection = await master(database().cluster, 'plain');
      await asClient(connection, (client) => client.query(SHOP));
    });

    test('is carried whole', async () => {
      const { carried, refused } = await asLive(connection, (live) =>
        live.transaction(() => inventoryOf(live, named('shop.orders'), [named('shop.orders')])),
      );
      expect(refused).toEqual([]);
      expect(carried.filter((name) => !name.includes('_not_null')).sort()).toMatchInlineSnapshot(`
[
  "constraint orders_pkey on shop.orders",
  "foreign key items_order_fkey on shop.items",
  "foreign key orders_customer_fkey on shop.orders",
  "grants shop.orders",
  "identity shop.orders_id_seq",
  "index orders_customer",
  "index orders_pkey",
  "trigger note on shop.orders",
  "view shop.open_orders",
]
`);
    });

    test('is swapped and swapped back while clients read and write: no row is lost, and nobody finds it empty', async () => {
      const clients = keepBusy(connection);
      await prepare(connection, 'r1', ['shop.orders']);
      const swapped = await asLive(connection, (live) =>
        untilDone(() => swapTables(live, 'r1', [named('shop.orders')])),
      );
      expect(swapped.tries).toBeGreaterThan(0);
      await clients.rounds(20);
      const now = await clients.compare();
      expect(now).toEqual({ emptyReads: 0, wrong: [], errors: [] });
      await asClient(connection, async (client) => {
        const { rows } = await client.query(
          'SELECT count(*)::int AS back FROM shop.orders WHERE id BETWEEN 5001 AND 15000',
        );
        expect(rows).toEqual([{ back: 10000 }]);
        expect((await client.query('SELECT orders > 0 AS sees FROM shop.above')).rows).toEqual([{ sees: true }]);
      });
      const undone = await asLive(connection, (live) => untilDone(() => undoSwap(live, 'r1', [named('shop.orders')])));
      expect(undone.applied).toBeGreaterThan(0);
      await clients.rounds(20);
      expect(await clients.compare()).toEqual({ emptyReads: 0, wrong: [], errors: [] });
      await clients.stop();
      await asLive(connection, (live) => untilDone(() => cleanTables(live, 'r1')));
      const { rows } = await asClient(connection, (client) =>
        client.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'lifeboat%'"),
      );
      expect(rows).toEqual([]);
    });
  });
});

/** Clients that write orders of their own, and read all of them, until they are stopped. */
function keepBusy(connection: Connection) {
  const expected = new Map<string, number>();
  const deleted = new Set<string>();
  const errors: string[] = [];
  let emptyReads = 0;
  let done = 0;
  let stopped = false;
  const writer = (number: number) =>
    asClient(connection, async (client) => {
      const own: string[] = [];
      while (!stopped) {
        const { rows } = await client.query('INSERT INTO shop.orders (customer, total) VALUES ($1, 1) RETURNING id', [
          number,
        ]);
        own.push(rows[0].id);
        expected.set(rows[0].id, 0);
        const one = own[Math.floor(Math.random() * own.length)]!;
        await client.query('UPDATE shop.orders SET touched = touched + 1 WHERE id = $1', [one]);
        expected.set(one, expected.get(one)! + 1);
        if (own.length > 20) {
          const [first] = own.splice(0, 1);
          await client.query('DELETE FROM shop.orders WHERE id = $1', [first]);
          expected.delete(first!);
          deleted.add(first!);
        }
        done++;
      }
    }).catch((error) => errors.push(String(error)));
  const reader = (what: string) =>
    asClient({ ...connection }, async (client) => {
      while (!stopped) {
        const { rows } = await client.query(`SELECT count(*)::int AS rows FROM ${what}`);
        if (rows[0].rows < 10000) emptyReads++;
      }
    }).catch((error) => errors.push(String(error)));
  const running = [writer(1), writer(2), writer(3), reader('shop.orders'), reader('shop.open_orders')];
  return {
    rounds: async (more: number) => {
      const until = done + more;
      while (done < until && errors.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    },
    /** Of rows that no client is changing at the moment: those of writers are told when they have stopped. */
    compare: async () => ({ emptyReads, wrong: stopped ? await differing() : [], errors }),
    stop: async () => {
      stopped = true;
      await Promise.all(running);
      expect(await differing()).toEqual([]);
    },
  };
  async function differing(): Promise<string[]> {
    const { rows } = await asClient(connection, (client) => client.query('SELECT id, touched FROM shop.orders'));
    const found = new Map<string, number>(rows.map(({ id, touched }) => [id, touched]));
    return [
      ...[...expected]
        .filter(([id, touched]) => found.get(id) !== touched)
        .map(([id]) => `order ${id} is not as it was written`),
      ...[...deleted].filter((id) => found.has(id)).map((id) => `order ${id} was deleted, and is back`),
    ];
  }
}
