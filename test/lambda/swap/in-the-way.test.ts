/** What happens meanwhile in production, and keeps a swap from being made: it waits, or is refused with nothing changed. */
import type { Connection } from '../../../lambda/examiner/protocol';
import { capture } from '../../../lambda/swap/capture';
import { catchUp } from '../../../lambda/swap/catch-up';
import { cleanTables } from '../../../lambda/swap/clean-tables';
import { dress } from '../../../lambda/swap/dress';
import { swapTables, undoSwap } from '../../../lambda/swap/exchange-tasks';
import { useDatabase } from '../../real/database';
import { asClient, asLive, master, named, prepare, stage, untilDone } from './shop';

const database = useDatabase();
let connection: Connection;
let run = 0;

/** Each test has a table of its own, of 100 rows of which 50 are gone. */
async function shop(more = ''): Promise<{ run: string; name: string; tables: ReturnType<typeof named>[] }> {
  run++;
  const name = `shop.t${run}`;
  await asClient(connection, (client) =>
    client.query(`CREATE TABLE ${name} (id int PRIMARY KEY, parent int REFERENCES shop.parents, email text UNIQUE);
      INSERT INTO ${name} SELECT i, i % 10, 'm' || i FROM generate_series(1, 100) i; ${more};
      CREATE TABLE restored.t${run} AS SELECT * FROM ${name}; DELETE FROM ${name} WHERE id > 50`),
  );
  return { run: `w${run}`, name, tables: [named(name)] };
}

/** While a swap asks for its locks, or has them. */
const ASKING =
  "SELECT FROM pg_stat_activity WHERE application_name = 'lifeboat' AND query LIKE '%$lock$%' AND pid <> pg_backend_pid()";

const FOREIGN_KEY = /1 rows that would be in shop\.t\d+_notes refer, .* deleted since/;

const query = (sql: string) => asClient(connection, async (client) => (await client.query(sql)).rows);
const count = async (name: string) => Number((await query(`SELECT count(*) FROM ${name}`))[0].count);

beforeAll(async () => {
  connection = await master(database().cluster, 'meanwhile');
  await query(`CREATE SCHEMA shop; CREATE SCHEMA restored; CREATE TABLE shop.parents (id int PRIMARY KEY);
    INSERT INTO shop.parents SELECT generate_series(0, 9)`);
});

