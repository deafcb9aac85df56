/** A live database with tables of a shop, owned by a master user as on RDS, and what tests of swaps do with it. */
import { Client, type ClientConfig } from 'pg';
import type { Connection } from '../../../lambda/examiner/protocol';
import { columnsOf } from '../../../lambda/swap/anatomy';
import { capture } from '../../../lambda/swap/capture';
import { catchUp } from '../../../lambda/swap/catch-up';
import { dress } from '../../../lambda/swap/dress';
import { Live } from '../../../lambda/swap/live';
import { list, sqlName } from '../../../lambda/swap/names';
import { makeShadow } from '../../../lambda/swap/shadow';
import type { TableName } from '../../../lambda/tables/protocol';
import { Session } from '../../../lambda/tables/session';
import type { Cluster } from '../../../rehearsal/postgres/cluster';

/** Lifeboat's user: it owns the database, and is no superuser. */
export async function master(cluster: Cluster, database: string): Promise<Connection> {
  const [found] = (await cluster.query("SELECT FROM pg_roles WHERE rolname = 'master'")).rows;
  if (!found) {
    await cluster.query(
      "CREATE ROLE master LOGIN CREATEDB CREATEROLE PASSWORD 'master-password' IN ROLE rds_superuser",
    );
    await cluster.query('CREATE ROLE app; CREATE ROLE reader; CREATE ROLE auditor; GRANT app TO master');
  }
  await cluster.query(`CREATE DATABASE ${database} OWNER master`);
  return { ...cluster.superuser, user: 'master', password: 'master-password', database };
}

export async function asClient<T>(connection: ClientConfig, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(connection);
  // The server may end it; the query that meets that fails.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export async function asLive<T>(
  connection: Connection,
  work: (live: Live, session: Session) => Promise<T>,
  seconds = 60,
): Promise<T> {
  const end = performance.now() + seconds * 1000;
  const deadline = { left: () => end - performance.now() };
  const session = await Session.open({ connection, deadline, side: 'the live database' });
  try {
    return await work(new Live(session, deadline), session);
  } finally {
    await session.close();
  }
}

export const named = (name: string): TableName => {
  const [schema, table] = name.split('.');
  return { schema: schema!, table: table! };
};

/** What is left to do before the swap itself. Rows come from tables of the same names in the schema `restored`. */
export async function prepare(connection: Connection, run: string, names: readonly string[]): Promise<void> {
  const tables = names.map(named);
  await asLive(connection, async (live) => {
    await untilDone(() => capture(live, run, tables));
    for (const table of tables) await stage(live, run, table);
    await untilDone(() => dress(live, run, tables));
    await untilDone(() => catchUp(live, run, tables));
  });
}

export async function stage(live: Live, run: string, table: TableName): Promise<void> {
  await live.transaction(async () => {
    await makeShadow(live, run, table);
    const [staged] = await live.rows(`SELECT EXISTS (SELECT FROM lifeboat_new.${table.table})`);
    if (staged![0] === 't') return;
    const columns = list(await columnsOf(live, `'${sqlName(table)}'`));
    await live.rows(`INSERT INTO lifeboat_new.${table.table} (${columns}) OVERRIDING SYSTEM VALUE
      SELECT ${columns} FROM restored.${table.table}`);
  });
}

export async function untilDone<T extends { readonly done: boolean }>(task: () => Promise<T>): Promise<T> {
  for (let call = 0; call < 50; call++) {
    const result = await task();
    if (result.done) return result;
  }
  throw new Error('not done after 50 calls');
}
