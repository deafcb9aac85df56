/** Throw-away databases for tests: a real server, closed when the test file ends. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { QueryResultRow } from 'pg';
import { runFolder } from '../../rehearsal/machine/workspace';
import { isInstalled, type Major } from '../../rehearsal/postgres/binaries';
import { type Cluster, createCluster } from '../../rehearsal/postgres/cluster';

/** Versions that can be run here; what is missing is said aloud. */
export const VERSIONS: readonly Major[] = ([14, 17, 18] as const).filter((major) => {
  const installed = isInstalled(major);
  if (!installed)
    console.warn(`SKIPPED: PostgreSQL ${major} is not installed for this platform, so its tests prove nothing here`);
  return installed;
});

/** What a test gets: a running server, and `query` as its superuser. */
export interface Database {
  readonly cluster: Cluster;
  query<Row extends QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
}

/**
 * Starts a server for the tests of a file or of a `describe`.
 *
 * @param settings of postgresql.conf
 * @param major of PostgreSQL
 * @returns a function, since the server runs only once the tests do
 */
export function useDatabase(settings: Record<string, string> = {}, major: Major = 17): () => Database {
  let folder: string | undefined;
  let cluster: Cluster | undefined;

  beforeAll(async () => {
    folder = runFolder();
    cluster = await createCluster({ folder: join(folder, 'database'), settings, major, superuserIsClient: true });
    await cluster.start();
  });

  afterAll(async () => {
    await cluster?.remove();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  return () => {
    if (!cluster) throw new Error('the database runs only inside tests; call this from a test, not while it is set up');
    const running = cluster;
    return {
      cluster: running,
      query: async <Row extends QueryResultRow>(sql: string, values: unknown[] = []) =>
        (await running.query<Row>(sql, values)).rows,
    };
  };
}
