/** How a session connects: encrypted and verified where it is told what to trust, with its settings from the start. */
import { BlockList, isIP } from 'node:net';
import { Client } from 'pg';
import type { Connection } from './protocol';

/** Certificates of the authorities that a server's certificate must come from, in PEM. */
export interface Tls {
  readonly ca: string[];
}

const CONNECT_TIMEOUT_MS = 15_000;

/** @param left milliseconds that it may take, and each statement */
export const clientFor = (
  { host, port, user, password, database }: Connection,
  tls: Tls | undefined,
  left: number,
  pins: Readonly<Record<string, string>>,
): Client =>
  new Client({
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

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

export function isLoopback(host: string): boolean {
  const version = isIP(host);
  return host === 'localhost' || (version !== 0 && loopback.check(host, version === 6 ? 'ipv6' : 'ipv4'));
}
