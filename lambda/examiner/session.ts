/**
 * A session on the copy: encrypted and verified unless the copy is on this machine, with every setting pinned that
 * could change what a check reads.
 */
import { BlockList, isIP } from 'node:net';
import { Client, DatabaseError, escapeLiteral } from 'pg';
import { CopyNotReady, CopyRefused, CopySilent, unreachable } from './lost-session';
import { endsSession, isFromFunction, isFunctionsContext, printable } from './postgres-error';
import type { Connection } from './protocol';

/** Certificates of the authorities that a server's certificate must come from, in PEM. */
export interface Tls {
  readonly ca: string[];
}

/** Milliseconds left; PostgreSQL reads a timeout of 0 as none at all. */
export interface Deadline {
  left(): number;
}

export type Row = readonly (string | null)[];

export interface Answer {
  readonly rows: readonly Row[];
  /** Type OID of each column; the base type's for a domain. */
  readonly types: readonly number[];
}

const CONNECT_TIMEOUT_MS = 15_000;
/** Warnings that are kept between two readings. */
const MAX_WARNINGS = 100;
/** How long after the deadline a silent server is waited for. */
const GRACE_MS = 2_000;

/**
 * Set at the start of each session and again in each transaction: a database may set others for whoever connects, and a
 * login trigger may set them after that. With `pg_temp` named last, no temporary object stands before the catalog.
 */
const PINS = {
  role: 'none', // ALTER ROLE ... SET role makes somebody else of whoever connects
  search_path: 'pg_catalog, pg_temp',
  client_encoding: 'UTF8',
  TimeZone: 'UTC', // a timestamp without zone counts as UTC
  DateStyle: 'ISO',
  IntervalStyle: 'postgres',
  extra_float_digits: '1',
  bytea_output: 'hex',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
  client_min_messages: 'warning', // a damaged page may be no more than a warning, by the settings of the database
  row_security: 'off', // rows hidden by a policy become an error instead of silence
  jit: 'off', // compiling costs more than most checks
  quote_all_identifiers: 'off',
  gin_fuzzy_search_limit: '0', // else a GIN index gives some of its entries only
  xmloption: 'content',
  work_mem: '64MB',
  idle_in_transaction_session_timeout: '0',
  lock_timeout: '3s', // nothing on the copy holds a lock for long, but a prepared transaction for ever
} as const;

/** Of a session's start: whatever a login trigger tries to write, it can't. */
const AT_THE_START = { default_transaction_read_only: 'on' } as const;

/**
 * Triggers of a login and of DDL don't fire for replicas, unless they say so. rds_superuser may set it; who may not is
 * refused at the start.
 */
const AS_REPLICA = { session_replication_role: 'replica' } as const;

/**
 * Pins that not every version knows. The last one has foreign tables refuse to be read instead of calling elsewhere.
 */
const NEWER_PINS = {
  idle_session_timeout: '0',
  transaction_timeout: '0',
  restrict_nonsystem_relation_kind: 'foreign-table',
} as const;

export class Session {
  /** The server's own account of why it hung up comes apart from the statement that it cut off. */
  private hungUp: Error | undefined;
  private pins: Readonly<Record<string, string>> = PINS;
  private readonly damaged: string[] = [];

