/**
 * A server of the version that this machine's pg_dump takes, for what needs the real client programs: the embedded one
 * ships without them, and pg_dump refuses servers newer than itself.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { unprivilegedAccount } from '../../rehearsal/machine/os-account';

export interface LocalPostgres {
  /** What libpq's programs read. */
  readonly environment: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Folder of initdb and postgres of pg_dump's own version; undefined, and said aloud, where there is none. */
export function serverPrograms(): string | undefined {
  const skip = (why: string) => {
    console.warn(`SKIPPED: ${why}, so the tests of the dump's shell prove nothing here`);
    return undefined;
  };
  if (process.platform !== 'linux') return skip('the shell is for GNU/Linux, as the images are');
  let major: string | undefined;
  try {
    major = /(\d+)/.exec(execFileSync('pg_dump', ['--version'], { encoding: 'utf8' }))?.[1];
  } catch {
    return skip('pg_dump is not installed on this machine');
  }
  const onPath = (process.env.PATH ?? '').split(delimiter);
  const packaged = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : [];
  const folders = [...onPath, ...packaged.map((version) => join('/usr/lib/postgresql', version, 'bin'))];
  const fits = (folder: string) => {
    if (!existsSync(join(folder, 'initdb')) || !existsSync(join(folder, 'postgres'))) return false;
    const version = execFileSync(join(folder, 'postgres'), ['--version'], { encoding: 'utf8' });
    return /(\d+)/.exec(version)?.[1] === major;
  };
  return folders.find(fits) ?? skip(`there is pg_dump ${major} and no server of that version`);
}

/** Starts a fresh server on loopback, which takes TLS where it is given a certificate and its key: files of PEM. */
export async function startPostgres(
  programs: string,
  folder: string,
  tls?: { readonly certificate: string; readonly key: string },
): Promise<LocalPostgres> {
  const account = unprivilegedAccount();
  mkdirSync(folder, { recursive: true });
  if (account) chownSync(folder, account.uid, account.gid);
  const data = join(folder, 'data');
  const options = { ...account, cwd: folder };
  const initdb = ['-D', data, '-U', 'owner', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C'];
  execFileSync(join(programs, 'initdb'), initdb, { ...options, stdio: 'ignore' });
  for (const [name, file] of Object.entries({ 'server.crt': tls?.certificate, 'server.key': tls?.key })) {
    if (!file) continue;
    copyFileSync(file, join(data, name));
    chmodSync(join(data, name), 0o600);
    if (account) chownSync(join(data, name), account.uid, account.gid);
  }
  const port = await freePort();
  const quick = { fsync: 'off', jit: 'off' };
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    ssl: tls ? 'on' : 'off',
    ...quick,
  };
  const server = spawn(
    join(programs, 'postgres'),
    ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    { ...options, stdio: 'ignore' },
  );
  await ready(server, join(data, 'postmaster.pid'));
  return {
    environment: { PGHOST: '127.0.0.1', PGPORT: String(port), PGUSER: 'owner' },
    stop: () =>
      new Promise((resolve) => {
        server.once('exit', () => resolve());
        server.kill('SIGINT');
      }),
  };
}

async function ready(server: ChildProcess, pidFile: string): Promise<void> {
  while (!(existsSync(pidFile) && readFileSync(pidFile, 'utf8').split('\n')[7]?.trim() === 'ready')) {
    if (server.exitCode !== null)
      throw new Error(`postgres ended with ${server.exitCode}; look into ${dirname(pidFile)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
