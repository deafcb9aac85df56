/**
 * Copies folders of database files: cloned if the file system can, several at a time, owned by PostgreSQL's account.
 */
import { constants } from 'node:fs';
import { chmod, chown, copyFile, lstat, mkdir, readdir, readlink, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { unprivilegedAccount } from './os-account';

export interface CopyOptions {
  /** Paths inside the folder that stay behind. */
  readonly without?: (path: string) => boolean;
  /** Ignores files that are gone before they were copied: a running server removes files. */
  readonly mayVanish?: boolean;
}

const AT_A_TIME = 8;

/**
 * Copies a folder, and hands the copy to the account that PostgreSQL runs under.
 *
 * @returns how many files it holds
 */
export async function copyTree(from: string, to: string, options: CopyOptions = {}): Promise<number> {
  const files: string[] = [];
  const walk = async (path: string) => {
    await mkdir(join(to, path), { mode: 0o700 });
    await handOver(join(to, path));
    for (const entry of await readdir(join(from, path), { withFileTypes: true })) {
      const inside = path === '' ? entry.name : `${path}/${entry.name}`;
      if (options.without?.(inside)) continue;
      if (entry.isDirectory()) await walk(inside).catch((error) => forgive(error, options));
      else files.push(inside);
    }
  };
  await walk('');
  const queue = files.values();
  const copyNext = async () => {
    for (const file of queue) {
      await copyOne(join(from, file), join(to, file)).catch((error) => forgive(error, options));
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, copyNext));
  return files.length;
}

async function copyOne(from: string, to: string): Promise<void> {
  if ((await lstat(from)).isSymbolicLink()) {
    await symlink(await readlink(from), to);
    return;
  }
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  await handOver(to);
}

/** Gives a file or folder to the account that PostgreSQL runs under. */
export async function handOver(path: string): Promise<void> {
  const account = unprivilegedAccount();
  if (account) await chown(path, account.uid, account.gid);
}

/** Makes a folder that only PostgreSQL's account can enter. */
export async function makePrivateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(path, 0o700);
  await handOver(path);
}

function forgive(error: NodeJS.ErrnoException, options: CopyOptions): void {
  if (!(options.mayVanish && error.code === 'ENOENT')) throw error;
}
