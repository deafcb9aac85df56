/**
 * A session on one of both databases, encrypted and verified unless the database is on this machine. Every setting is
 * pinned that could change what is read, and `session_replication_role` is left alone: triggers and foreign keys of the
 * live tables count for what is merged as they do for everybody else.
 */
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Client, DatabaseError, escapeIdentifier, escapeLiteral } from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { clientFor, isLoopback, type Tls } from '../examiner/client';
import type { Deadline } from '../examiner/deadline';
import { IN_ENGLISH, isEnglish, NEWER_PINS, PINS, pinsOf, settings } from '../examiner/pins';
import type { Connection } from '../examiner/protocol';
import type { Row } from '../examiner/session';
import { endsSession, lost, OutOfTime, TablesRefused } from './refusals';

/** How long after the deadline a silent server is waited for. */
const GRACE_MS = 2_000;

/** Foreign tables are nobody's business here, and tables on both sides may be partitioned with them. */
const { restrict_nonsystem_relation_kind: _kind, ...TIMEOUTS } = NEWER_PINS;

export interface OpenOptions {
  readonly connection: Connection;
  readonly tls?: Tls;
  readonly deadline: Deadline;
  /** What errors call it. */
  readonly side: 'the live database' | 'the restored copy';
}

export class Session {
  private pins: Readonly<Record<string, string>> = PINS;
  private hungUp: Error | undefined;
  /** The search path of whoever logs in here: what triggers of the live tables are written for. */
  public loginPath = '';
  /** `server_version_num` */
  public version = 0;

  private constructor(
    private readonly client: Client,
    public readonly side: OpenOptions['side'],
    private readonly deadline: Deadline,
  ) {}

  /** @throws TablesNotReady, TablesRefused */
  public static async open({ connection, tls, deadline, side }: OpenOptions): Promise<Session> {
    const { host } = connection;
    if (!tls && !isLoopback(host)) {
      throw new TablesRefused(
        `${side}: ${host} is not this machine, so without TLS its password and rows would travel in the clear; ` +
          'give workOnTables() the certificate authorities to trust',
      );
    }
    // The search path stays as it is until it is known.
    const { search_path: _path, ...pins } = PINS;
    const client = clientFor(connection, tls, Math.max(1, Math.ceil(deadline.left())), pins, 'long messages');
    const session = new Session(client, side, deadline);
    client.on('error', (error) => {
      session.hungUp ??= error;
    });
    try {
      await client.connect();
      await session.learnPins();
      return session;
    } catch (error) {
      session.destroy();
      throw lost(side, session.hungUp ?? error);
    }
  }

  /** Runs one statement, or several separated by semicolons, of which it gives the last one's rows. */
  public async rows(sql: string): Promise<readonly Row[]> {
    const left = this.deadline.left();
    if (left <= 0) throw new OutOfTime('the time of this call is over');
    try {
      const query = { text: sql, rowMode: 'array' as const, query_timeout: left + GRACE_MS };
      const result = await this.client.query<(string | null)[]>(query);
      // Several statements have several results, which the types of pg do not tell.
      const results = Array.isArray(result) ? result : [result];
      return results[results.length - 1].rows;
    } catch (error) {
      throw this.told(error);
    }
  }

  /** The only row of a statement that always has one. */
  public async row(sql: string): Promise<Row> {
    return (await this.rows(sql))[0]!;
  }

