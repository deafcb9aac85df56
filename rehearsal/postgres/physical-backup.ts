/**
 * A physical copy of a running cluster, complete in itself: its own WAL is in it, so that it can be restored when the
 * archive is gone, and its files are never shared with a server, since servers write in place.
 */
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { copyTree, handOver } from '../machine/copy-tree';
import type { Cluster } from './cluster';
import type { WalArchive } from './wal-archive';

/** A table's file in a backup, which tests damage on purpose. */
export interface TableFile {
  readonly database: string;
  /** `schema.table` */
  readonly table: string;
  /** Path inside the data directory. */
  readonly path: string;
}

export interface PhysicalBackup {
  /** Holds `data`. */
  readonly folder: string;
  /** No earlier moment can be recovered from it. */
  readonly completed: Date;
  /** First WAL segment that recovery from here reads. */
  readonly firstSegment: string;
  /** Last one that is in the backup itself. */
  readonly lastSegment: string;
  readonly tables: readonly TableFile[];
}

/** Files that a copy must not have: those of the running server, and those that a server makes again. */
const LEFT_BEHIND = [
  /^pg_wal\//,
  /^postmaster\.(pid|opts)$/,
  /^(standby|recovery)\.signal$/,
  /^(pg_replslot|pg_dynshmem|pg_notify|pg_serial|pg_snapshots|pg_stat_tmp|pg_subtrans)\//,
  /(^|\/)pgsql_tmp/,
  /(^|\/)pg_internal\.init/,
];

const CONTROL_FILE = 'global/pg_control';

/** Backs a running cluster up into a new folder; a replica too, without its source taking part. */
export async function backUp(cluster: Cluster, archive: WalArchive, folder: string): Promise<PhysicalBackup> {
  return cluster.connected(async (client) => {
    await mkdir(folder, { mode: 0o700 });
    const tables = await listTables(cluster);
    const start = await client.query<Position>(`SELECT ${POSITION} FROM pg_backup_start('lifeboat', true) AS lsn`);
    const { replica } = start.rows[0]!;
    const data = join(folder, 'data');
    await copyTree(cluster.dataDirectory, data, {
      without: (path) => LEFT_BEHIND.some((pattern) => pattern.test(path)),
      mayVanish: true,
    });
    // On a replica it records how far the files have been changed, so it may not be older than any of them.
    if (replica) await copyFile(join(cluster.dataDirectory, CONTROL_FILE), join(data, CONTROL_FILE));
    // Waiting inside pg_backup_stop polls once a second; the archive is watched instead.
    const stop = await client.query<Position & { labelfile: string; completed: Date }>(
      `SELECT ${POSITION}, labelfile, clock_timestamp() AS completed FROM pg_backup_stop(false)`,
    );
    const { labelfile, completed } = stop.rows[0]!;
    await writeFile(join(data, 'backup_label'), labelfile, { mode: 0o600 });
    await handOver(join(data, 'backup_label'));
    const [firstSegment, lastSegment] = [segmentOf(start.rows[0]!), segmentOf(stop.rows[0]!)];
    const wal = join(data, 'pg_wal');
    // On a replica the last segment is still being filled, but it has everything that the backup needs.
    if (replica) await archive.copyTo(wal, firstSegment, lastSegment, join(cluster.dataDirectory, 'pg_wal'));
    else {
      await archive.holds(lastSegment);
      await archive.copyTo(wal, firstSegment, lastSegment);
    }
    // The client rounds down to the millisecond.
    return { folder, completed: new Date(completed.getTime() + 1), firstSegment, lastSegment, tables };
  });
}

/** A place in the WAL. PostgreSQL names the segment of one only where it writes WAL itself. */
interface Position {
  readonly replica: boolean;
  readonly timeline: number;
  /** Bytes from the beginning. */
  readonly offset: string;
  readonly segmentSize: string;
}

const POSITION = `pg_is_in_recovery() AS replica,
  CASE WHEN pg_is_in_recovery() THEN (SELECT coalesce(nullif(min_recovery_end_timeline, 0), timeline_id)
      FROM pg_control_recovery(), pg_control_checkpoint())
    ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int END AS timeline,
  (lsn - '0/0')::text AS "offset", (SELECT bytes_per_wal_segment FROM pg_control_init())::text AS "segmentSize"`;

function segmentOf({ timeline, offset, segmentSize }: Position): string {
  // A position between two segments counts to the one before, as in pg_walfile_name.
  const segment = (BigInt(offset) - 1n) / BigInt(segmentSize);
  const perFile = 2n ** 32n / BigInt(segmentSize);
  const parts = [BigInt(timeline), segment / perFile, segment % perFile];
  return parts.map((part) => part.toString(16).toUpperCase().padStart(8, '0')).join('');
}

/** Copies a backup, such as for a snapshot of its own. */
export async function copyBackup(backup: PhysicalBackup, folder: string): Promise<PhysicalBackup> {
  await mkdir(folder, { mode: 0o700 });
  try {
    await copyTree(join(backup.folder, 'data'), join(folder, 'data'));
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return { ...backup, folder };
}

export async function removeBackup(backup: PhysicalBackup): Promise<void> {
  await rm(backup.folder, { recursive: true, force: true });
}

async function listTables(cluster: Cluster): Promise<TableFile[]> {
  const databases = await cluster.query<{ datname: string }>(
    "SELECT datname FROM pg_database WHERE datallowconn AND datname <> 'template1'",
  );
  const lists = databases.rows.map(async ({ datname: database }) => {
    const tables = await cluster.query<{ table: string; path: string }>(
      `SELECT n.nspname || '.' || c.relname AS table, pg_relation_filepath(c.oid) AS path
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')`,
      [],
      database,
    );
    return tables.rows.map((row) => ({ database, ...row }));
  });
  return (await Promise.all(lists)).flat();
}