test('a transaction that would find the swapped table empty is waited for, by its process', async () => {
  const { run, name, tables } = await shop();
  await asClient(connection, async (reader) => {
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await reader.query('SELECT 1');
    await prepare(connection, run, [name]);
    const waiting = await asLive(connection, (live) => swapTables(live, run, tables));
    expect(waiting).toMatchObject({
      done: false,
      waitingFor: expect.stringMatching(/1 session\(s\) .* \(process \d+, since/),
    });
    expect((await reader.query(`SELECT count(*) FROM ${name}`)).rows).toEqual([{ count: '50' }]);
    await reader.query('COMMIT');
  });
  await asLive(connection, (live) => untilDone(() => swapTables(live, run, tables)));
  expect(await count(name)).toBe(100);
});

test('a lock that somebody holds is asked for again and again, and nobody else waits for long meanwhile', async () => {
  const { run, name, tables } = await shop();
  await prepare(connection, run, [name]);
  await asClient(connection, async (holder) => {
    await holder.query('BEGIN');
    await holder.query(`SELECT count(*) FROM ${name}`);
    const waiting = await asLive(connection, (live) => swapTables(live, run, tables), 3);
    expect(waiting).toMatchObject({ done: false, waitingFor: expect.stringContaining(`locks on ${name}`) });
    const swapping = asLive(connection, (live) => untilDone(() => swapTables(live, run, tables)));
    expect(await count(name)).toBe(50);
    await holder.query('COMMIT');
    expect(await swapping).toMatchObject({ done: true });
  });
  expect(await count(name)).toBe(100);
});

test.each([
  ['TRUNCATE', (name: string) => `TRUNCATE ${name}`, /emptied by TRUNCATE/],
  [
    'a row with the unique value of a restored one',
    (name: string) => `INSERT INTO ${name} VALUES (777, 1, 'm60')`,
    /23505 .*_email_key.* nothing was swapped/,
  ],
  ['another definition', (name: string) => `CREATE INDEX ON ${name} (parent)`, /index t\d+_parent_idx is missing/],
  ['another grant', (name: string) => `GRANT SELECT ON ${name} TO auditor`, /grants shop\.t\d+ differs/],
])('%s after the shadow was made is told, and production stays as it is', async (_, sql, says) => {
  const { run, name, tables } = await shop();
  await prepare(connection, run, [name]);
  await query(sql(name));
  const rows = await count(name);
  await expect(asLive(connection, (live) => swapTables(live, run, tables))).rejects.toThrow(says);
  expect(await count(name)).toBe(rows);
  const { dropped } = await asLive(connection, (live) => untilDone(() => cleanTables(live, run)));
  expect(dropped).toContain(`"lifeboat_new"."${tables[0]!.table}"`);
  expect(await query(`SELECT tgname FROM pg_trigger WHERE tgrelid = '${name}'::regclass AND NOT tgisinternal`)).toEqual(
    [],
  );
});

test('restored rows that refer to what is gone are told before the live table is touched', async () => {
  const { run, tables } = await shop();
  await query(
    `INSERT INTO shop.parents VALUES (99); UPDATE restored.${tables[0]!.table} SET parent = 99 WHERE id = 90; DELETE FROM shop.parents WHERE id = 99`,
  );
  await asLive(connection, async (live) => {
    await untilDone(() => capture(live, run, tables));
    await stage(live, run, tables[0]!);
    await expect(dress(live, run, tables)).rejects.toThrow(
      /1 of its rows refer, by foreign key t\d+_parent_fkey, to rows that shop\.parents does not have/,
    );
  });
});

test('restored rows that refer to restored ones which were deleted since are told before the swap', async () => {
  const { run, name, tables } = await shop();
  const both = [...tables, named(`${name}_notes`)];
  await query(`CREATE TABLE ${name}_notes (id int PRIMARY KEY, of int CONSTRAINT of_${run} REFERENCES ${name});
    INSERT INTO ${name}_notes VALUES (1, 7); CREATE TABLE restored.${both[1]!.table} AS SELECT * FROM ${name}_notes; DELETE FROM ${name}_notes`);
  await prepare(connection, run, [name, `${name}_notes`]);
  await query(`DELETE FROM ${name} WHERE id = 7`);
  await asLive(connection, (live) => untilDone(() => catchUp(live, run, both)));
  await expect(asLive(connection, (live) => swapTables(live, run, both))).rejects.toThrow(FOREIGN_KEY);
  expect(await count(name)).toBe(49);
});

test('tasks out of order say what comes first; a second recovery waits for the first to be cleaned up', async () => {
  const { run, name, tables } = await shop();
  await expect(asLive(connection, (live) => swapTables(live, run, tables))).rejects.toThrow(
    /writes are not captured .* capture them first/,
  );
  await asLive(connection, (live) => untilDone(() => capture(live, run, tables)));
  await expect(asLive(connection, (live) => swapTables(live, run, tables))).rejects.toThrow(/shadow is not dressed/);
  await prepare(connection, run, [name]);
  expect(await asLive(connection, (live) => catchUp(live, run, tables))).toMatchObject({ done: true, kept: 0 });
  await asLive(connection, (live) => untilDone(() => swapTables(live, run, tables)));
  await expect(asLive(connection, (live) => capture(live, 'next', tables))).rejects.toThrow(
    /still kept from an earlier recovery/,
  );
  await asLive(connection, (live) => untilDone(() => undoSwap(live, run, tables)));
  await expect(asLive(connection, (live) => swapTables(live, run, tables))).rejects.toThrow(/swap was undone/);
});

test('a swap whose foreign keys turn out not to hold can be undone, after which they hold again', async () => {
  const { run, name, tables } = await shop();
  await query(
    `CREATE TABLE ${name}_notes (of int CONSTRAINT of_${run} REFERENCES ${name}); INSERT INTO ${name}_notes VALUES (7)`,
  );
  await prepare(connection, run, [name]);
  await asClient(connection, async (holder) => {
    // The rows are counted before the lock, so a row can still go while it is waited for: here it goes by our own hand.
    await holder.query(`BEGIN; SELECT FROM ${name}`);
    const swapping = asLive(connection, (live) => untilDone(() => swapTables(live, run, tables)));
    const refused = expect(swapping).rejects.toThrow(
      /swapped, but 'ALTER TABLE shop\.t\d+_notes VALIDATE CONSTRAINT of_w\d+' found rows/,
    );
    while (!(await query(ASKING))[0]) await new Promise((resolve) => setTimeout(resolve, 5));
    await query(`DELETE FROM lifeboat_new.${tables[0]!.table} WHERE id = 7`);
    await holder.query('COMMIT');
    await refused;
  });
  expect(await count(name)).toBe(99);
  await asLive(connection, (live) => untilDone(() => undoSwap(live, run, tables)));
  expect(await count(name)).toBe(50);
  expect(await query(`SELECT convalidated FROM pg_constraint WHERE conname = 'of_${run}'`)).toEqual([
    { convalidated: true },
  ]);
});