  /**
   * Runs statements in a transaction with every setting pinned, each seeing what was committed before it.
   *
   * @param pins further settings, for this transaction alone
   */
  public async transaction<T>(
    mode: 'READ ONLY' | 'READ WRITE',
    statements: () => Promise<T>,
    pins: Readonly<Record<string, string>> = {},
  ): Promise<T> {
    const timeout = String(Math.max(1, Math.floor(this.deadline.left())));
    const set = settings('SET LOCAL', { ...this.pins, ...pins, statement_timeout: timeout });
    let result: T;
    try {
      await this.rows(`BEGIN ISOLATION LEVEL READ COMMITTED ${mode}; ${set}`);
      result = await statements();
    } catch (error) {
      // Where the session is lost, its transaction is, too, and why it was lost is told already.
      await this.client.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
    await this.rows(mode === 'READ WRITE' ? 'COMMIT' : 'ROLLBACK');
    return result;
  }

  /** One statement that may write, in a transaction of its own. */
  public write(sql: string): Promise<readonly Row[]> {
    return this.transaction('READ WRITE', () => this.rows(sql));
  }

  /** One statement that only reads, in a transaction of its own. */
  public read(sql: string): Promise<readonly Row[]> {
    return this.transaction('READ ONLY', () => this.rows(sql));
  }

  /**
   * Copies rows from a session that is in a transaction to another one that is, in bounded memory, whatever a row's size.
   *
   * @param out `COPY ... TO STDOUT`, run here
   * @param into `COPY ... FROM STDIN` in the same format, run there
   * @returns how many rows
   */
  public async copy(out: string, other: Session, into: string): Promise<number> {
    const signal = AbortSignal.timeout(Math.max(1, Math.ceil(this.deadline.left() + GRACE_MS)));
    const target = other.client.query(copyFrom(into));
    let failed = true;
    try {
      const source: Readable = this.client.query(copyTo(out));
      await pipeline(source, target, { signal });
      failed = false;
      return target.rowCount;
    } catch (error) {
      const first = other.hungUp ?? this.hungUp ?? error;
      throw (error instanceof DatabaseError ? other : this).told(first);
    } finally {
      // Neither side knows where in the protocol the other one stopped.
      if (failed) for (const session of [this, other]) session.destroy();
    }
  }

  public async close(): Promise<void> {
    const ended = this.client.end().catch(() => undefined);
    const timer = setTimeout(() => this.destroy(), GRACE_MS);
    await ended.finally(() => clearTimeout(timer));
  }

  public destroy(): void {
    this.client.connection.stream.destroy();
  }

  /** An error as tasks handle it: the server's own, the call's time, or a session that is lost. */
  private told(error: unknown): unknown {
    const over = this.deadline.left() < GRACE_MS / 4;
    if (over && error instanceof DatabaseError && error.code === '57014') return new OutOfTime('ran out of time');
    return endsSession(error) ? lost(this.side, this.hungUp ?? error) : error;
  }

  private async learnPins(): Promise<void> {
    const names = ['server_encoding', 'server_version_num', 'lc_messages', 'search_path', ...Object.keys(TIMEOUTS)];
    const query = `
      SELECT pg_catalog.json_object_agg(name, setting) FROM pg_catalog.pg_settings
      WHERE name OPERATOR(pg_catalog.=) ANY ('{${names.join(',')}}'::pg_catalog.text[])`;
    const { rows } = await this.client.query<string[]>({ text: query, rowMode: 'array' });
    const known = new Map<string, string>(Object.entries<string>(JSON.parse(rows[0]![0]!)));
    this.loginPath = known.get('search_path') ?? '';
    this.version = Number(known.get('server_version_num'));
    const { restrict_nonsystem_relation_kind: _kind, ...pins } = pinsOf(known);
    const language = isEnglish(known.get('lc_messages') ?? '') ? {} : IN_ENGLISH;
    this.pins = { ...pins, lc_monetary: 'C' };
    await this.client.query(settings('SET', this.pins));
    // Who may not set it reads conditions in another language: only codes are relied on here.
    for (const [name, value] of Object.entries<string>(language)) {
      await this.client.query(`SET ${name} = ${escapeLiteral(value)}`).catch(() => undefined);
    }
  }
}

export const quoted = ({ schema, table }: { readonly schema: string; readonly table: string }): string =>
  `${escapeIdentifier(schema)}.${escapeIdentifier(table)}`;
