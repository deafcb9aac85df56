/**
 * A rehearsal's AWS: RDS on real PostgreSQL, and the little S3, Secrets Manager, SSM, STS and Lambda that runbooks use,
 * behind one loopback endpoint. It serves every region by name, in one process, and leaves nothing when it is closed.
 */
import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { keepFolder, runFolder } from './machine/workspace';
import { type Damage, damageTable, type ZeroedPages, zeroPages } from './postgres/damage';
import type { PhysicalBackup } from './postgres/physical-backup';
import { Rds } from './rds/rds';
import { S3 } from './s3/s3';
import type { ClientOptions } from './server/clients';
import { DurableApi, type ShownExecution } from './server/durable-api';
import type { Faults } from './server/faults';
import { type Services, serve } from './server/http-server';
import { answerJson } from './server/json-protocol';
import { parameterOperations } from './server/parameter-store';
import { secretOperations } from './server/secrets-manager';
import { type Caller, newKeys, type RehearsalKeys } from './server/signature';
import { answerSts } from './server/sts';
import { ACCOUNT, World } from './server/world';

export interface RegionOptions {
  /**
   * Port of the endpoint on 127.0.0.1.
   *
   * @default - any that is free
   */
  readonly port?: number;
  /**
   * How long each transitional state (creating, backing-up, deleting ...) lasts at least, in milliseconds.
   *
   * @default 0 as fast as the real work allows
   */
  readonly pacing?: number;
  /**
   * Whether the answer about one instance or snapshot waits until its state settles, for up to 20 seconds. This makes
   * `aws rds wait`, which polls every 30 seconds, return early, and hides transitional states.
   *
   * @default false
   */
  readonly holdDescribes?: boolean;
  /**
   * Instances that may exist at a time.
   *
   * @default 20
   */
  readonly maxInstances?: number;
  /**
   * Snapshots that may exist at a time, automated ones included; each is a full copy on disk.
   *
   * @default 100
   */
  readonly maxSnapshots?: number;
  /**
   * Whether data directories, snapshots and logs stay when the region closes.
   *
   * @default false
   */
  readonly keep?: boolean;
}

/** A table in a snapshot. */
export interface SnapshotTable {
  /** Region of the snapshot. */
  readonly region: string;
  readonly snapshot: string;
  /** `table` of the schema public, or `schema.table`. */
  readonly table: string;
  /**
   * Database that holds it.
   *
   * @default - the first that has such a table
   */
  readonly database?: string;
}

export class Region {
  private closed: Promise<void> | undefined;

  /** Use `serveRegion`. */
  constructor(
    /** The endpoint for clients: `http://127.0.0.1:<port>`. */
    public readonly endpoint: string,
    /** Keys that requests must be signed with: random, and only for this run. */
    public readonly keys: RehearsalKeys,
    private readonly callers: Caller[],
    private readonly durable: DurableApi,
    /** The folder of all its files while it runs. */
    public readonly folder: string,
    /** Faults of calls and restores. */
    public readonly faults: Faults,
    private readonly rds: Rds,
    private readonly stop: () => Promise<void>,
  ) {}

  /** Options for clients of one of its regions. */
  public clients(region: string): ClientOptions {
    return { endpoint: this.endpoint, region, credentials: this.keys };
  }

  /** Keys of one more person, who may call it under a name of their own: a session of the role Operators. */
  public person(name: string): RehearsalKeys {
    const keys = newKeys();
    this.callers.push({ keys, arn: `arn:aws:sts::${ACCOUNT}:assumed-role/Operators/${name}` });
    return keys;
  }

  /** Lets clients see a durable execution of this process, and answer its callbacks. */
  public show(execution: ShownExecution): void {
    this.durable.show(execution);
  }

  /** Names of the instances that exist. */
  public instances(region: string): string[] {
    return [...this.rds.region(region).instances.keys()].sort();
  }

  /**
   * Takes an automated snapshot now, since a day is long to wait for.
   *
   * @returns its identifier, once it is available
   */
  public async takeAutomatedSnapshot(region: string, instance: string): Promise<string> {
    return (await this.rds.region(region).instance(instance).takeAutomatedSnapshot()).identifier;
  }

