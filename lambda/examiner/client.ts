/** How a session connects: encrypted and verified where it is told what to trust, with its settings from the start. */
import { BlockList, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { Client } from 'pg';
import type { Connection } from './protocol';

/** Certificates of the authorities that a server's certificate must come from, in PEM. */
export interface Tls {
  readonly ca: string[];
}

const CONNECT_TIMEOUT_MS = 15_000;

/**
 * @param left milliseconds that it may take, and each statement
 * @param long whether messages may have any length: rows of a COPY pass in pieces
 */
export function clientFor(
  { host, port, user, password, database }: Connection,
  tls: Tls | undefined,
  left: number,
  pins: Readonly<Record<string, string>>,
  long?: 'long messages',
): Client {
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
  if (!long) {
    client.connection.once(tls ? 'sslconnect' : 'connect', () => refuseLongMessages(client.connection.stream));
  }
  return client;
}

/** Longer than every answer that a statement of ours has. */
const MAX_BYTES = 16 * 1024 ** 2;
/** A type of one byte, and a length that counts itself: https://www.postgresql.org/docs/current/protocol-message-formats.html */
const HEADER = 5;

export class MessageTooLong extends Error {
  constructor(bytes: number) {
    super(`a message of ${bytes} bytes, of which no more than ${MAX_BYTES} are read`);
  }
}

/**
 * Ends a connection, of which nothing was read yet, before it has more than the header of such a message: a function of the
 * database's own may raise an error as long as PostgreSQL's texts, a gigabyte, which fits in no call.
 */
function refuseLongMessages(stream: Duplex): void {
  const header = Buffer.alloc(HEADER);
  let known = 0;
  let left = 0;
  stream.prependListener('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; ) {
      if (left === 0) {
        const copied = chunk.copy(header, known, at, at + HEADER - known);
        known += copied;
        at += copied;
        if (known < HEADER) return;
        const length = header.readUInt32BE(1);
        if (length > MAX_BYTES) {
          stream.destroy(new MessageTooLong(length));
          return;
        }
        known = 0;
        left = length - (HEADER - 1);
      }
      const body = Math.min(left, chunk.length - at);
      left -= body;
      at += body;
    }
  });
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

export function isLoopback(host: string): boolean {
  const version = isIP(host);
  return host === 'localhost' || (version !== 0 && loopback.check(host, version === 6 ? 'ipv6' : 'ipv4'));
}
