/**
 * A real PostgreSQL server on loopback, in a folder of its own.
 *
 * Durable enough for a rehearsal: fsync is off, so it survives its process being killed, but not the machine.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type QueryResult, type QueryResultRow } from 'pg';
import { type Address, claimAddress, type PreferredAddress } from '../machine/address';
import { handOver, makePrivateFolder } from '../machine/copy-tree';
import { serverEnvironment, unprivilegedAccount } from '../machine/os-account';
import { readIfThere } from '../machine/workspace';
import { findBinaries, type Major } from './binaries';
import { ADMIN_DATABASE, accessRules, REPLICATOR, SUPERUSER } from './rds-roles';
import { SocketFolder } from './socket-folder';
import { copyTemplate, type OwnPasswords, ownPasswords } from './template-cluster';

/** What `pg` needs to connect. */
export interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface ClusterOptions {
  /** A folder that doesn't exist yet, inside a run's folder; data, settings and log go there. */
  readonly folder: string;
  /** Settings of postgresql.conf beyond those every cluster has. */
  readonly settings?: Readonly<Record<string, string>>;
  /**
   * Fills the data directory, such as with a backup.
   *
   * @default - a fresh cluster
   */
  readonly fill?: (dataDirectory: string) => Promise<void>;
  /** Preferred address, used if it is free. */
  readonly at?: PreferredAddress;
  /** @default 17 */
  readonly major?: Major;
  /**
   * Whether the superuser may connect like a client, for tests: also by TCP, and to the database `postgres` with the
   * usual search path.
   *
   * @default false
   */
  readonly superuserIsClient?: boolean;
}

const EVERY_CLUSTER = {
  fsync: 'off',
  full_page_writes: 'off', // backups switch them on while they run; only a crashing machine would need them otherwise
  max_wal_size: '2GB',
  max_wal_senders: '20', // RDS allows 15 replicas
  shared_buffers: '128MB',
  unix_socket_directories: '..', // seen from the data directory: a socket's whole path may only be 107 bytes long
  unix_socket_permissions: '0700',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'warning',
  lc_messages: 'C',
  dynamic_shared_memory_type: 'mmap', // containers often have next to no /dev/shm
  jit: 'off',
};

const START_TIMEOUT_MS = 300_000;

/** Makes a cluster; it doesn't run until it is started. */
export async function createCluster(options: ClusterOptions): Promise<Cluster> {
  const passwords = await ownPasswords(options.major);
  await makePrivateFolder(options.folder);
  const data = join(options.folder, 'data');
  await (options.fill ? options.fill(data) : copyTemplate(data, options.major));
  const address = await claimAddress(options.at);
  const { superuserIsClient = false, major } = options;
  const cluster = new Cluster(options.folder, address, passwords, superuserIsClient, major);
  await cluster.configure(options.settings ?? {});
  return cluster;
}

export class Cluster {
  private child: ChildProcess | undefined;
  private settings: Readonly<Record<string, string>> = {};

  /** Use `createCluster`. */
  constructor(
    public readonly folder: string,
    private address: Address,
    private readonly passwords: OwnPasswords,
    private readonly superuserIsClient: boolean,
    private readonly major?: Major,
  ) {}

  public get host(): string {
    return this.address.host;
  }

  public get port(): number {
    return this.address.port;
  }

  public get dataDirectory(): string {
    return join(this.folder, 'data');
  }

  public get logFile(): string {
    return join(this.folder, 'log');
  }

  /** The server's process, while it runs. */
  public get pid(): number | undefined {
    return this.child?.pid;
  }

  /** How to connect as the superuser by TCP, where that was asked for. */
  public get superuser(): ConnectionOptions {
    if (!this.superuserIsClient) throw new Error(`the server in ${this.folder} takes no superuser by TCP`);
    const { host, port } = this;
    return { host, port, user: SUPERUSER, password: this.passwords.superuser, database: 'postgres' };
  }

  /** How a read replica connects. */
  public get replicator(): Omit<ConnectionOptions, 'database'> {
    return { host: this.host, port: this.port, user: REPLICATOR, password: this.passwords.replicator };
  }

  /** Replaces the settings beyond those that every cluster has; they count from the next start. */
  public async configure(settings: Readonly<Record<string, string>>): Promise<void> {
    this.settings = settings;
    const all = { ...EVERY_CLUSTER, listen_addresses: this.host, port: String(this.port), ...settings };
    const quoted = (value: string) => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
    const lines = Object.entries(all).map(([name, value]) => `${name} = ${quoted(value)}\n`);
    for (const [file, content] of [
      ['postgresql.conf', lines.join('')],
      ['pg_hba.conf', accessRules(this.superuserIsClient)],
    ] as const) {
      await writeFile(join(this.dataDirectory, file), content, { mode: 0o600 });
      await handOver(join(this.dataDirectory, file));
    }
  }

