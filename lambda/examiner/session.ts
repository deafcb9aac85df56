/**
 * A session on the copy: encrypted and verified unless the copy is on this machine, with every setting pinned that
 * could change what a check reads.
 */
import { BlockList, isIP } from 'node:net';
import { Client, DatabaseError } from 'pg';
import { endsSession } from './postgres-error';
import type { Connection } from './protocol';

/** Certificates of the authorities that a server's certificate must come from, in PEM. */
export interface Tls {
  readonly ca: string[];
}

/** Worth another try soon: the copy is starting, or its new password is not in force yet. */
export class CopyNotReady extends Error {
  public override name = 'CopyNotReady';
}

/** The server did not even answer that it had cut a statement off. */
export class CopySilent extends CopyNotReady {}

/** Another try would meet the same. */
export class CopyRefused extends Error {
  public override name = 'CopyRefused';
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
/** How long after the deadline a silent server is waited for. */
const GRACE_MS = 2_000;

const SETTINGS = {
  TimeZone: 'UTC', // a timestamp without zone counts as UTC
  DateStyle: 'ISO',
  IntervalStyle: 'postgres',
  extra_float_digits: '1',
  row_security: 'off', // rows hidden by a policy become an error instead of silence
  jit: 'off', // compiling costs more than most checks
  idle_in_transaction_session_timeout: '0', // one session's snapshot must outlast its own work
  lock_timeout: '0',
};

export class Session {
  /** The server's own account of why it hung up comes apart from the statement that it cut off. */
  private hungUp: Error | undefined;

  private constructor(
    private readonly client: Client,
    private readonly where: string,
    private readonly deadline: Deadline,
  ) {}

  /**
   * @throws CopyNotReady, CopyRefused
   */
  public static async open(connection: Connection, tls: Tls | undefined, deadline: Deadline): Promise<Session> {
    const { host, port, user, password, database } = connection;
    const where = `${host}:${port}`;
    if (!tls && !isLoopback(host)) {
      throw new CopyRefused(
        `${host} is not this machine, so without TLS its password and rows would travel in the clear; ` +
          'give examine() the certificate authorities to trust',
      );
    }
    const left = Math.max(1, Math.ceil(deadline.left()));
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
      options: Object.entries(SETTINGS)
        .map(([setting, value]) => `-c ${setting}=${value}`)
        .join(' '),
      // Numbers beyond 2^53 and PostgreSQL's own spelling of values survive only as text.
      types: { getTypeParser: () => (value: string) => value },
    });
    const session = new Session(client, where, deadline);
    client.on('error', (error) => {
      session.hungUp ??= error;
    });
    try {
      await client.connect();
    } catch (error) {
      await session.close();
      throw unreachable(where, error);
    }
    return session;
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

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

function isLoopback(host: string): boolean {
  const version = isIP(host);
  return host === 'localhost' || (version !== 0 && loopback.check(host, version === 6 ? 'ipv6' : 'ipv4'));
}

/** Starting up, shutting down, out of connections; and a password that RDS has accepted but not yet applied. */
const PASSING_STATES = new Set(['57P01', '57P02', '57P03', '57P05', '53300', '28P01', '08000', '08003', '08006']);
const PASSING_FAULTS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND', // a new endpoint's name spreads slowly
  'EAI_AGAIN',
]);

/** Built from codes and the server's words, never from what was sent: the password can't be in it. */
function unreachable(where: string, error: unknown): Error {
  const { code, message } = error as { code?: string; message?: string };
  const said = message || code || 'it did not say why';
  const passing = code
    ? PASSING_STATES.has(code) || PASSING_FAULTS.has(code)
    : /^(Connection terminated|timeout expired|Client has encountered a connection error)/.test(said);
  if (passing) {
    return new CopyNotReady(
      `${where} takes no connection or lost it (${said}), so nothing could be checked; try again`,
    );
  }
  if (isCertificateFault(code)) {
    return new CopyRefused(
      `${where} showed a certificate that can't be trusted (${said}), so no password was sent; ` +
        'the copy must serve a certificate of the RDS authorities for this very host name',
    );
  }
  return new CopyRefused(`${where} refused the session (${said}), so nothing could be checked`);
}

/** Node names OpenSSL's verification results, such as SELF_SIGNED_CERT_IN_CHAIN, and its own by ERR_TLS_. */
const isCertificateFault = (code: string | undefined): boolean =>
  code !== undefined && (code.startsWith('ERR_TLS_CERT') || /CERT|ISSUER|SIGNATURE/.test(code));
