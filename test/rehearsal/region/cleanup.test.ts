import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { reapLeftovers, runFolder, workspace } from '../../../rehearsal/machine/workspace';
import { serveRegion } from '../../../rehearsal/region';
import { LocalRegion } from '../../real/region';

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const serverOf = (folder: string, cluster: string) =>
  Number(readFileSync(join(folder, cluster, 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);

const TYPESCRIPT = `
  const { transformFileSync } = require('@swc/core');
  require.extensions['.ts'] = (module, file) =>
    module._compile(transformFileSync(file, { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } }).code, file);
  const { createCluster } = require('./rehearsal/postgres/cluster.ts');
  const { reapLeftovers, runFolder } = require('./rehearsal/machine/workspace.ts');
`;

/** A process that starts a cluster, says where, and then waits to be killed. */
const CRASHING = `
  ${TYPESCRIPT}
  const folder = runFolder();
  createCluster({ folder: folder + '/left' }).then((cluster) => cluster.start()).then(() => console.log(folder));
  setInterval(() => {}, 1000);
`;

test.each([30, 200])(
  'closing a region ends its servers and removes its files, also %d ms into a creation',
  async (into) => {
    const local = new LocalRegion(await serveRegion());
    await local.createDatabase('orders');
    const { folder, endpoint } = local.region;
    const cluster = readdirSync(folder).find((entry) => existsSync(join(folder, entry, 'data', 'postmaster.pid')))!;
    const pid = serverOf(folder, cluster);
    expect(isAlive(pid)).toBe(true);
    const creating = local.createDatabase('unfinished');
    creating.catch(() => undefined);
    await sleep(into);
    await Promise.all([local.region.close(), local.region.close()]);
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(folder)).toBe(false);
    expect(execFileSync('ps', ['-ax', '-ww', '-o', 'command'], { encoding: 'utf8' })).not.toContain(folder);
    await expect(fetch(endpoint)).rejects.toThrow();
    await expect(creating).rejects.toThrow();
  },
);

test('what a crashed run left is ended and removed by the next one', async () => {
  const child = spawn(process.execPath, ['-e', CRASHING], {
    cwd: join(__dirname, '..', '..', '..'),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const folder = await new Promise<string>((resolve) =>
    child.stdout.once('data', (line) => resolve(String(line).trim())),
  );
  const pid = serverOf(folder, 'left');
  reapLeftovers();
  expect(isAlive(pid)).toBe(true); // its process lives, so it is nobody's leftover
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  expect(isAlive(pid)).toBe(true);
  reapLeftovers();
  for (let waited = 0; isAlive(pid) && waited < 5000; waited += 20) await sleep(20);
  expect(isAlive(pid)).toBe(false);
  expect(existsSync(folder)).toBe(false);
});

test('what a killed process had not finished for all runs is removed by the next one, not before', async () => {
  const TMPDIR = mkdtempSync(join(tmpdir(), 'lifeboat-test-'));
  chmodSync(TMPDIR, 0o755);
  const options = { cwd: join(__dirname, '..', '..', '..'), env: { ...process.env, TMPDIR } };
  const child = spawn(process.execPath, ['-e', CRASHING], { ...options, stdio: 'ignore' });
  const entries = () =>
    readdirSync(TMPDIR).flatMap((folder) =>
      readdirSync(join(TMPDIR, folder)).map((entry) => join(TMPDIR, folder, entry)),
    );
  const left = () =>
    entries()
      .map((entry) => basename(entry).split('-')[0])
      .filter((kind) => kind !== 'postgres'); // complete, and there for all runs
  const isClaimed = () => entries().some((entry) => existsSync(join(entry, 'fresh')));
  const reap = () => execFileSync(process.execPath, ['-e', `${TYPESCRIPT} reapLeftovers()`], options);
  try {
    while (!isClaimed()) await sleep(2);
    child.kill('SIGSTOP'); // or it would have finished by the time it is killed
    reap();
    expect(left().sort()).toEqual(['making', 'run']); // somebody is at it
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    await initdbEnded(TMPDIR);
    expect(left().sort()).toEqual(['making', 'run']);
    reap();
    expect(left()).toEqual([]);
  } finally {
    child.kill('SIGKILL');
    rmSync(TMPDIR, { recursive: true });
  }
});

/** It is a process of its own, and goes on for a moment. */
async function initdbEnded(folder: string): Promise<void> {
  while (execFileSync('ps', ['-ax', '-ww', '-o', 'command'], { encoding: 'utf8' }).includes(folder)) await sleep(20);
}

test('a process that merely has the number of a crashed server is left alone', async () => {
  const bystander = spawn('sleep', ['60']);
  const folder = join(workspace(), `run-0-${process.pid}`);
  const data = join(folder, 'left', 'data');
  mkdirSync(data, { recursive: true });
  const mine = runFolder();
  const own = JSON.parse(readFileSync(join(mine, 'owner.json'), 'utf8'));
  writeFileSync(join(folder, 'owner.json'), JSON.stringify({ ...own, pid: 4_194_303, started: 'long ago' }));
  writeFileSync(join(data, 'postmaster.pid'), `${bystander.pid}\n${data}\n`);
  reapLeftovers();
  expect(existsSync(folder)).toBe(false);
  expect(isAlive(bystander.pid!)).toBe(true);
  bystander.kill();
  rmSync(mine, { recursive: true });
});

test.each(['', '{"pid":1', 'null', '{"pid":"1"}'])(
  "a folder whose owner is '%s' is removed once it can't be one in the making",
  (owner) => {
    const folder = join(workspace(), `run-0-${process.pid}-torn`);
    mkdirSync(folder);
    writeFileSync(join(folder, 'owner.json'), owner);
    reapLeftovers();
    expect(existsSync(folder)).toBe(true); // its owner may be being written
    const before = new Date(Date.now() - 60_000);
    utimesSync(folder, before, before);
    reapLeftovers();
    expect(existsSync(folder)).toBe(false);
  },
);

test('a region that is to be kept leaves its files and no server', async () => {
  const local = new LocalRegion(await serveRegion({ keep: true }));
  await local.createDatabase('orders', { BackupRetentionPeriod: 0 });
  const { folder } = local.region;
  const cluster = readdirSync(folder).find((entry) => existsSync(join(folder, entry, 'data')))!;
  const pid = serverOf(folder, cluster);
  await local.region.close();
  expect(isAlive(pid)).toBe(false);
  reapLeftovers();
  expect(existsSync(join(folder, cluster, 'data', 'PG_VERSION'))).toBe(true);
  rmSync(folder, { recursive: true });
});