  private constructor(
    private readonly client: Client,
    private readonly where: string,
    private readonly deadline: Deadline,
    /** Whether triggers that are not for replicas stay still. */
    public readonly isReplica: boolean,
  ) {}

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
    { host, port, user, password, database }: Connection,
    tls: Tls | undefined,
    deadline: Deadline,
    isReplica: boolean,
  ): Promise<Session> {
    const left = Math.max(1, Math.ceil(deadline.left()));
    const pins = { ...PINS, ...AT_THE_START, ...(isReplica && AS_REPLICA) };
    const client = new Client({
      host,
      port,
      user,
      password,
      database,
      ssl: tls ? { ca: tls.ca, rejectUnauthorized: true } : false,
      application_name: 'lifeboat',
      connectionTimeoutMillis: Math.min(CONNECT_TIMEOUT_MS, left),
      keepAlive: true,
      statement_timeout: left,
      options: Object.entries(pins)
        .map(([setting, value]) => `-c ${setting}=${value.replaceAll(' ', '\\ ')}`)
        .join(' '),
      // Numbers beyond 2^53 and PostgreSQL's own spelling of values survive only as text.
      types: { getTypeParser: () => (value: string) => value },
    });
    const session = new Session(client, `${host}:${port}`, deadline, isReplica);
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
    const timeout = Math.max(1, Math.floor(this.deadline.left()));
    const set = settings('SET LOCAL', { ...this.pins, ...pins, statement_timeout: String(timeout) });
    await this.rows(`BEGIN ISOLATION LEVEL REPEATABLE READ ${mode}; ${set}`);
    let done = false;
    try {
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
    const timeout = Math.max(1, Math.floor(this.deadline.left()));
    await this.rows(
      settings('SET', {
        ...this.pins,
        default_transaction_read_only: 'off',
        statement_timeout: String(timeout),
        ...pins,
      }),
    );
    try {
      await this.rows(statement);
    } finally {
      // Where the session is lost, why it was lost is told already.
      await this.rows(settings('SET', { ...this.pins, ...AT_THE_START })).catch(() => undefined);
    }
  }

  /** Runs one statement, or several separated by semicolons, of which it gives the last one's rows. */
  public async rows(sql: string): Promise<readonly Row[]> {
    return (await this.ask({ text: sql, rowMode: 'array' })).rows;
  }

  /** Runs exactly one statement: in the extended protocol more, such as a COMMIT behind it, are a syntax error. */
  public async single(sql: string): Promise<Answer> {
    return this.ask({ text: sql, rowMode: 'array', queryMode: 'extended' });
  }

  public async close(): Promise<void> {
    await this.client.end().catch(() => undefined);
  }

  private async learnPins(): Promise<void> {
    const names = ['server_encoding', ...Object.keys(NEWER_PINS)].map((name) => escapeLiteral(name));
    const known = new Map(
      (
        await this.transaction('READ ONLY', () =>
          this.rows(`SELECT name, setting FROM pg_catalog.pg_settings WHERE name IN (${names.join(', ')})`),
        )
      ).map(([name, setting]) => [name, setting]),
    );
    this.pins = {
      ...PINS,
      ...Object.fromEntries(Object.entries(NEWER_PINS).filter(([name]) => known.has(name))),
      ...(this.isReplica && AS_REPLICA),
      // Otherwise a name whose bytes are not UTF-8 would be an error.
      ...(known.get('server_encoding') === 'SQL_ASCII' && { client_encoding: 'SQL_ASCII' }),
    };
  }

  private async ask(query: { text: string; rowMode: 'array'; queryMode?: 'extended' }): Promise<Answer> {
    const limited = { ...query, query_timeout: Math.max(0, this.deadline.left()) + GRACE_MS };
    try {
      const result = await this.client.query<(string | null)[]>(limited);
      // Several statements have several results, which the types of pg do not tell.
      const last = Array.isArray(result) ? result[result.length - 1] : result;
      return { rows: last.rows, types: last.fields.map((field: { dataTypeID: number }) => field.dataTypeID) };
    } catch (error) {
      if (error instanceof DatabaseError && !endsSession(error)) throw error;
      if (error instanceof Error && error.message === 'Query read timeout') {
        throw new CopySilent(`${this.where} stopped answering, so nothing more could be checked; try again`);
      }
      throw unreachable(this.where, this.hungUp ?? error);
    }
  }
}

/** As many statements in one. A search path is a list of names, which quotes would make one. */
const settings = (command: 'SET' | 'SET LOCAL', values: Readonly<Record<string, string>>) =>
  Object.entries(values)
    .map(([name, value]) => `${command} ${name} = ${name === 'search_path' ? value : escapeLiteral(value)}`)
    .join('; ');

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

function isLoopback(host: string): boolean {
  const version = isIP(host);
  return host === 'localhost' || (version !== 0 && loopback.check(host, version === 6 ? 'ipv6' : 'ipv4'));
}
