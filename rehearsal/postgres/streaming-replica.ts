/**
 * A read replica's server: made from a backup of the server it follows, and fed by streaming replication from then on.
 *
 * WAL that it misses while one of the two is down comes from the other's archive, as for RDS's replicas in the same
 * region. There are no replication slots, so a deleted replica does not fill the leader's disk.
 */

import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PreferredAddress } from '../machine/address';
import { handOver } from '../machine/copy-tree';
import { type Cluster, createCluster } from './cluster';
import { backUp, removeBackup } from './physical-backup';
import { restoreCommand } from './recovery';
import type { WalArchive } from './wal-archive';

/** How long to wait for a new replica to stream; afterwards its status says that it doesn't. */
const STREAMING_MS = 10_000;

/** The server that a replica follows. */
export interface Leader {
  readonly cluster: Cluster;
  readonly archive: WalArchive;
}

/** Settings of a replica that has no leader for now. */
export function waiting(): Record<string, string> {
  return { archive_mode: 'always' };
}

/** Settings of a server that follows another, besides those it keeps when it is promoted. */
export function following({ cluster, archive }: Leader): Record<string, string> {
  const { host, port, user, password } = cluster.replicator;
  const quoted = (value: string | number) => `'${String(value).replace(/['\\]/g, '\\$&')}'`;
  return {
    archive_mode: 'always', // its own archive is complete when it is promoted
    primary_conninfo: `host=${quoted(host)} port=${port} user=${quoted(user)} password=${quoted(password)}`,
    restore_command: restoreCommand(archive),
    wal_retrieve_retry_interval: '100ms',
  };
}

/**
 * Makes a replica's server. It runs when this returns, and takes connections that only read.
 *
 * @param places for its folder, and for the backup it is made from until it is made
 * @param settings that it keeps when it is promoted
 * @param made gets the server before it starts, so that it can be stopped
 */
export async function follow(
  leader: Leader,
  places: { folder: string; backup: string },
  settings: Record<string, string>,
  at: PreferredAddress | undefined,
  made: (cluster: Cluster) => void,
): Promise<void> {
  await writeFullPages(leader.cluster);
  const backup = await backUp(leader.cluster, leader.archive, places.backup);
  try {
    const cluster = await createCluster({
      folder: places.folder,
      at,
      settings: { ...settings, ...following(leader) },
      fill: async (dataDirectory) => {
        await rename(join(backup.folder, 'data'), dataDirectory);
        await writeFile(join(dataDirectory, 'standby.signal'), '', { mode: 0o600 });
        await handOver(join(dataDirectory, 'standby.signal'));
        await mkdir(join(dataDirectory, 'pg_replslot'), { recursive: true, mode: 0o700 });
      },
    });
    made(cluster);
    await cluster.start();
    const deadline = performance.now() + STREAMING_MS;
    while (cluster.pid !== undefined && !(await isStreaming(cluster)) && performance.now() < deadline) await sleep(10);
  } finally {
    await removeBackup(backup);
  }
}

/** A replica can be backed up only while whole pages are in the WAL it gets; servers without replicas save that. */
async function writeFullPages(cluster: Cluster): Promise<void> {
  const isOn = async () => {
    const sql = "SELECT current_setting('full_page_writes')::bool OR pg_is_in_recovery() AS on";
    return (await cluster.query<{ on: boolean }>(sql)).rows[0]!.on;
  };
  if (await isOn()) return;
  await cluster.query('ALTER SYSTEM SET full_page_writes = on');
  await cluster.reload();
  while (!(await isOn())) await sleep(5);
  await cluster.query('CHECKPOINT'); // from where on it is so
}

/** Whether WAL streams in right now. */
export async function isStreaming(cluster: Cluster): Promise<boolean> {
  const sql = "SELECT 1 FROM pg_stat_wal_receiver WHERE status = 'streaming'";
  const found = await cluster.query(sql).catch(() => undefined);
  return found !== undefined && found.rows.length > 0;
}

/**
 * Makes it a server of its own, which takes writes and goes on with a timeline of its own.
 *
 * It stops following first: a segment that its leader went on to fill would otherwise be taken from the leader's
 * archive into its own, and replicas of this server would replay it past the place where the timelines part.
 *
 * @param settings of a server that follows nobody
 */
export async function promote(cluster: Cluster, settings: Record<string, string>): Promise<void> {
  await cluster.configure({ ...settings, ...waiting() });
  await cluster.reload();
  while (await hasReceiver(cluster)) await sleep(5);
  const promoted = await cluster.query<{ done: boolean }>('SELECT pg_promote(true, 60) AS done');
  if (!promoted.rows[0]!.done) throw new Error('PostgreSQL was not promoted within 60 s; see the log of the server');
  await cluster.configure(settings);
}

async function hasReceiver(cluster: Cluster): Promise<boolean> {
  return (await cluster.query('SELECT 1 FROM pg_stat_wal_receiver')).rows.length > 0;
}
