/**
 * Where rehearsals keep files: one folder per user in the temporary folder or in memory, in it one folder per run.
 *
 * The folders are the registry of runs: a run's folder names its process, and every cluster is in the folder of its
 * run. So servers and files of a crashed run can be found and removed, and nothing else.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { freemem, hostname } from 'node:os';
import { join } from 'node:path';
import { makeFolders, nearestExisting } from './folders';
import { checkAccount, checkFolder, checkPath, checkSpace, temporaryFolder } from './surroundings';

const OWNER = 'owner.json';
/** In a folder younger than this, the owner may still be being written. */
const NEWBORN_MS = 10_000;

/** This user's folder on disk, shared by all rehearsals of theirs on this machine. */
export function workspace(): string {
  return ownFolder(temporaryFolder());
}

function ownFolder(parent: string): string {
  const user = process.getuid?.() ?? 0;
  const folder = join(parent, `lifeboat-${user}`);
  try {
    makeFolders(folder, PASSABLE);
  } catch (error) {
    const { message } = error as Error;
    throw new Error(
      `${folder} can't be made (${message}), so a rehearsal can't keep files there; point TMPDIR elsewhere`,
      {
        cause: error,
      },
    );
  }
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== user || (found.mode & 0o022) !== 0) {
    throw new Error(
      `${folder} is not a folder that only you can write to, so files in it can't be trusted; ` +
        'remove it, or point TMPDIR elsewhere',
    );
  }
  chmodSync(folder, PASSABLE);
  return folder;
}

/**
 * Whatever the umask, PostgreSQL's account, which may be another one, can pass through; no other account can list it.
 */
const PASSABLE = 0o711;

/**
 * A new folder for the files of this process; servers and files of crashed runs are removed first.
 *
 * In memory where there is plenty of it: a rehearsal makes and deletes files by the thousand, which some file systems
 * are slow at. If TMPDIR is set, the folder is there.
 */
export function runFolder(options: { keep?: boolean } = {}): string {
  checkAccount();
  checkPath(temporaryFolder());
  checkFolder(nearestExisting(temporaryFolder()));
  reapLeftovers();
  const isInMemory = !options.keep && process.env.TMPDIR === undefined && hasRoom();
  const parent = isInMemory ? ownFolder(MEMORY) : workspace();
  for (const place of new Set([parent, workspace()])) checkSpace(place);
  const folder = join(parent, `run-${process.pid}-${randomBytes(4).toString('hex')}`);
  return claimed(folder);
}

/**
 * A new folder on disk for something that all runs will share once it is complete. A process that dies before it has
 * finished it leaves it to the next run to remove.
 */
export function unfinishedFolder(kind: string): string {
  return claimed(join(workspace(), `making-${kind}-${process.pid}-${randomBytes(4).toString('hex')}`));
}

/** Moves a complete folder to its final place; drops it when another process was first. */
export function finishFolder(folder: string, target: string): void {
  rmSync(join(folder, OWNER));
  try {
    renameSync(folder, target);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
}

function claimed(folder: string): string {
  mkdirSync(folder);
  chmodSync(folder, PASSABLE);
  const owner: Owner = { pid: process.pid, started: startOf(process.pid), machine: machine() };
  writeFileSync(join(folder, OWNER), JSON.stringify(owner), { mode: 0o600 });
  return folder;
}

const MEMORY = '/dev/shm';
/** Several times the size of a rehearsal with a million rows. */
const PLENTY = 8 * 1024 ** 3;

function hasRoom(): boolean {
  if (process.platform !== 'linux' || !existsSync(MEMORY)) return false;
  // The `aws` of a region lies in its folder and has to be executable.
  const mount = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .find((line) => line.split(' ')[1] === MEMORY);
  if (!mount || /\bnoexec\b/.test(mount) || /\bro\b/.test(mount)) return false;
  const { bavail, bsize } = statfsSync(MEMORY);
  return Math.min(bavail * bsize, freemem(), process.availableMemory?.() ?? Number.POSITIVE_INFINITY) >= PLENTY;
}

/** Keeps a run's folder after its process has ended. */
export function keepFolder(folder: string): void {
  rmSync(join(folder, OWNER), { force: true });
  writeFileSync(join(folder, 'kept'), 'Kept on request. Nothing runs here any more; remove the folder when done.\n');
}

interface Owner {
  readonly pid: number;
  readonly started: string;
  readonly machine: string;
}

/** Ends the PostgreSQL servers of runs whose process is gone, and removes their folders, unfinished ones included. */
export function reapLeftovers(): void {
  const inMemory = join(MEMORY, `lifeboat-${process.getuid?.() ?? 0}`);
  for (const parent of [workspace(), ...(existsSync(inMemory) ? [ownFolder(MEMORY)] : [])]) reapIn(parent);
}

function reapIn(parent: string): void {
  for (const entry of readdirSync(parent)) {
    if (!/^(run|making)-/.test(entry)) continue;
    const folder = join(parent, entry);
    if (!isLeftover(folder)) continue;
    for (const cluster of entriesOf(folder)) endServer(join(folder, cluster, 'data'));
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

function isLeftover(folder: string): boolean {
  const owner = ownerOf(readIfThere(join(folder, OWNER)));
  if (!owner) {
    if (readIfThere(join(folder, 'kept')) !== undefined) return false;
    const found = lstatSync(folder, { throwIfNoEntry: false });
    return found !== undefined && Date.now() - found.mtimeMs > NEWBORN_MS;
  }
  // Containers may share a temporary folder without seeing each other's processes.
  if (owner.machine !== machine()) return false;
  return startOf(owner.pid) !== owner.started;
}

/** Undefined when it is incomplete: its process is still writing, or died, or the disk was full. */
function ownerOf(text: string | undefined): Owner | undefined {
  try {
    const owner: Partial<Owner> | null = JSON.parse(text ?? 'null');
    const isWhole = owner && Number.isInteger(owner.pid) && typeof owner.started === 'string';
    return isWhole && typeof owner.machine === 'string' ? (owner as Owner) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Ends the server of this data directory, if it runs; another process with the same number is left alone. */
function endServer(dataDirectory: string): void {
  const [pid, directory] = (readIfThere(join(dataDirectory, 'postmaster.pid')) ?? '').split('\n');
  if (!pid || directory !== dataDirectory || !commandOf(Number(pid)).includes(dataDirectory)) return;
  try {
    process.kill(Number(pid), 'SIGQUIT');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** What a folder holds; nothing when another process removed it meanwhile. */
function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Start of a process, in the system's own form; empty when there is none. Process numbers are reused. */
function startOf(pid: number): string {
  if (process.platform === 'linux') {
    const stat = readIfThere(`/proc/${pid}/stat`);
    // The command's name stands in parentheses and may hold blanks; the start time is the 20th field after it.
    return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  }
  return ps(pid, 'lstart=');
}

function commandOf(pid: number): string {
  return process.platform === 'linux' ? (readIfThere(`/proc/${pid}/cmdline`) ?? '') : ps(pid, 'command=');
}

function ps(pid: number, column: string): string {
  try {
    return execFileSync('ps', ['-ww', '-o', column, '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch (error) {
    if ((error as { status?: number }).status === 1) return ''; // no such process
    throw error;
  }
}

function machine(): string {
  return process.platform === 'linux' ? `${hostname()} ${readlinkSync('/proc/self/ns/pid')}` : hostname();
}
