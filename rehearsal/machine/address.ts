/**
 * Addresses for database servers. On Linux all of 127.0.0.0/8 is the machine itself, so each server gets an address of
 * its own and PostgreSQL's usual port, and `psql -h <address>` works as guides write it. Elsewhere there is only
 * 127.0.0.1, and each gets a port.
 *
 * A claim is a listening socket beside the server's port: it excludes every other process, and ends with ours.
 */
import { type AddressInfo, createServer, type Server } from 'node:net';

const POSTGRES_PORT = 5432;
const CLAIM_PORT = 5431;
/** 127.0.1.1 is left out: Debian gives it to the host's name. */
const FIRST_HOST = 2;
const LAST_HOST = 254;
const PORTS = { from: 21_000, to: 29_000 };

export interface Address {
  readonly host: string;
  readonly port: number;
  /** Frees the address. */
  release(): Promise<void>;
}

/** An address that is reserved for a new server, or one that another database had under the same name. */
export type PreferredAddress = Address | { readonly host: string; readonly port: number };

/**
 * Claims an address that nobody listens on.
 *
 * @param preferred used when it is claimed already, or free
 */
export async function claimAddress(preferred?: PreferredAddress): Promise<Address> {
  if (preferred && 'release' in preferred) return preferred;
  if (process.platform !== 'linux') return claimPort(preferred?.port);
  const hosts = Array.from({ length: LAST_HOST - FIRST_HOST + 1 }, (_, index) => `127.0.1.${FIRST_HOST + index}`);
  const candidates = preferred ? [preferred.host, ...hosts] : hosts;
  // If another program listens on the usual port at every address, each server gets its own port as well.
  for (const choosePort of [usualPort, freePort]) {
    for (const host of candidates) {
      const claim = await listen(host, CLAIM_PORT);
      const port = claim && (await choosePort(host));
      if (claim && port) return { host, port, release: () => close(claim) };
      if (claim) await close(claim);
    }
  }
  throw new Error(
    `all ${hosts.length} loopback addresses from ${hosts[0]} are taken, so no further database can be served; ` +
      'delete some, or end other rehearsals',
  );
}

/** Elsewhere: an even port to serve on, claimed by the odd one after it. */
async function claimPort(preferred?: number): Promise<Address> {
  const anyPort = () => PORTS.from + 2 * Math.floor((Math.random() * (PORTS.to - PORTS.from)) / 2);
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = (attempt === 0 && preferred) || anyPort();
    const claim = await listen('127.0.0.1', port + 1);
    if (!claim) continue;
    if (await isFree('127.0.0.1', port)) return { host: '127.0.0.1', port, release: () => close(claim) };
    await close(claim);
  }
  throw new Error(
    `no free port was found on 127.0.0.1 between ${PORTS.from} and ${PORTS.to}, so no database can be served; ` +
      'end other rehearsals',
  );
}

/** A server that listens there, or undefined when another program does. */
function listen(host: string, port: number): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.unref();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EADDRNOTAVAIL' || error.code === 'EACCES') resolve(undefined);
      else reject(error);
    });
    server.listen({ host, port, exclusive: true }, () => resolve(server));
  });
}

async function isFree(host: string, port: number): Promise<boolean> {
  const probe = await listen(host, port);
  if (probe) await close(probe);
  return probe !== undefined;
}

async function usualPort(host: string): Promise<number | undefined> {
  return (await isFree(host, POSTGRES_PORT)) ? POSTGRES_PORT : undefined;
}

async function freePort(host: string): Promise<number | undefined> {
  const probe = await listen(host, 0);
  if (!probe) return undefined;
  const { port } = probe.address() as AddressInfo;
  await close(probe);
  return port;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
