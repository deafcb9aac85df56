/**
 * A session on the copy: encrypted and verified unless the copy is on this machine, with every setting pinned that
 * could change what a check reads.
 */
import { type Client, DatabaseError, escapeLiteral, type QueryArrayResult, type QueryConfig } from 'pg';
import { clientFor, isLoopback, MessageTooLong, type Tls } from './client';
import type { Deadline } from './deadline';
import { CopyNotReady, CopyRefused, CopySilent, ended, OutOfTime, unreachable } from './lost-session';
import {
  AS_REPLICA,
  AT_THE_START,
  IN_ENGLISH,
  isEnglish,
  NEWER_PINS,
  NO_WORKERS,
  PINS,
  pinsOf,
  settings,
} from './pins';
import { isFromFunction, isFunctionsContext, printable } from './postgres-error';
import type { Connection } from './protocol';

export type Row = readonly (string | null)[];

export interface Answer {
  readonly rows: readonly Row[];
  /** Type OID of each column; the base type's for a domain. */
  readonly types: readonly number[];
}

/** Warnings that are kept between two readings. */
const MAX_WARNINGS = 100;
/** How long after the deadline a silent server is waited for. */
const GRACE_MS = 2_000;
/** A statement that was cancelled so shortly before the deadline was cancelled because of it. */
const CLOSE_MS = 100;

export class Session {
  /** The server's own account of why it hung up comes apart from the statement that it cut off. */
  private hungUp: Error | undefined;
  private pins: Readonly<Record<string, string>> = PINS;
  private readonly damaged: string[] = [];
  private backend = 0;
  /** The language of its messages, where that is not English and may not be changed. */
  public foreignMessages: string | undefined;
  private limit: Deadline;

  private constructor(
    private readonly client: Client,
    private readonly where: string,
    private readonly deadline: Deadline,
    /** Whether triggers that are not for replicas stay still. */
    public readonly isReplica: boolean,
  ) {
    this.limit = deadline;
  }

  /**
   * @throws CopyNotReady, CopyRefused
   */
  public static async open(connection: Connection, tls: Tls | undefined, deadline: Deadline): Promise<Session> {
    const { host, port } = connection;
    if (!tls && !isLoopback(host)) {
      throw new CopyRefused(
        `${host} is not this machine, so without TLS its password and rows would travel in the clear; ` +
          'give examine() the certificate authorities to trust',
      );
    }
    const where = `${host}:${port}`;
    const attemptAs = (isReplica: boolean) => Session.connect(connection, tls, deadline, isReplica);
    try {
      return await attemptAs(true).catch((error) => {
        const refused = error instanceof DatabaseError && error.code === '42501' && !isFromFunction(error);
        if (refused && error.message.includes('session_replication_role')) return attemptAs(false);
        throw error;
      });
    } catch (error) {
      throw error instanceof CopyNotReady || error instanceof CopyRefused ? error : unreachable(where, error);
    }
  }

  private static async connect(
    connection: Connection,
    tls: Tls | undefined,
    deadline: Deadline,
    isReplica: boolean,
  ): Promise<Session> {
    const left = Math.max(1, Math.ceil(deadline.left()));
    const client = clientFor(connection, tls, left, { ...PINS, ...AT_THE_START, ...(isReplica && AS_REPLICA) });
    const session = new Session(client, `${connection.host}:${connection.port}`, deadline, isReplica);
    client.on('error', (error) => {
      session.hungUp ??= error;
    });
    client.on('notice', ({ code, where: context, message }) => {
      const believed = code === 'XX001' && !isFunctionsContext(context);
      if (believed && session.damaged.length < MAX_WARNINGS) session.damaged.push(printable(message ?? code));
    });
    try {
      await client.connect();
      await session.learnPins();
    } catch (error) {
      await session.close();
      throw error;
    }
    return session;
  }

  /**
   * Runs statements in a transaction with every setting pinned, and rolls it back unless it is to write.
   *
   * @param pins further settings, for this transaction alone
   */
  public async transaction<T>(
    mode: 'READ ONLY' | 'READ WRITE',
    statements: () => Promise<T>,
    pins: Readonly<Record<string, string>> = {},
  ): Promise<T> {
    const set = settings('SET LOCAL', { ...this.pins, ...pins, statement_timeout: this.timeLeft });
    let done = false;
    try {
      await this.rows(`BEGIN ISOLATION LEVEL REPEATABLE READ ${mode}; ${set}`);
      const result = await statements();
      done = true;
      return result;
    } finally {
      const end = done && mode === 'READ WRITE' ? 'COMMIT' : 'ROLLBACK';
      // Where the session is lost, the transaction is, too, and why it was lost is told already.
      if (done) await this.rows(end);
      else await this.rows(end).catch(() => undefined);
    }
  }

  /**
   * Gives some work less time than the call has left.
   *
   * @throws OutOfTime, CopySilent when that is over
   */
  public async within<T>(limit: Deadline, work: () => Promise<T>): Promise<T> {
    this.limit = limit;
    try {
      return await work();
    } finally {
      this.limit = this.deadline;
    }
  }

  /** Warnings of damaged pages since the last time it was asked: whatever was read then was read in part. */
  public damageWarnings(): string[] {
    return this.damaged.splice(0);
  }

  /**
   * Runs one statement that can't be in a transaction, with every setting pinned.
   *
   * @param pins further settings, for this statement alone
   */
  public async alone(statement: string, pins: Readonly<Record<string, string>> = {}): Promise<void> {
    const { role = 'none', ...others } = { ...this.pins, ...pins };
    const pinned = { ...others, default_transaction_read_only: 'off', statement_timeout: this.timeLeft };
    // Last, since that role may not be allowed to set all of them.
    await this.rows(`${settings('SET', { role: 'none', ...pinned })}; ${settings('SET', { role })}`);
    try {
      await this.rows(statement);
    } finally {
      // Where the session is lost, why it was lost is told already.
      await this.rows(settings('SET', { ...this.pins, ...AT_THE_START })).catch(() => undefined);
    }
  }

