/** A fresh database cluster, made once by initdb and copied from then on: 0.1 s instead of 0.6 s. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { copyTree, handOver } from '../machine/copy-tree';
import { unprivilegedAccount } from '../machine/os-account';
import { finishFolder, unfinishedFolder, workspace } from '../machine/workspace';
import { findBinaries, type Major } from './binaries';

/** RDS's own superuser has this name too; no master user can take it. */
export const SUPERUSER = 'rdsadmin';

/** Raise it when what initdb is told below changes. */
const EDITION = 1;

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

/** The password of the superuser in every cluster of this user and version, which all come from one template. */
export async function superuserPassword(major: Major = 17): Promise<string> {
  return (await readTemplate(major))?.password ?? (await makeTemplate(major)).password;
}

interface Template {
  readonly folder: string;
  readonly files: number;
  readonly password: string;
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
  const { initdb } = await findBinaries(major);
  const making = unfinishedFolder('template');
  try {
    const fresh = join(making, 'fresh');
    await mkdir(fresh, { mode: 0o700 });
    await handOver(fresh);
    const password = randomBytes(18).toString('base64url');
    const passwordFile = join(making, 'password');
    await writeFile(passwordFile, password, { mode: 0o600 });
    await handOver(passwordFile);
    const told = ['--pgdata', fresh, '--username', SUPERUSER, '--pwfile', passwordFile, '--auth', 'scram-sha-256'];
    // Checksums, so that damage is found when a page is read. The built-in locale is the same on every system. Small
    // WAL segments make archiving one cheap, which is how often a restorable moment is made.
    told.push('--data-checksums', '--encoding', 'UTF8', '--locale', 'C');
    if (major >= 17) told.push('--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8');
    told.push('--wal-segsize', '4', '--no-sync', '--no-instructions');
    const options = { ...unprivilegedAccount(), cwd: making, env: { PATH: process.env.PATH ?? '', LC_ALL: 'C' } };
    await promisify(execFile)(initdb, told, options);
    const files = await copyTree(fresh, join(making, 'data'));
    await rm(fresh, { recursive: true });
    await rm(passwordFile);
    await writeFile(join(making, 'template.json'), JSON.stringify({ files, password }), { mode: 0o600 });
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
