import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runFolder } from '../../../rehearsal/machine/workspace';
import { createCluster } from '../../../rehearsal/postgres/cluster';
import { useDatabase } from '../../real/database';

describe('a cluster', () => {
  const database = useDatabase({ work_mem: '7MB' });

  test('is a real server with checksums, reached by its own address and a password', async () => {
    const [row] = await database().query<{ version: string; checksums: string; work_mem: string }>(
      "SELECT version(), current_setting('data_checksums') AS checksums, current_setting('work_mem') AS work_mem",
    );
    expect(row?.version).toMatch(/^PostgreSQL 17/);
    expect(row).toMatchObject({ checksums: 'on', work_mem: '7MB' });
    expect(database().cluster.host).toMatch(/^127\.0\./);
  });

  test('keeps its data through a stop, and a stop as by a failing machine', async () => {
    const { cluster, query } = database();
    await query('CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n');
    await cluster.stop();
    expect(cluster.pid).toBeUndefined();
    await cluster.start();
    await query('INSERT INTO kept VALUES (1001)');
    await cluster.stop({ immediately: true });
    await cluster.start();
    expect(await query('SELECT count(*)::int AS rows FROM kept')).toEqual([{ rows: 1001 }]);
  });

  test('says what the server logged when it cannot start', async () => {
    const folder = runFolder();
    const cluster = await createCluster({
      folder: join(folder, 'c'),
      settings: { shared_preload_libraries: 'absent' },
    });
    await expect(cluster.start()).rejects.toThrow(/FATAL.*absent/);
    await cluster.remove();
    rmSync(folder, { recursive: true });
  });

  test('shares no address with others that start at the same time', async () => {
    const folder = runFolder();
    const clusters = await Promise.all(
      ['a', 'b', 'c', 'd'].map((name) => createCluster({ folder: join(folder, name) })),
    );
    await Promise.all(clusters.map((cluster) => cluster.start()));
    expect(new Set(clusters.map(({ host, port }) => `${host}:${port}`)).size).toBe(4);
    await Promise.all(clusters.map((cluster) => cluster.remove()));
    rmSync(folder, { recursive: true });
  });
});

const asRoot = process.getuid?.() === 0 ? test : test.skip;
if (process.getuid?.() !== 0)
  console.warn('SKIPPED: only root can try what another user meets; these tests ran as one');

asRoot('runs for an ordinary user too, from a package they cannot write to', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lifeboat-test-'));
  chownSync(folder, 65534, 65534);
  const script = `
    const { transformFileSync } = require('@swc/core');
    const options = { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } };
    require.extensions['.ts'] = (module, file) => module._compile(transformFileSync(file, options).code, file);
    const { createCluster } = require('./rehearsal/postgres/cluster.ts');
    const { runFolder } = require('./rehearsal/machine/workspace.ts');
    (async () => {
      const cluster = await createCluster({ folder: runFolder() + '/database' });
      await cluster.start();
      console.log(process.getuid(), (await cluster.query('SELECT 42 AS answer')).rows[0].answer);
      await cluster.remove();
    })();`;
  try {
    const output = execFileSync(process.execPath, ['-e', script], {
      cwd: join(__dirname, '..', '..', '..'),
      uid: 65534,
      gid: 65534,
      env: { PATH: process.env.PATH, TMPDIR: folder, HOME: folder },
      encoding: 'utf8',
    });
    expect(output.trim()).toBe('65534 42');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
