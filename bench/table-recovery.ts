/**
 * What it costs to bring a table back: the dry run and the staging against a bare COPY of the same table, and a merge
 * against the way of guides, which is a text COPY into a table with its key, foreign key and indexes.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Client } from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import type { Connection } from '../lambda/examiner/protocol';
import type { TableRef, TablesAnswers, TablesRequest, Way } from '../lambda/tables/protocol';
import { workOnTables } from '../lambda/tables/work';
import { copyTree } from '../rehearsal/machine/copy-tree';
import { runFolder } from '../rehearsal/machine/workspace';
import { type Cluster, createCluster } from '../rehearsal/postgres/cluster';
import { alternate, type Measurement, median, type Progress, ratio, seconds, secondsOf } from './measurement';

const ROWS = 1_000_000;
const MANY = 10_000_000;
const ROUNDS = 3;
const DATABASE = 'bench';
const KB = 1024;

const COLUMNS = `id bigint, customer int NOT NULL, cents bigint NOT NULL, state text NOT NULL, details text,
  at timestamptz NOT NULL`;
const SCHEMA = `
  CREATE SCHEMA shop; CREATE TABLE shop.customers (id int PRIMARY KEY);
  INSERT INTO shop.customers SELECT generate_series(1, 50000);
  CREATE TABLE shop.orders (${COLUMNS});
  INSERT INTO shop.orders SELECT n, 1 + n % 50000, n * 7, (ARRAY['open', 'paid', 'sent'])[1 + n % 3], repeat(md5(n::text), 3),
    now() - n * interval '1 second' FROM generate_series(1, ${ROWS}) n;
  ALTER TABLE shop.orders ADD PRIMARY KEY (id), ADD FOREIGN KEY (customer) REFERENCES shop.customers;
  CREATE INDEX ON shop.orders (customer); CREATE INDEX ON shop.orders (at);
  CREATE TABLE shop.many (id bigint PRIMARY KEY, n int NOT NULL);
  INSERT INTO shop.many SELECT n, n FROM generate_series(1, ${MANY}) n`;

export async function tableRecovery(progress: Progress): Promise<Measurement[]> {
  const folder = runFolder();
  const settings = { autovacuum: 'off' };
  const live = await createCluster({ folder: join(folder, 'live'), settings, superuserIsClient: true });
  let copy: Cluster | undefined;
  try {
    await live.start();
    progress(
      `filling two tables: ${ROWS.toLocaleString('en')} rows with key, foreign key and indexes, and ${MANY.toLocaleString('en')}`,
    );
    await live.query(`CREATE DATABASE ${DATABASE}`);
    await live.query(SCHEMA, [], DATABASE);
    await live.query('VACUUM ANALYZE', [], DATABASE);
    progress('copying the server, as a restore would');
    await live.stop();
    const fill = async (data: string) => void (await copyTree(live.dataDirectory, data));
    copy = await createCluster({ folder: join(folder, 'copy'), settings, superuserIsClient: true, fill });
    await live.start();
    await copy.start();
    const at = ({ host, port }: Cluster) => ({ ...live.superuser, host, port, database: DATABASE });
    return await measure(new Bench(at(live), at(copy)), progress);
  } finally {
    await copy?.remove();
    await live.remove();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(bench: Bench, progress: Progress): Promise<Measurement[]> {
  progress('one of each kind that does not count');
  await bench.bareCopy();
  const dry: number[] = [];
  const merges: number[] = [];
  const locked: number[] = [];
  const merge = async () => {
    const parts = await bench.insertMissing();
    dry.push(parts.dryRun);
    merges.push(parts.merged);
    locked.push(parts.longest);
    return parts.merged;
  };
  progress(`the dry run and the merge of half the rows, and the guides' way, ${ROUNDS} of each`);
  const merged = await alternate(ROUNDS, merge, () => bench.guidesWay());
  progress(`staging with its verification, and a bare COPY, ${ROUNDS} of each`);
  const staged = await alternate(
    ROUNDS,
    () => bench.stageAll('orders', ROWS),
    () => bench.bareCopy(),
  );
  progress(`${MANY.toLocaleString('en')} rows: dry run, staging and verification`);
  const peak = await peakOf(async () => {
    await bench.dryRun('many');
    await bench.stageAll('many', MANY);
  });
  return [
    {
      what: `dry run of ${ROWS.toLocaleString('en')} rows, half of them missing / a bare binary COPY`,
      limit: 3,
      ...ratio({ ours: dry, theirs: staged.theirs }, seconds),
    },
    {
      what: "insert-missing of half the rows, staged and verified / the guides' text COPY",
      limit: 1,
      ...ratio(merged, seconds),
    },
    {
      what: 'staging of all rows, verified / a bare binary COPY',
      limit: 2.2,
      ...ratio(staged, seconds),
    },
    {
      what: "a bare binary COPY / the guides' text COPY",
      limit: null,
      ...ratio({ ours: staged.theirs, theirs: merged.theirs }, seconds),
    },
    {
      what: 'longest pause of a reader of the live table beside a merge',
      measured: median(locked) / 1000,
      unit: 's',
      limit: null,
      from: `median of ${locked.length} merges`,
    },
    {
      what: `memory for ${MANY.toLocaleString('en')} rows, this benchmark included`,
      measured: peak,
      unit: 'KB',
      limit: 256 * KB,
      from: 'the peak',
    },
  ];
}

class Bench {
  private number = 0;

  constructor(
    private readonly live: Connection,
    private readonly copy: Connection,
  ) {}

  /** Into a table without anything, in the binary form. */
  public async bareCopy(): Promise<number> {
    await this.inLive('DROP TABLE IF EXISTS shop.bare; CREATE TABLE shop.bare (LIKE shop.orders)');
    return secondsOf(() => this.pipe('bare', '(FORMAT binary)'));
  }

  public async guidesWay(): Promise<number> {
    await this.inLive(`
      DROP TABLE IF EXISTS shop.bare; DROP TABLE IF EXISTS shop.guides;
      CREATE TABLE shop.guides (LIKE shop.orders, PRIMARY KEY (id), FOREIGN KEY (customer) REFERENCES shop.customers);
      CREATE INDEX ON shop.guides (customer); CREATE INDEX ON shop.guides (at)`);
    const took = await secondsOf(() => this.pipe('guides', ''));
    await this.inLive('DROP TABLE shop.guides');
    return took;
  }

  /** Half of the rows gone, and brought back. */
  public async insertMissing(): Promise<{ dryRun: number; merged: number; longest: number }> {
    await this.inLive('DELETE FROM shop.orders WHERE id % 2 = 0; VACUUM shop.orders');
    const { ref, list, took } = await this.dryRun('orders');
    const watch = this.watchReader();
    const merged = await secondsOf(async () => {
      await this.stage('insert-missing', ref, list, ROWS / 2);
      const { written } = await this.ask({ task: 'merge-table', ...this.both, way: 'insert-missing', table: ref });
      if (written !== ROWS / 2) throw new Error(`${written} rows were merged`);
    });
    return { dryRun: took, merged, longest: await watch() };
  }

  public async dryRun(table: string): Promise<{ ref: TableRef; list: string; took: number }> {
    await this.clean();
    const plan = await this.ask({
      task: 'plan-tables',
      ...this.both,
      way: 'insert-missing',
      tables: [{ schema: 'shop', table }],
    });
    if (plan.refused.length > 0) throw new Error(plan.refused.join('; '));
    const ref = plan.tables[0]!;
    const start = performance.now();
    const { list } = await this.ask({ task: 'compare-table', ...this.both, table: ref });
    return { ref, list: list!, took: (performance.now() - start) / 1000 };
  }

  public async stageAll(table: string, rows: number): Promise<number> {
    const { ref, list } = await this.dryRun(table);
    return secondsOf(() => this.stage('swap', ref, list, rows));
  }

  private async stage(way: Way, table: TableRef, list: string, rows: number): Promise<void> {
    await this.ask({ task: 'stage-table', ...this.both, way, table, list });
    const verified = await this.ask({ task: 'verify-staged', ...this.both, way, table, list });
    if (verified.rows !== rows) throw new Error(`${verified.rows} rows were staged instead of ${rows}`);
  }

  private get both() {
    return { run: `bench${this.number}`, live: this.live, copy: this.copy };
  }

  private async clean(): Promise<void> {
    this.number++;
    for (const side of [this.live, this.copy]) {
      await inDatabase(side, 'DROP SCHEMA IF EXISTS lifeboat, lifeboat_new CASCADE');
    }
  }

  private async ask<Task extends TablesRequest>(request: Task): Promise<TablesAnswers[Task['task']]> {
    const answer = await workOnTables()(request);
    if (!answer.done) throw new Error(`${request.task} was not done in one call`);
    return answer;
  }

  private async pipe(into: string, format: string): Promise<void> {
    await inSession(this.copy, (out) =>
      inSession(this.live, async (target) => {
        const source = out.query(copyTo(`COPY shop.orders TO STDOUT ${format}`));
        await pipeline(source, target.query(copyFrom(`COPY shop.${into} FROM STDIN ${format}`)));
      }),
    );
  }

  private inLive(sql: string): Promise<void> {
    return inDatabase(this.live, sql);
  }

  /** @returns ends the watch, and gives the longest pause in milliseconds */
  private watchReader(): () => Promise<number> {
    let longest = 0;
    let reading = true;
    const reader = inSession(this.live, async (client) => {
      while (reading) {
        const start = performance.now();
        await client.query('SELECT count(*) FROM shop.orders WHERE id BETWEEN 5000 AND 5010');
        longest = Math.max(longest, performance.now() - start);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
    return async () => {
      reading = false;
      await reader;
      return longest;
    };
  }
}

async function inSession<T>(connection: Connection, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ ...connection });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

const inDatabase = (connection: Connection, sql: string): Promise<void> =>
  inSession(connection, async (client) => {
    for (const statement of sql.split('; ')) await client.query(statement);
  });

/** Kilobytes of memory at most, meanwhile. */
async function peakOf(work: () => Promise<void>): Promise<number> {
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss() / KB);
  }, 20);
  try {
    await work();
    return peak;
  } finally {
    clearInterval(watch);
  }
}
