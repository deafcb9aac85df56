/**
 * Zephyr's database in a rehearsal: filled the same way every time, written to while it runs, and harmed on request.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { Connection } from '../../lambda/examiner/protocol';

/** Votes written by one statement: enough to be quick, few enough to show progress. */
const CHUNK = 100_000;
const VOTES_IN_A_POLL = 1000;

export async function connect(to: Connection): Promise<Client> {
  const client = new Client({ ...to, application_name: 'lifeboat rehearsal' });
  // The current or the next query is rejected with the error.
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Creates the schema and fills it. @returns bytes of the database */
export async function fill(to: Connection, votes: number, onProgress: (votes: number) => void): Promise<number> {
  const client = await connect(to);
  try {
    await client.query(schema());
    // Rows below refer to each other by construction; checking each key would take most of the time.
    await client.query('SET session_replication_role = replica');
    const polls = Math.ceil(votes / VOTES_IN_A_POLL);
    await client.query(`
      INSERT INTO polls (room_code, question, options, created_at)
      SELECT 'R' || i, 'Question ' || i, ARRAY['yes', 'no', 'maybe'], now() - (${polls} - i) * interval '1 minute'
      FROM generate_series(1, ${polls}) i;
      INSERT INTO participants (nickname, joined_at)
      SELECT 'participant ' || i, now() - interval '90 days' FROM generate_series(1, ${VOTES_IN_A_POLL}) i;
      INSERT INTO audit_logs (poll_id, actor, action, created_at)
      SELECT i, 'system', 'poll opened', now() - (${polls} - i) * interval '1 minute'
      FROM generate_series(1, ${polls}) i`);
    for (let from = 0; from < votes; from += CHUNK) {
      await client.query(`
        INSERT INTO votes (poll_id, participant_id, choice, session_id, user_agent, created_at)
        SELECT 1 + i / ${VOTES_IN_A_POLL}, 1 + i % ${VOTES_IN_A_POLL}, 1 + i * 7 % 3, md5(i::text)::uuid,
               'Mozilla/5.0 (X11; Linux x86_64; rv:' || 100 + i % 40 || '.0) Gecko/20100101 Firefox/' || 100 + i % 40,
               now() - (${votes} - i) * interval '10 ms'
        FROM generate_series(${from}::bigint, ${Math.min(from + CHUNK, votes) - 1}) i`);
      onProgress(Math.min(from + CHUNK, votes));
    }
    // As autovacuum would in time: from now on, count(*) reads only the index.
    await client.query('VACUUM (ANALYZE)');
    const { rows } = await client.query('SELECT pg_database_size(current_database())::float8 AS bytes');
    return rows[0].bytes;
  } finally {
    await client.end();
  }
}

/** Writes on, some dozens of votes a second, until it is stopped. */
export class Writer {
  /** Votes written so far. */
  written = 0;
  private readonly stopping = new AbortController();
  private readonly ended: Promise<void>;

  constructor(to: Connection) {
    this.ended = this.write(to);
    // Thrown by stop(); until then nothing else waits for it.
    this.ended.catch(() => {});
  }

  /** @throws when writing has failed meanwhile */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.ended;
  }

  private async write(to: Connection): Promise<void> {
    const client = await connect(to);
    try {
      while (!this.stopping.signal.aborted) {
        const { rowCount } = await client.query(`
          WITH poll AS (
            INSERT INTO polls (room_code, question, options)
            VALUES ('live ' || gen_random_uuid(), 'How is it going?', ARRAY['well', 'badly']) RETURNING id
          ), logged AS (
            INSERT INTO audit_logs (poll_id, actor, action) SELECT id, 'system', 'poll opened' FROM poll
          )
          INSERT INTO votes (poll_id, participant_id, choice) SELECT poll.id, p.id, 1 FROM poll, participants p LIMIT 5`);
        this.written += rowCount ?? 0;
        await sleep(100);
      }
    } finally {
      await client.end();
    }
  }
}

/** Runs the guide's monthly test, word for word. @returns what it says */
export async function guideTest(to: Connection, table: 'polls' | 'votes'): Promise<string> {
  const client = await connect(to);
  const test = `SELECT COUNT(*) FROM ${table};`;
  try {
    const { rows } = await client.query(test);
    return `${test}  ->  ${Number(rows[0].count).toLocaleString('en')}, "test passed"`;
  } catch (error) {
    return `${test}  ->  ${error instanceof Error ? error.message : error}`;
  } finally {
    await client.end();
  }
}

/** Reads a table from its own pages, as pg_dump does. @returns what that says */
export async function dumpTest(to: Connection, table: 'polls' | 'votes'): Promise<string> {
  const client = await connect(to);
  try {
    await client.query('SET enable_indexonlyscan = off; SET enable_indexscan = off; SET enable_bitmapscan = off');
    const { rows } = await client.query(`SELECT count(*) FROM ${table}`);
    return `${Number(rows[0].count).toLocaleString('en')} rows of ${table}, without an error`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await client.end();
  }
}

/** What a bad migration might do: it deletes polls that still have votes, and empties a table. */
export async function loseRows(to: Connection): Promise<{ orphaned: number }> {
  const client = await connect(to);
  try {
    await client.query('SET session_replication_role = replica');
    await client.query('DELETE FROM polls WHERE id BETWEEN 3 AND 5');
    await client.query('TRUNCATE audit_logs');
    const { rows } = await client.query('SELECT count(*)::float8 AS orphaned FROM votes WHERE poll_id BETWEEN 3 AND 5');
    return rows[0];
  } finally {
    await client.end();
  }
}

/** Two folders up from dist/bin as from here. */
function schema(): string {
  const file = join(__dirname, '..', '..', 'examples', 'zephyr', 'schema.sql');
  if (!existsSync(file)) throw new Error(`${file} is missing; install cdk-lifeboat again`);
  return readFileSync(file, 'utf8');
}