  /** Reloads settings, for those that PostgreSQL can change without a restart. */
  public async reload(): Promise<void> {
    await this.query('SELECT pg_reload_conf()');
  }

  /**
   * Serves at another address from the next start.
   *
   * @returns the old address, which is still claimed
   */
  public async moveTo(preferred?: PreferredAddress): Promise<Address> {
    const before = this.address;
    this.address = await claimAddress(preferred);
    await this.configure(this.settings);
    return before;
  }

  /**
   * Starts the server, and waits until it accepts connections: after recovery, if there is any.
   *
   * @throws Error with what the server logged, when it ends instead
   */
  public async start(): Promise<void> {
    if (this.child) throw new Error(`the server in ${this.folder} runs already`);
    const { postgres } = await findBinaries(this.major);
    const log = openSync(this.logFile, 'a', 0o600);
    const child = spawn(postgres, ['-D', this.dataDirectory], {
      ...unprivilegedAccount(),
      cwd: this.dataDirectory,
      env: { ...serverEnvironment(), TZ: 'UTC' },
      // Ctrl-C goes to all processes of a terminal; this process decides when databases end.
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    child.unref();
    running.add(child);
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(String(error)));
      child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    this.child = child;
    let end: string | undefined;
    void ended.then((how) => {
      end = how;
      running.delete(child);
      if (this.child === child) this.child = undefined;
    });
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (!this.isReady()) {
      if (end !== undefined) throw new Error(`PostgreSQL ended as it started (${end}): ${await this.lastWords()}`);
      if (performance.now() > deadline) {
        await this.stop({ immediately: true });
        throw new Error(`PostgreSQL was not ready after ${START_TIMEOUT_MS / 1000} s: ${await this.lastWords()}`);
      }
      await sleep(5);
    }
  }

  /** Stops the server: in order, or at once as if its machine had failed. */
  public async stop(how: { immediately?: boolean } = {}): Promise<void> {
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.ref();
    child.kill(how.immediately ? 'SIGQUIT' : 'SIGINT');
    await ended;
  }

  /** Stops the server and removes its folder. */
  public async remove(): Promise<void> {
    await this.stop({ immediately: true });
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
    await this.address.release();
  }

  /** Stops the server and gives up its address, but leaves its folder. */
  public async retire(): Promise<void> {
    await this.stop();
    await this.address.release();
  }

  /** Runs statements as the superuser, over a connection that ends afterwards. */
  public async query<Row extends QueryResultRow>(
    sql: string,
    values: unknown[] = [],
    database?: string,
  ): Promise<QueryResult<Row>> {
    return this.connected((client) => client.query<Row>(sql, values), database);
  }

  /**
   * Lends a superuser's connection, and ends it afterwards. Names are looked up in pg_catalog, whatever search path a
   * database has, and no event trigger fires.
   */
  public async connected<T>(use: (client: Client) => Promise<T>, database?: string): Promise<T> {
    const socket = SocketFolder.open(this.folder);
    try {
      const client = new Client({
        host: socket.path,
        port: this.port,
        user: SUPERUSER,
        password: this.passwords.superuser,
        database: database ?? (this.superuserIsClient ? 'postgres' : ADMIN_DATABASE),
        // Stated, so that the user's PG* variables don't change them.
        ssl: false,
        options: this.superuserIsClient ? '-c client_encoding=UTF8' : '-c search_path=pg_catalog -c event_triggers=off',
      });
      // Without a listener, a server that stops meanwhile would end our process too; the query in progress fails
      // anyway.
      client.on('error', () => undefined);
      await client.connect();
      try {
        return await use(client);
      } finally {
        await client.end();
      }
    } finally {
      socket.close();
    }
  }

  /** Polling connections instead would race with a server that is still starting. */
  private isReady(): boolean {
    const lines = (readIfThere(join(this.dataDirectory, 'postmaster.pid')) ?? '').split('\n');
    return lines[0] === String(this.child?.pid) && lines[7]?.trim() === 'ready';
  }

  private async lastWords(): Promise<string> {
    const lines = (await readFile(this.logFile, 'utf8')).trimEnd().split('\n');
    const fatal = lines.filter((line) => /FATAL|PANIC/.test(line));
    return (fatal.length > 0 ? fatal : lines).slice(-3).join('; ') || 'it logged nothing';
  }
}

const running = new Set<ChildProcess>();
// Last resort for a process that ends without closing what it opened.
process.once('exit', () => {
  for (const child of running) child.kill('SIGQUIT');
});
