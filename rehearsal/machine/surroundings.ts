/**
 * What a rehearsal needs from the machine, checked before anything starts, so that an error names the remedy and no
 * server hangs.
 */
import { accessSync, constants, statfsSync, statSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, resolve } from 'node:path';
import { unprivilegedAccount } from './os-account';

const MIB = 1024 * 1024;
/** For PostgreSQL's files, an empty cluster, and some very small databases. */
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

/** @throws Error with the remedy if it is not a folder, can't be written, or PostgreSQL's account can't enter it */
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
      `only its owner can enter ${closed}, but PostgreSQL refuses to run as root and so runs under the account 'nobody'; ` +
        "point TMPDIR to a folder that 'nobody' can enter, or run as an ordinary user",
    );
  }
}

/** The first folder of the path that other accounts can't enter. */
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
