/** Sessions that end anywhere, writers beside a merge, and lists that are not what was approved. */
import { workOnTables } from '../../../lambda/tables/work';
import { useDatabase } from '../../real/database';
import { type BothSides, bothSides, done, query, Recovery } from './sides';

const database = useDatabase({ autovacuum: 'off' });
const SCHEMA = `
  CREATE SCHEMA shop; CREATE TABLE shop.orders (id int PRIMARY KEY, n int NOT NULL, t text NOT NULL);
  INSERT INTO shop.orders SELECT i, i, repeat('x', 300) FROM generate_series(1, 60000) i`;
const ALL = 'SELECT count(*), sum(hashtextextended(o::text, 0)) FROM shop.orders o';

/** How many calls lose a session in the midst of their work. */
const CRASHES = 5;

/** Calls again and again until it is done; each of the first calls loses a session as it works. How many calls failed. */
async function whileSessionsEnd(sides: BothSides, work: () => Promise<unknown>): Promise<number> {
  const { cluster } = database();
  const end = `
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lifeboat' AND datname LIKE $1
    AND state <> 'idle' AND query ~ '(COPY|INSERT|UPDATE|DELETE|COMMIT)' AND random() < 0.4`;
  for (let failed = 0; ; failed++) {
    let working = true;
    const crash = (async () => {
      while (working && failed < CRASHES) {
        if ((await cluster.query(end, [`${sides.live.database}%`])).rows.length > 0) return;
      }
    })();
    try {
      await work();
      return failed;
    } catch (error) {
      expect(error).toMatchObject({ name: 'TablesNotReady' });
    } finally {
      working = false;
      await crash;
    }
  }
}

test('no row is doubled or lost, wherever its sessions end', async () => {
  const sides = await bothSides(database(), SCHEMA, 'DELETE FROM shop.orders WHERE id % 2 = 0');
  const recovery = new Recovery(sides, 'insert-missing');
  const ref = await recovery.planned('orders');
  let failed = await whileSessionsEnd(sides, () => recovery.compare('orders', ref));
  const compared = await recovery.compare('orders', ref);
  expect(compared).toMatchObject({ missing: 30000, rowsInCopy: 60000, rowsInLive: 30000, changed: 0, extra: 0 });
  failed += await whileSessionsEnd(sides, () => recovery.stage(compared));
  failed += await whileSessionsEnd(sides, () => recovery.merge(ref));
  expect(await recovery.stage(compared)).toMatchObject({ staged: { rows: 30000 }, verified: { rows: 30000 } });
  expect(await recovery.merge(ref)).toMatchObject({ written: 30000, changedSince: 0 });
  expect(await sides.run(ALL)).toEqual(await sides.runInCopy(ALL));
  expect(failed).toBeGreaterThan(0);
  failed = await whileSessionsEnd(sides, () => recovery.undo('orders'));
  expect(await recovery.undo('orders')).toMatchObject({ deleted: 30000, changedSince: 0 });
  expect(await sides.run('SELECT count(*) FROM shop.orders')).toEqual([['30000']]);
});

test('many short calls come to the same as a single long one', async () => {
  const sides = await bothSides(database(), SCHEMA, 'DELETE FROM shop.orders WHERE id % 2 = 0');
  let calls = 0;
  const call: ReturnType<typeof workOnTables> = async (request) => {
    calls++;
    try {
      // Longer each time, so that the slowest machine ends, too.
      return await workOnTables({ budgetSeconds: 0.2 + 0.1 * calls, streams: 1 })(request);
    } catch (error) {
      // Connecting alone may have taken it.
      expect(error).toMatchObject({ name: 'TablesNotReady' });
      return { done: false } as never;
    }
  };
  const recovery = new Recovery(sides, 'insert-missing');
  const table = await recovery.planned('orders');
  const both = { run: recovery.run, live: sides.live, copy: sides.copy };
  const compared = await done({ task: 'compare-table', ...both, table }, call);
  expect(compared).toMatchObject({ missing: 30000, extra: 0, changed: 0 });
  const staging = { ...both, way: 'insert-missing', table, list: compared.list! } as const;
  expect(await done({ task: 'stage-table', ...staging }, call)).toMatchObject({ rows: 30000 });
  expect(await done({ task: 'verify-staged', ...staging }, call)).toMatchObject({ rows: 30000 });
  await recovery.merge(table);
  expect(await sides.run(ALL)).toEqual(await sides.runInCopy(ALL));
  expect(calls).toBeGreaterThan(3);
});

