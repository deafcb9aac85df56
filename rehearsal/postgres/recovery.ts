/** Real recovery: a cluster made from a backup, as it was when the backup ended, or rolled on to a moment after it. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PreferredAddress } from '../machine/address';
import { copyTree, handOver } from '../machine/copy-tree';
import { type Cluster, createCluster } from './cluster';
import type { PhysicalBackup } from './physical-backup';
import type { WalArchive } from './wal-archive';

export interface Recovery {
  readonly backup: PhysicalBackup;
  /** The moment to recover to; the end of the backup when absent. */
  readonly to?: { readonly archive: WalArchive; readonly stop: string };
}

/**
 * Makes a cluster and recovers it. It runs when this returns.
 *
 * @param settings that the cluster has from then on
 * @param at where to serve, if it is free
 * @param made gets the cluster before it recovers, so that it can be stopped
 * @throws Error with what PostgreSQL said, when recovery did not reach its target
 */
export async function recover(
  recovery: Recovery,
  folder: string,
  settings: Record<string, string>,
  at: PreferredAddress | undefined,
  made: (cluster: Cluster) => void,
): Promise<Cluster> {
  const cluster = await createCluster({
    folder,
    at,
    settings: { ...settings, ...(recovery.to ? target(recovery.to) : {}) },
    fill: async (dataDirectory) => {
      await copyTree(join(recovery.backup.folder, 'data'), dataDirectory);
      if (!recovery.to) return;
      await writeFile(join(dataDirectory, 'recovery.signal'), '', { mode: 0o600 });
      await handOver(join(dataDirectory, 'recovery.signal'));
    },
  });
  made(cluster);
  await cluster.start();
  await cluster.configure(settings);
  return cluster;
}

function target({ archive, stop }: { archive: WalArchive; stop: string }): Record<string, string> {
  return {
    restore_command: restoreCommand(archive),
    recovery_target_time: stop,
    recovery_target_action: 'promote',
    hot_standby: 'off',
  };
}

/** The command that restores a segment from an archive. */
export function restoreCommand(archive: WalArchive): string {
  const quoted = `'${`${archive.folder}/`.replaceAll("'", "'\\''").replaceAll('%', '%%')}'`;
  return `cp ${quoted}"%f" "%p"`;
}

/** A moment in the form of a recovery target; PostgreSQL refuses the `Z` of ISO 8601. */
export function stopAt(time: Date): string {
  return time.toISOString().replace('Z', '+00');
}
