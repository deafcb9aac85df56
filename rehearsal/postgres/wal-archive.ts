/**
 * The archived write-ahead log of one instance, and the latest moment that it can be restored to.
 */
import { existsSync } from 'node:fs';
import { copyFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { handOver, makePrivateFolder } from '../machine/copy-tree';
import type { Cluster } from './cluster';

const SEGMENT = /^[0-9A-F]{24}$/;
const HISTORY = /^[0-9A-F]{8}\.history$/;
const ARCHIVE_TIMEOUT_MS = 30_000;
/** AWS advances it every five minutes; here reading it does, at most this often. */
const REFRESH_MS = 1000;
/** How long a restore waits for a lagging replica. */
const REACH_MS = 10_000;

/** A moment that can be restored, and where recovery has to stop to reach it. */
export interface RestorableMoment {
  readonly time: Date;
  /** WAL segment that must be in the archive to reach it. */
  readonly segment: string;
  /** The transaction that was committed for it. */
  readonly heartbeat: string;
  /** PostgreSQL's form, to the microsecond. Nothing was committed between it and `time`: both are the same state. */
  readonly stop: string;
}

export class WalArchive {
  private latest: RestorableMoment | undefined;
  private refreshing: Promise<void> | undefined;
  private refreshedAt = Number.NEGATIVE_INFINITY;

  constructor(public readonly folder: string) {}

  public async make(): Promise<void> {
    await makePrivateFolder(this.folder);
  }

  /** Settings that make a cluster archive here. */
  public settings(): Record<string, string> {
    return {
      wal_level: 'replica',
      archive_mode: 'on',
      archive_library: 'basic_archive',
      'basic_archive.archive_directory': this.folder,
      track_commit_timestamp: 'on', // tells whether anything was committed since
    };
  }

  /**
   * The latest moment that can be restored from what lies in the archive.
   *
   * Recovery to a moment needs a later commit to stop at, so one is made: a heartbeat. As long as nothing else is
   * committed, none is needed again.
   *
   * @param cluster that archives here, or undefined when it is gone and the last known moment is final
   * @param when `soon` accepts a moment found within the last second
   */
  public async latestRestorable(cluster: Cluster | undefined, when: 'soon' | 'now' = 'soon') {
    const isDue = when === 'now' || performance.now() - this.refreshedAt >= REFRESH_MS;
    if (cluster?.pid !== undefined && isDue) {
      this.refreshing ??= this.beat(cluster).finally(() => {
        this.refreshing = undefined;
      });
      // While nothing can be archived (a reboot, a deletion, a full disk) the time does not move, as on RDS.
      await this.refreshing.catch(() => undefined);
    }
    return this.latest;
  }

  private async beat(cluster: Cluster): Promise<void> {
    await cluster.connected(async (client) => {
      // The clock is read first: later commits have a later time.
      const asked = await client.query<{ now: Date; stop: string; last: string | null }>(
        'SELECT t AS now, t::text AS stop, (pg_last_committed_xact()).xid::text AS last FROM clock_timestamp() AS t',
      );
      const { now, stop, last } = asked.rows[0]!;
      if (this.latest && last === this.latest.heartbeat) {
        this.latest = { ...this.latest, time: now };
      } else {
        const beat = await client.query<{ xid: string }>(
          "SELECT pg_current_xact_id()::xid::text AS xid, pg_logical_emit_message(true, 'lifeboat', 'heartbeat')",
        );
        const end = await client.query<{ segment: string }>('SELECT pg_walfile_name(pg_switch_wal()) AS segment');
        const { segment } = end.rows[0]!;
        await this.holds(segment);
        this.latest = { time: now, stop, segment, heartbeat: beat.rows[0]!.xid };
      }
      this.refreshedAt = performance.now();
    });
  }

  /**
   * Advances to a moment of the leader, once the WAL for it has arrived here as well.
   *
   * @param isIncluded whether a backup holds it already
   * @param when `now` waits for it; while replication lags, the latest restorable time lags too
   */
  public async reach(moment: RestorableMoment | undefined, isIncluded: boolean, when: 'soon' | 'now') {
    if (!moment) return this.latest;
    const deadline = performance.now() + (when === 'now' ? REACH_MS : 0);
    while (!isIncluded && !existsSync(join(this.folder, moment.segment))) {
      if (performance.now() >= deadline) return this.latest;
      await sleep(5);
    }
    this.latest = moment;
    return moment;
  }

  /** Waits until a segment has been archived. */
  public async holds(segment: string): Promise<void> {
    const deadline = performance.now() + ARCHIVE_TIMEOUT_MS;
    while (!existsSync(join(this.folder, segment))) {
      if (performance.now() > deadline) {
        throw new Error(
          `WAL segment ${segment} was not archived within ${ARCHIVE_TIMEOUT_MS / 1000} s, so nothing later can be ` +
            'restored; see the log of the server, and whether the disk is full',
        );
      }
      await sleep(2);
    }
  }

  /** Names of the archived segments, oldest first. */
  public async segments(): Promise<string[]> {
    return (await readdir(this.folder)).filter((file) => SEGMENT.test(file)).sort();
  }

  /**
   * Copies a range of segments and the history files of timelines, so that a backup is complete in itself.
   *
   * @param unarchived folder that has those that are not in the archive yet
   */
  public async copyTo(folder: string, from: string, to: string, unarchived?: string): Promise<void> {
    const isWanted = (file: string) => HISTORY.test(file) || (SEGMENT.test(file) && file >= from && file <= to);
    for (const origin of unarchived ? [unarchived, this.folder] : [this.folder]) {
      for (const file of (await readdir(origin)).filter(isWanted)) {
        await copyFile(join(origin, file), join(folder, file));
        await handOver(join(folder, file));
      }
    }
  }

  /**
   * Takes over what another archive holds, and the latest moment that could be restored from it before this began.
   *
   * @param from oldest segment that is wanted
   */
  public async takeOver(other: WalArchive, from: string, latest: RestorableMoment | undefined): Promise<void> {
    const held = new Set(await readdir(this.folder));
    for (const file of await readdir(other.folder)) {
      if (held.has(file) || !(HISTORY.test(file) || (SEGMENT.test(file) && file >= from))) continue;
      const arriving = join(this.folder, `${file}.arriving`);
      await copyFile(join(other.folder, file), arriving);
      await handOver(arriving);
      await rename(arriving, join(this.folder, file));
    }
    this.latest = latest;
  }

  /** Deletes segments older than the one that the oldest backup starts at. */
  public async prune(oldestNeeded: string): Promise<void> {
    for (const segment of await this.segments()) {
      if (segment < oldestNeeded) await rm(join(this.folder, segment), { force: true });
    }
  }

  /** Loses one segment, as when storage fails. */
  public async lose(segment: string): Promise<void> {
    await rm(join(this.folder, segment));
  }

  public async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
