/** A fresh database cluster, made once by initdb and copied from then on: 0.1 s instead of 0.6 s. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { copyTree, handOver } from '../machine/copy-tree';
import { serverEnvironment, unprivilegedAccount } from '../machine/os-account';
import { finishFolder, unfinishedFolder, workspace } from '../machine/workspace';
import { findBinaries, type Major } from './binaries';
import { rolesOfRds, SUPERUSER } from './rds-roles';

/** Raise it when the statements or options below change. */
const EDITION = 2;

/** Fills a data directory with a fresh cluster. */
export async function copyTemplate(dataDirectory: string, major: Major = 17): Promise<void> {
  let template = await readTemplate(major);
  for (let attempt = 0; attempt < 3; attempt++) {
    template ??= await makeTemplate(major);
    const copied = await copyTree(join(template.folder, 'data'), dataDirectory, { mayVanish: true });
    if (copied === template.files) return;
    // Systems clear out their temporary folder by age; a template with files missing is made anew.
    await rm(template.folder, { recursive: true, force: true });
    await rm(dataDirectory, { recursive: true, force: true });
    template = undefined;
  }
  throw new Error(
    `the template of database clusters in ${workspace()} can't be kept whole: something removes its files`,
  );
}

/** Passwords of the region's own roles, in every cluster of this user and version, which all come from one template. */
export interface OwnPasswords {
  readonly superuser: string;
  readonly replicator: string;
}

export async function ownPasswords(major: Major = 17): Promise<OwnPasswords> {
  return ((await readTemplate(major)) ?? (await makeTemplate(major))).passwords;
}

interface Template {
  readonly folder: string;
  readonly files: number;
  readonly passwords: OwnPasswords;
}

async function readTemplate(major: Major): Promise<Template | undefined> {
  const folder = await templateFolder(major);
  try {
    return { folder, ...JSON.parse(readFileSync(join(folder, 'template.json'), 'utf8')) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function templateFolder(major: Major): Promise<string> {
  return join(workspace(), `template-${(await findBinaries(major)).version}-${EDITION}`);
}

async function makeTemplate(major: Major): Promise<Template> {
  const { initdb, postgres } = await findBinaries(major);
  const making = unfinishedFolder('template');
  try {
    const fresh = join(making, 'fresh');
    await mkdir(fresh, { mode: 0o700 });
    await handOver(fresh);
    const random = () => randomBytes(18).toString('base64url');
    const passwords = { superuser: random(), replicator: random() };
    const passwordFile = join(making, 'password');
    await writeFile(passwordFile, passwords.superuser, { mode: 0o600 });
    await handOver(passwordFile);
    const told = ['--pgdata', fresh, '--username', SUPERUSER, '--pwfile', passwordFile, '--auth', 'scram-sha-256'];
    // Checksums, so that damage is found when a page is read. The built-in locale is the same on every system. Small
    // WAL segments make archiving one cheap, which is how often a restorable moment is made.
    told.push('--data-checksums', '--encoding', 'UTF8', '--locale', 'C');
    if (major >= 17) told.push('--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8');
    told.push('--wal-segsize', '4', '--no-sync', '--no-instructions');
    const options = { ...unprivilegedAccount(), cwd: making, env: serverEnvironment() };
    await promisify(execFile)(initdb, told, options);
    // Before any server runs, so that nobody can connect meanwhile. Single-user mode reads a statement from each line.
    const alone = promisify(execFile)(postgres, ['--single', '-j', '-F', '-D', fresh, 'postgres'], options);
    alone.child.stdin!.end(rolesOfRds(passwords.replicator, major).join(';\n\n').concat(';\n\n'));
    refuseErrors((await alone).stderr);
    const files = await copyTree(fresh, join(making, 'data'));
    await rm(fresh, { recursive: true });
    await rm(passwordFile);
    await writeFile(join(making, 'template.json'), JSON.stringify({ files, passwords }), { mode: 0o600 });
    await chmod(making, 0o700);
    finishFolder(making, await templateFolder(major));
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    throw error;
  }
  const template = await readTemplate(major);
  if (!template)
    throw new Error(`the template of database clusters vanished from ${workspace()} as it was made; retry`);
  return template;
}

/** Single-user mode goes on after an error, and still exits with success. */
function refuseErrors(log: string): void {
  const errors = log.split('\n').filter((line) => /\b(ERROR|FATAL|PANIC):/.test(line));
  if (errors.length > 0) throw new Error(`the template of database clusters can't be made: ${errors.join('; ')}`);
}
