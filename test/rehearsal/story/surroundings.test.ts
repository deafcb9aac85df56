/** A rehearsal on machines that are not as it would like them: it works, or says at once what is missing. */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serveRegion } from '../../../rehearsal/region';
import { ZephyrInstance } from '../../../rehearsal/story/zephyr-instance';

const COMMAND = join(__dirname, '..', '..', '..', 'dist', 'bin', 'lifeboat.js');
const folder = mkdtempSync(join(tmpdir(), 'lifeboat-around-'));
chmodSync(folder, 0o777);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly err: string;
}

/** Ends it after a while, since what is tested is that it ends by itself. */
function rehearse(env: Record<string, string>, how: { uid?: number; umask?: string } = {}): Promise<Ended> {
  const { uid, umask = '022' } = how;
  const evidence = join(folder, `evidence ${Math.random()}`);
  const line = `umask ${umask}; exec "$0" "$1" rehearse --rows 10000 --json --evidence "$2"`;
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', line, process.execPath, COMMAND, evidence], {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 150_000,
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    let err = '';
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, err }));
  });
}

const asRoot = process.getuid?.() === 0 ? test : test.skip;
if (process.getuid?.() !== 0)
  console.warn('SKIPPED: only root can try what other accounts meet; these tests ran as one');

test('it works under a strict umask, in a long relative folder with a quote, whatever PG* variables say', async () => {
  // Longer than the path of a socket may be, which only Linux has a way around.
  const place = `it's a place${process.platform === 'linux' ? ' far away'.repeat(15) : ''}`;
  mkdirSync(join(folder, place));
  chmodSync(join(folder, place), 0o755);
  const env = {
    TMPDIR: place,
    PGSSLMODE: 'require',
    PGHOST: '192.0.2.1',
    PGOPTIONS: '-c search_path=nowhere',
    PGUSER: 'someone',
    PGPASSFILE: '/nowhere',
  };
  const { code, err } = await rehearse(env, { umask: '077' });
  expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
}, 160_000);

test.each([true, false])('a path that initdb cannot run from is told, whether it exists or not: %s', async (exists) => {
  const place = join(folder, `${exists} cash$`);
  if (exists) mkdirSync(place);
  expect(await rehearse({ TMPDIR: place })).toEqual({
    code: 1,
    err: expect.stringMatching(/cash\$ has "\$" in its path, .*; point TMPDIR elsewhere\n$/),
  });
});

test('a TMPDIR that is no folder is told', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(await rehearse({ TMPDIR: file })).toEqual({
    code: 1,
    err: expect.stringMatching(/lifeboat: .*file is not a folder, .*; point TMPDIR to one\n$/),
  });
});

test('a TMPDIR that cannot be made is told', async () => {
  const place = process.platform === 'linux' ? '/proc/nowhere' : '/dev/nowhere';
  expect(await rehearse({ TMPDIR: place })).toEqual({
    code: 1,
    err: expect.stringMatching(/lifeboat-\d+ can't be made \(.*\), so .*; point TMPDIR elsewhere\n$/),
  });
});

test('without a PATH, restores find what reads the archive', async () => {
  expect(await rehearse({ TMPDIR: folder, PATH: '' })).toEqual({ code: 0, err: expect.any(String) });
}, 160_000);

asRoot('a user ID without an entry in /etc/passwd, as containers have, is told', async () => {
  expect(await rehearse({ TMPDIR: folder }, { uid: 54_321 })).toEqual({
    code: 1,
    err: expect.stringMatching(/the user ID 54321 has no entry in \/etc\/passwd, .*; add one, .*\n$/),
  });
});

asRoot('a folder that PostgreSQL may not pass through is told', async () => {
  const closed = join(folder, 'closed');
  mkdirSync(join(closed, 'inside'), { recursive: true });
  chmodSync(closed, 0o700);
  expect(await rehearse({ TMPDIR: join(closed, 'inside') })).toEqual({
    code: 1,
    err: expect.stringMatching(/only its owner can enter .*closed, but PostgreSQL .*; point TMPDIR to .*\n$/),
  });
});

asRoot.each([
  ['with too little space', 'size=20m', /has 20 MiB left, and a rehearsal takes 512 at the least; free some, .*\n$/],
  [
    'whose programs cannot run',
    'size=900m,noexec',
    /holds PostgreSQL's programs, and can't run them .*noexec; point .*\n$/,
  ],
])('a folder %s is told', async (_, options, says) => {
  const mounted = mkdtempSync(join(folder, 'mounted-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'none', mounted], { stdio: 'ignore' });
  } catch {
    console.warn('SKIPPED in part: this machine mounts no file system, so one that is full or noexec is not tried');
    return;
  }
  try {
    chmodSync(mounted, 0o755);
    expect(await rehearse({ TMPDIR: mounted })).toEqual({ code: 1, err: expect.stringMatching(says) });
  } finally {
    execFileSync('umount', [mounted]);
  }
});

test('a creation that fails ends the wait for it at once, with the last event', async () => {
  const region = await serveRegion();
  try {
    rmSync(region.folder, { recursive: true });
    writeFileSync(region.folder, 'in the way of every new database');
    await expect(new ZephyrInstance(region).create()).rejects.toThrow(
      /zephyr-production-db is 'failed'; its last event: .*ENOTDIR.*start again; with --keep, the log of its server stays/,
    );
  } finally {
    await region.close();
  }
});