  /** Runs one statement, or several separated by semicolons, of which it gives the last one's rows. */
  public async rows(sql: string): Promise<readonly Row[]> {
    const results = await this.ask({ text: sql, rowMode: 'array' });
    return results[results.length - 1]!.rows;
  }

  /**
   * Runs one statement that may call functions of the database's own, in a transaction. What they set in the session,
   * such as a search path that gives operators another meaning, is undone, and so is a failure.
   *
   * @param pins further settings, for this statement alone
   */
  public async reading(sql: string, pins: Readonly<Record<string, string>> = {}): Promise<readonly Row[]> {
    return this.undone(async () => {
      const before = `${MARK}; ${settings('SET LOCAL', { ...pins, statement_timeout: this.timeLeft })}`;
      const results = await this.ask({ text: `${before}; ${sql}; ${UNDO}`, rowMode: 'array' });
      return results[results.length - 1 - UNDO_STATEMENTS]!.rows;
    });
  }

  /** The same for exactly one statement: in the extended protocol more, such as a COMMIT behind it, are a syntax error. */
  public async single(sql: string): Promise<Answer> {
    return this.undone(async () => {
      await this.rows(`${MARK}; ${settings('SET LOCAL', { statement_timeout: this.timeLeft })}`);
      const [answer] = await this.ask({ text: sql, rowMode: 'array', queryMode: 'extended' });
      await this.rows(UNDO);
      return answer!;
    });
  }

  /** Ends what another session is running that does not stop when it is told to. */
  public async terminate(other: Session): Promise<void> {
    await this.transaction('READ ONLY', () =>
      this.rows(`SELECT pg_catalog.pg_terminate_backend(${other.backend}, ${GRACE_MS})`),
    );
  }

  public async close(): Promise<void> {
    await this.client.end().catch(() => undefined);
  }

  private get timeLeft(): string {
    return String(Math.max(1, Math.floor(this.limit.left())));
  }

  private async undone<T>(statements: () => Promise<T>): Promise<T> {
    try {
      return await statements();
    } catch (error) {
      // Where the session is lost, why it was lost is told already.
      if (error instanceof DatabaseError) await this.rows(UNDO);
      throw error;
    }
  }

  /** Some errors end the session, whatever code they have: the server's own, and all where a function has set that. */
  private async isAlive(): Promise<boolean> {
    try {
      await this.client.query({ text: '', query_timeout: GRACE_MS } as QueryConfig);
      return true;
    } catch {
      return false;
    }
  }

  private async learnPins(): Promise<void> {
    const names = ['server_encoding', 'lc_messages', ...Object.keys(NEWER_PINS)].map((name) => escapeLiteral(name));
    const known = new Map(
      (
        await this.transaction('READ ONLY', () =>
          this.rows(`
            SELECT name, setting FROM pg_catalog.pg_settings WHERE name IN (${names.join(', ')})
            UNION ALL SELECT 'pid', pg_catalog.pg_backend_pid()::pg_catalog.text`),
        )
      ).map(([name, setting]): [string, string] => [name!, setting!]),
    );
    this.backend = Number(known.get('pid'));
    const messages = known.get('lc_messages') ?? '';
    if (!isEnglish(messages) && !(await this.takes(IN_ENGLISH))) this.foreignMessages = messages;
    const language = isEnglish(messages) ? {} : this.foreignMessages ? NO_WORKERS : IN_ENGLISH;
    this.pins = { ...pinsOf(known), ...(this.isReplica && AS_REPLICA), ...language };
  }

  /** Whether this user may change these settings. */
  private async takes(pins: Readonly<Record<string, string>>): Promise<boolean> {
    try {
      await this.transaction('READ ONLY', async () => undefined, pins);
      return true;
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== '42501') throw error;
      return false;
    }
  }

  private async ask(query: { text: string; rowMode: 'array'; queryMode?: 'extended' }): Promise<readonly Answer[]> {
    const limited = { ...query, query_timeout: Math.max(0, this.limit.left()) + GRACE_MS };
    try {
      const result = await this.client.query<(string | null)[]>(limited);
      // Several statements have several results, which the types of pg do not tell.
      const results: QueryArrayResult<(string | null)[]>[] = Array.isArray(result) ? result : [result];
      return results.map(({ rows, fields }) => ({ rows, types: fields.map(({ dataTypeID }) => dataTypeID) }));
    } catch (error) {
      if (error instanceof DatabaseError && (await this.isAlive())) {
        const over = this.limit !== this.deadline && this.limit.left() < CLOSE_MS;
        throw over && error.code === '57014' ? new OutOfTime('ran out of time') : error;
      }
      const last = error instanceof DatabaseError || error instanceof MessageTooLong ? error : this.hungUp;
      if (last instanceof DatabaseError || last instanceof MessageTooLong) throw ended(this.where, last);
      if (error instanceof Error && error.message === 'Query read timeout') {
        throw new CopySilent(`${this.where} stopped answering, so nothing more could be checked; try again`);
      }
      throw unreachable(this.where, this.hungUp ?? error);
    }
  }
}

const MARK = 'SAVEPOINT before_functions';
const UNDO = 'ROLLBACK TO SAVEPOINT before_functions; RELEASE SAVEPOINT before_functions';
const UNDO_STATEMENTS = 2;
