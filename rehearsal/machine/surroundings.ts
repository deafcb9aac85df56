/**
 * What a rehearsal needs of the machine, looked at before anything starts: what is missing is said at once, with the
 * remedy, and not by a server that never becomes ready.
 */
import { accessSync, constants, statfsSync, statSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, resolve } from 'node:path';
import { unprivilegedAccount } from './os-account';

const MIB = 1024 * 1024;
/** PostgreSQL's files and an empty cluster, and some databases of next to nothing. */
const LEAST_SPACE = 512 * MIB;

/** The folder for temporary files, whole: TMPDIR may be relative to where the process was started. */
export function temporaryFolder(): string {
  return resolve(tmpdir());
}

/** @throws Error with the remedy where no PostgreSQL could run under this account */
export function checkAccount(): void {
  if (unprivilegedAccount()) return;
  try {
    userInfo();
  } catch {
    throw new Error(
      `the user ID ${process.getuid?.()} has no entry in /etc/passwd, and PostgreSQL's initdb refuses to run without one; ` +
        'add one, as `useradd` does in an image, or run as a user that has one',
    );
  }
}

/** @throws Error with the remedy for a folder, made already or not, whose path PostgreSQL's programs can't take */
export function checkPath(folder: string): void {
  const [unquotable] = /["$`\\\n]/.exec(folder) ?? [];
  if (unquotable === undefined) return;
  throw new Error(
    `${folder} has ${JSON.stringify(unquotable)} in its path, which PostgreSQL's initdb hands to a shell unescaped; ` +
      'point TMPDIR elsewhere',
  );
}

/** @throws Error with the remedy where a folder is not one, can't be written, or is closed to PostgreSQL's account */
export function checkFolder(folder: string): void {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (!found?.isDirectory()) {
    throw new Error(`${folder} is not a folder, so a rehearsal can't keep files there; point TMPDIR to one`);
  }
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch {
    throw new Error(`${folder} can't be written, so a rehearsal can't keep files there; point TMPDIR elsewhere`);
  }
  const closed = unprivilegedAccount() && closedTo(folder);
  if (closed) {
    throw new Error(
      `${closed} is open to its owner alone, and PostgreSQL, which refuses to run as root, runs under the account ` +
        'nobody here; point TMPDIR to a folder that nobody can pass through, or run as an ordinary user',
    );
  }
}

/** The first folder on the way that other accounts can't pass through. */
function closedTo(folder: string): string | undefined {
  for (let path = folder; ; path = dirname(path)) {
    if ((statSync(path).mode & 0o001) === 0) return path;
    if (path === dirname(path)) return undefined;
  }
}

/** @throws Error with the remedy where too little space is left */
export function checkSpace(folder: string): void {
  const { bavail, bsize } = statfsSync(folder);
  const left = bavail * bsize;
  if (left >= LEAST_SPACE) return;
  throw new Error(
    `${folder} has ${Math.floor(left / MIB)} MiB left, and a rehearsal takes ${LEAST_SPACE / MIB} at the least; ` +
      'free some, or point TMPDIR elsewhere',
  );
}