  /**
   * Damages one page of a table in a snapshot, as a failing disk would: reading the page fails, and everything else
   * goes on as if nothing had happened.
   *
   * @returns what was damaged, and whether `count(*)` still succeeds because an index-only scan never reads the page.
   *   It does when the table was vacuumed before the snapshot.
   */
  public async corruptPage(at: SnapshotTable): Promise<Damage> {
    return damageTable(this.backupOf(at), at.table, at.database);
  }

  /**
   * Zeroes pages of a table in a snapshot. Reading the table does not fail: rows are missing silently, and an
   * index-only scan still counts them.
   *
   * @param pages how many; each has to be marked all-visible, as after a vacuum
   */
  public async zeroPages(at: SnapshotTable, pages: number): Promise<ZeroedPages> {
    return zeroPages(this.backupOf(at), at.table, pages, at.database);
  }

  /**
   * Loses the first segment of WAL that was archived after the newest automated snapshot of an instance. Every restore
   * to a later moment needs it.
   *
   * @returns name of the lost segment
   */
  public async loseWalSegment(region: string, instance: string): Promise<string> {
    return this.rds.region(region).instance(instance).automated.loseSegment();
  }

  private backupOf(at: SnapshotTable): PhysicalBackup {
    const { backup, status } = this.rds.region(at.region).snapshot(at.snapshot);
    if (backup) return backup;
    throw new Error(`snapshot ${at.snapshot} is ${status}, so it has no pages to damage; wait until it is available`);
  }

  /** Stops every server and removes everything, unless it was to be kept. Calling it again waits for the first call. */
  public close(): Promise<void> {
    this.closed ??= this.stop();
    return this.closed;
  }
}

/** Servers that are just ending may still write. */
const REMOVE = { recursive: true, force: true, maxRetries: 5, retryDelay: 50 };

/**
 * Serves a region until it is closed.
 *
 * @throws Error that names the remedy when PostgreSQL is not installed
 */
export async function serveRegion(options: RegionOptions = {}): Promise<Region> {
  const folder = runFolder({ keep: options.keep });
  // For a process that ends without closing; servers end themselves.
  const removeAtExit = () => rmSync(folder, REMOVE);
  if (!options.keep) process.once('exit', removeAtExit);
  const leave = async () => {
    process.removeListener('exit', removeAtExit);
    if (options.keep) keepFolder(folder);
    else await rm(folder, REMOVE);
  };
  try {
    const limits = { instances: options.maxInstances ?? 20, snapshots: options.maxSnapshots ?? 100 };
    const world = new World(folder, options.pacing ?? 0, limits);
    const rds = await Rds.open(world, options.holdDescribes ?? false);
    const keys = newKeys();
    const durable = new DurableApi();
    const callers = [{ keys, arn: `arn:aws:iam::${ACCOUNT}:user/rehearsal` }];
    const server = await serve(servicesOf(rds, durable), options.port ?? 0, callers);
    return new Region(server.endpoint, keys, callers, durable, folder, world.faults, rds, async () => {
      await server.close();
      await endClusters(rds, options.keep);
      await world.close();
      // Work that was under way when everything ended may have started a server since.
      await endClusters(rds, options.keep);
      await leave();
    });
  } catch (error) {
    await leave();
    throw error;
  }
}

function servicesOf(rds: Rds, durable: DurableApi): Services {
  const s3 = new S3();
  const secrets = secretOperations();
  const parameters = parameterOperations();
  return {
    rds: { answer: (call) => rds.answer(call) },
    s3: { answer: (call) => s3.answer(call), mostBytes: S3.mostBytes },
    secretsmanager: { answer: (call) => answerJson(call, secrets) },
    ssm: { answer: (call) => answerJson(call, parameters) },
    sts: { answer: answerSts },
    lambda: { answer: (call) => durable.answer(call) },
    // A rehearsal has no alarms, since nothing can make one.
    monitoring: {
      answer: (call) => answerJson(call, { DescribeAlarms: () => ({ MetricAlarms: [], CompositeAlarms: [] }) }),
    },
  };
}

async function endClusters(rds: Rds, keep = false): Promise<void> {
  const clusters = [...rds.regions.values()].flatMap((region) =>
    [...region.instances.values()].flatMap(({ cluster }) => cluster ?? []),
  );
  await Promise.all(clusters.map((cluster) => (keep ? cluster.retire() : cluster.remove())));
}
