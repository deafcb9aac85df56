import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createCluster } from '../rehearsal/postgres';
import { runFolder } from '../rehearsal/workspace';
import { useDatabase } from './database';

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
