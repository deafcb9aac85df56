/** The list of tables that a run made in the live database: staging enters its own there, and so do shadows. */
import { escapeLiteral } from 'pg';
import { OWN_SCHEMA, STAGING_SCHEMA, type TableName } from '../tables/protocol';
import { type Asks, quoted, sqlName } from './names';

const OBJECTS = `${OWN_SCHEMA}.objects`;
const LEDGER = `${OWN_SCHEMA}.ledger`;

export async function ensureObjects(db: Asks): Promise<void> {
  await db.rows(`CREATE TABLE IF NOT EXISTS ${OBJECTS} (run text, tab text, purpose text, schema text NOT NULL, name text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (run, tab, purpose))`);
}

export async function enterObject(db: Asks, run: string, table: TableName): Promise<void> {
  const values = [run, sqlName(table), 'staging', STAGING_SCHEMA, table.table].map((value) => escapeLiteral(value));
  await db.rows(
    `INSERT INTO ${OBJECTS} (run, tab, purpose, schema, name) VALUES (${values.join(', ')}) ON CONFLICT DO NOTHING`,
  );
}

/** Drops what merges of the run made, and forgets what it did. @returns what was dropped */
export async function dropObjects(db: Asks, run: string): Promise<string[]> {
  const dropped: string[] = [];
  const [objects, ledger] = (await db.rows(`SELECT to_regclass('${OBJECTS}'), to_regclass('${LEDGER}')`))[0]!;
  const mine = `run = ${escapeLiteral(run)}`;
  if (objects !== null) {
    for (const [schema, name] of await db.rows(
      `SELECT schema, name FROM ${OBJECTS} WHERE ${mine} ORDER BY schema, name`,
    )) {
      const table = quoted(schema!, name!);
      const [there] = await db.rows(`SELECT to_regclass(${escapeLiteral(table)}) IS NOT NULL`);
      if (there![0] === 'f') continue;
      await db.rows(`DROP TABLE ${table}`);
      dropped.push(table);
    }
    await db.rows(`DELETE FROM ${OBJECTS} WHERE ${mine}`);
  }
  if (ledger !== null) await db.rows(`DELETE FROM ${LEDGER} WHERE ${mine}`);
  return dropped;
}

/** Our own tables go once no run is in them. */
export async function dropEmptyTables(db: Asks): Promise<string[]> {
  const dropped: string[] = [];
  for (const table of [OBJECTS, LEDGER, `${OWN_SCHEMA}.swaps`]) {
    const [there] = await db.rows(`SELECT to_regclass('${table}') IS NOT NULL`);
    if (there![0] === 'f') continue;
    const [used] = await db.rows(`SELECT EXISTS (SELECT FROM ${table})`);
    if (used![0] === 't') continue;
    await db.rows(`DROP TABLE ${table}`);
    dropped.push(table);
  }
  return dropped;
}
