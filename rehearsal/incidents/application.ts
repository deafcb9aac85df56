/**
 * Zephyr's service in a rehearsal: it keeps reading and writing, and counts what its users would notice.
 *
 * Like a container it reads where its database is when it starts, and goes there until it is restarted, so a cut-over
 * without a restart would show. It remembers each vote that PostgreSQL confirmed, so that a loss is known to the row.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import type { Connection } from '../../lambda/examiner/protocol';
import { connect } from '../story/zephyr-data';

export interface Account {
  /** Votes that were confirmed. */
  readonly written: number;
  /** Requests that failed, reads and writes. */
  readonly failed: number;
  /** The first failure, in PostgreSQL's words; null without one. */
  readonly firstFailure: string | null;
  /** Reads that found no vote at all. */
  readonly foundEmpty: number;
  /** Longest time between two writes that were confirmed, in milliseconds. */
  readonly writePauseMs: number;
  /** The same of reads. */
  readonly readPauseMs: number;
  readonly restarts: number;
}

/** Between two requests of each kind. */
const EVERY_MS = 20;

const WRITE = `
  WITH poll AS (
    INSERT INTO polls (room_code, question, options)
    VALUES ('live ' || gen_random_uuid(), 'How is it going?', ARRAY['well', 'badly']) RETURNING id
  )
  INSERT INTO votes (poll_id, participant_id, choice)
  SELECT poll.id, p.id, 1 FROM poll, (SELECT id FROM participants ORDER BY id LIMIT 5) p RETURNING id`;

export class Application {
  /** Ids of votes that were confirmed. */
  private readonly confirmed: number[] = [];
  private readonly writes = new Pauses();
  private readonly reads = new Pauses();
  private failed = 0;
  private firstFailure: string | null = null;
  private foundEmpty = 0;
  private restarts = 0;
  private running: { readonly stopping: AbortController; readonly ended: Promise<unknown> } | undefined;

  /** @param findDatabase reads where the database is, and the password, as from the plan's secret */
  constructor(private readonly findDatabase: () => Promise<Connection>) {}

  async start(): Promise<void> {
    if (this.running) throw new Error('the application runs already');
    const to = await this.findDatabase();
    const stopping = new AbortController();
    const work = (once: (client: Client) => Promise<void>) => this.keepAt(to, once, stopping.signal);
    const ended = Promise.all([work((client) => this.write(client)), work((client) => this.read(client))]);
    this.running = { stopping, ended };
  }

  /** As a new deployment does: what was read at the start is read again. */
  async restart(): Promise<void> {
    await this.stop();
    this.restarts++;
    await this.start();
  }

  async stop(): Promise<void> {
    const { running } = this;
    this.running = undefined;
    running?.stopping.abort();
    await running?.ended;
  }

  get account(): Account {
    const { failed, firstFailure, foundEmpty, restarts } = this;
    const [writePauseMs, readPauseMs] = [this.writes.longest, this.reads.longest];
    return { written: this.confirmed.length, failed, firstFailure, foundEmpty, writePauseMs, readPauseMs, restarts };
  }

  /** Votes that were confirmed to users, and that a database does not hold. */
  async lostIn(to: Connection): Promise<number> {
    const client = await connect(to);
    try {
      const sql =
        'SELECT count(*)::int AS lost FROM unnest($1::bigint[]) v (id) WHERE v.id NOT IN (SELECT id FROM votes)';
      return (await client.query<{ lost: number }>(sql, [this.confirmed])).rows[0]!.lost;
    } finally {
      await client.end();
    }
  }

  /** One request after the other, on one connection that is made again after a failure. */
  private async keepAt(to: Connection, once: (client: Client) => Promise<void>, stop: AbortSignal): Promise<void> {
    let client: Client | undefined;
    while (!stop.aborted) {
      try {
        client ??= await connect(to);
        await once(client);
      } catch (error) {
        this.failed++;
        this.firstFailure ??= error instanceof Error ? error.message : String(error);
        // The connection may be fine and the statement not; a service does not know either.
        await close(client);
        client = undefined;
      }
      await sleep(EVERY_MS);
    }
    await close(client);
  }

  private async write(client: Client): Promise<void> {
    const { rows } = await client.query<{ id: string }>(WRITE);
    for (const { id } of rows) this.confirmed.push(Number(id));
    this.writes.note();
  }

  private async read(client: Client): Promise<void> {
    const { rows } = await client.query<{ any: boolean }>('SELECT EXISTS (SELECT FROM votes) AS any');
    if (!rows[0]!.any) this.foundEmpty++;
    this.reads.note();
  }
}

/** The longest time between two successes. */
class Pauses {
  longest = 0;
  private last: number | undefined;

  note(): void {
    const now = performance.now();
    if (this.last !== undefined) this.longest = Math.max(this.longest, Math.round(now - this.last));
    this.last = now;
  }
}

async function close(client: Client | undefined): Promise<void> {
  // Where the connection is broken, there is nothing to end.
  await client?.end().catch(() => {});
}