test('writers beside a merge lose nothing, and what they delete stays deleted', async () => {
  const sides = await bothSides(database(), SCHEMA, 'UPDATE shop.orders SET n = 0 WHERE id <= 30000');
  const recovery = new Recovery(sides, 'overwrite-changed');
  const compared = await recovery.compare('orders');
  await recovery.stage(compared);
  let writing = true;
  const [edited, deleted, inserted] = [new Set<number>(), new Set<number>(), new Set<number>()];
  const writer = (async () => {
    for (let turn = 0; writing; turn++) {
      const id = 1 + Math.floor(Math.random() * 60000);
      if (turn % 3 === 0) {
        await sides.run(`DELETE FROM shop.orders WHERE id = ${id}`);
        deleted.add(id);
      } else if (turn % 3 === 1) {
        const rows = await sides.run(`UPDATE shop.orders SET t = 'edited' WHERE id = ${id} RETURNING id`);
        if (rows.length > 0) edited.add(id);
      } else {
        await sides.run(`INSERT INTO shop.orders VALUES (${300000 + turn}, 1, 'new')`);
        inserted.add(300000 + turn);
      }
    }
  })();
  const merged = await recovery.merge(compared.ref);
  writing = false;
  await writer;
  expect(merged.written + merged.changedSince).toBe(30000);
  const rows = new Map((await sides.run('SELECT id, t FROM shop.orders')).map(([id, t]) => [Number(id), t]));
  for (const id of deleted) expect(rows.has(id)).toBe(false);
  for (const id of inserted) expect(rows.get(id)).toBe('new');
  for (const id of edited) if (!deleted.has(id)) expect(rows.get(id)).toBe('edited');
  expect(inserted.size).toBeGreaterThan(0);
});

test('a list that is not the approved one is not staged, and staged rows that were changed are not merged', async () => {
  const sides = await bothSides(database(), SCHEMA, 'DELETE FROM shop.orders WHERE id <= 500');
  const recovery = new Recovery(sides, 'insert-missing');
  const compared = await recovery.compare('orders');
  await expect(recovery.stage({ ref: compared.ref, list: 'f'.repeat(64) })).rejects.toThrow(
    /not the one that was approved/,
  );
  const [[list]] = (await sides.runInCopy("SELECT name FROM lifeboat.objects WHERE purpose = 'list'")) as [[string]];
  await sides.runInCopy(`UPDATE lifeboat.${list} SET k1 = 50000 WHERE n = 7`);
  await expect(recovery.stage(compared)).rejects.toThrow(/rows of the approved list .* were changed/);
  await sides.runInCopy(`UPDATE lifeboat.${list} SET k1 = 7 WHERE n = 7`);
  await recovery.stage(compared);
  const other = new Recovery(sides, 'insert-missing');
  const again = await other.compare('orders');
  await expect(other.stage(again)).rejects.toThrow(
    /has a table "lifeboat_new"."orders" that this recovery did not make/,
  );
  await query(sides.live, "UPDATE lifeboat_new.orders SET t = 'y' WHERE id = 3");
  await query(sides.live, "DELETE FROM lifeboat.ledger WHERE task LIKE 'verify%'");
  await expect(recovery.stage(compared)).rejects.toThrow(/staged rows are not those of the restored copy/);
  await query(sides.live, 'ALTER TABLE shop.orders ADD added int');
  await expect(recovery.merge(compared.ref)).rejects.toThrow(/other columns, types or keys/);
});

test('an error repeats no value of a row', async () => {
  const sides = await bothSides(
    database(),
    `${SCHEMA}; UPDATE shop.orders SET t = 'alice@example.org'`,
    "DELETE FROM shop.orders WHERE id < 10; ALTER TABLE shop.orders ADD CHECK (t <> 'alice@example.org') NOT VALID",
  );
  const recovery = new Recovery(sides, 'insert-missing');
  const compared = await recovery.compare('orders');
  await recovery.stage(compared);
  const error = await recovery.merge(compared.ref).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: 'TablesRefused', message: expect.stringContaining('check violation') });
  expect(String(error)).not.toContain('alice');
});
