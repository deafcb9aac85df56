/** A live database and a copy of it, owned by a master user who is not a superuser, as on RDS. */
import { Client } from 'pg';
import type { Connection } from '../../../lambda/examiner/protocol';
import type {
  Comparison,
  TableName,
  TableRef,
  TablesAnswers,
  TablesRequest,
  Way,
} from '../../../lambda/tables/protocol';
import { workOnTables } from '../../../lambda/tables/work';
import type { Database } from '../../real/database';

export interface BothSides {
  readonly live: Connection;
  readonly copy: Connection;
  /** As the owner of the live database's tables. */
  run(sql: string): Promise<readonly (readonly (string | null)[])[]>;
  runInCopy(sql: string): Promise<readonly (readonly (string | null)[])[]>;
}

let number = 0;

/**
 * Fills a database as its owner, takes a copy of it, and then does the damage in the live one.
 *
 * @param superuser what the owner may not do itself, before it fills the database
 */
export async function bothSides(
  database: Database,
  schema: string,
  damage: string,
  superuser = '',
): Promise<BothSides> {
  const name = `side${++number}`;
  const { cluster } = database;
  await cluster.query(`DO $$ BEGIN
    IF to_regrole('owner') IS NULL THEN CREATE ROLE owner LOGIN CREATEDB CREATEROLE PASSWORD 'owner'; END IF; END $$`);
  await cluster.query(`CREATE DATABASE ${name} OWNER owner`);
  if (superuser) await cluster.query(superuser, [], name);
  const live: Connection = { ...cluster.superuser, user: 'owner', password: 'owner', database: name };
  const copy: Connection = { ...live, database: `${name}_copy` };
  await query(live, schema);
  await cluster.query(`CREATE DATABASE ${name}_copy TEMPLATE ${name} OWNER owner`);
  await query(live, damage);
  return { live, copy, run: (sql) => query(live, sql), runInCopy: (sql) => query(copy, sql) };
}

export async function query(connection: Connection, sql: string): Promise<readonly (readonly (string | null)[])[]> {
  const client = new Client({ ...connection, types: { getTypeParser: () => (value: string) => value } });
  await client.connect();
  try {
    const result = await client.query<(string | null)[]>({ text: sql, rowMode: 'array' });
    return (Array.isArray(result) ? result[result.length - 1] : result).rows;
  } finally {
    await client.end();
  }
}

const ask = workOnTables();

/** Calls until it is done, as the conductor does. */
export async function done<Task extends TablesRequest>(
  request: Task,
  call: <Asked extends Task>(request: Asked) => Promise<TablesAnswers[Asked['task']]> = ask,
): Promise<TablesAnswers[Task['task']]> {
  for (let calls = 0; calls < 1_000; calls++) {
    const answer = await call(request);
    if (answer.done) return answer;
  }
  throw new Error(`${request.task} was not done after 1000 calls`);
}

export const shop = (table: string): TableName => ({ schema: 'shop', table });

export class Recovery {
  constructor(
    private readonly sides: BothSides,
    public readonly way: Way,
    public readonly run = `r${++number}`,
  ) {}

  private get both() {
    const { live, copy } = this.sides;
    return { run: this.run, live, copy };
  }

  public plan(...tables: readonly string[]) {
    return done({ task: 'plan-tables', ...this.both, way: this.way, tables: tables.map(shop) });
  }

  /** @throws Error with what the plan refuses */
  public async planned(table: string): Promise<TableRef> {
    const { tables, refused } = await this.plan(table);
    if (refused.length > 0) throw new Error(refused.join('; '));
    return tables[0]!;
  }

  public async compare(table: string, ref?: TableRef): Promise<Comparison & { ref: TableRef }> {
    const planned = ref ?? (await this.planned(table));
    return { ...(await done({ task: 'compare-table', ...this.both, table: planned })), ref: planned };
  }

  public async stage({ ref, list }: { ref: TableRef; list?: string }) {
    const request = { ...this.both, way: this.way, table: ref, list: list ?? '' };
    const staged = await done({ task: 'stage-table', ...request });
    return { staged, verified: await done({ task: 'verify-staged', ...request }) };
  }

  public merge(ref: TableRef) {
    if (this.way === 'swap') throw new Error('a swap merges nothing');
    return done({ task: 'merge-table', ...this.both, way: this.way, table: ref });
  }

  public undo(...tables: readonly string[]) {
    return done({ task: 'undo-tables', ...this.both, way: this.way, tables: tables.map(shop) });
  }

  /** From the dry run to the merge. */
  public async recover(table: string) {
    const compared = await this.compare(table);
    const { staged } = await this.stage(compared);
    return { compared, staged, merged: await this.merge(compared.ref) };
  }
}
