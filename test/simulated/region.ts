/**
 * A model of the AWS calls that drills make, on a virtual clock, with faults: for thousands of runs in seconds.
 * What PostgreSQL would do is not modelled; the rehearsal region has the real one.
 */
import { Readable } from 'node:stream';
import {
  type DBInstance,
  DeleteDBInstanceCommand,
  DescribeDBInstanceAutomatedBackupsCommand,
  DescribeDBInstancesCommand,
  DescribeDBSnapshotsCommand,
  DescribeEventsCommand,
  ModifyDBInstanceCommand,
  RDSClient,
  RestoreDBInstanceFromDBSnapshotCommand,
  type RestoreDBInstanceFromDBSnapshotCommandInput,
  RestoreDBInstanceToPointInTimeCommand,
  type Tag,
} from '@aws-sdk/client-rds';
import {
  GetObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';

export const MINUTE = 60_000;

export interface Behaviour {
  /** Share of calls that meet each fault. */
  readonly throttled: number;
  readonly unavailable: number;
  /** Took effect, but the answer was lost. */
  readonly lost: number;
  /** Took effect, but the answer could not be read: not worth a retry, yet not without effect. */
  readonly garbled: number;
  /** Share of describes that show how things were up to 15 seconds ago. */
  readonly stale: number;
  readonly restoreMinutes: number;
  /** How a restore ends. */
  readonly restore: 'available' | 'storage-initialization' | 'sticks' | 'incompatible-restore';
}

export const QUIET: Behaviour = {
  throttled: 0,
  unavailable: 0,
  lost: 0,
  garbled: 0,
  stale: 0,
  restoreMinutes: 3,
  restore: 'available',
};

interface Instance {
  readonly name: string;
  readonly tags: Tag[];
  readonly instanceClass: string;
  readonly created: number;
  readonly ready: number;
  readonly readyStatus: string;
  readonly settings: Partial<RestoreDBInstanceFromDBSnapshotCommandInput>;
  password: string;
  passwordFrom: number;
  deleted: number | null;
}

const STALENESS = 15_000;

/** The database whose copies lie here. */
export const ELSEWHERE = 'arn:aws:rds:us-east-1:123456789012:db:orders';

const BACKUP = {
  Engine: 'postgres',
  EngineVersion: '17.10',
  AllocatedStorage: 100,
  MasterUsername: 'zephyr',
  OptionGroupName: 'default:postgres-17',
};

export class SimulatedRegion {
  readonly instances = new Map<string, Instance>();
  readonly objects = new Map<string, string>();
  /** The same, of what is no text. */
  private readonly bytes = new Map<string, Buffer>();
  /** Every modification and deletion that took effect. */
  readonly touched: string[] = [];

  constructor(
    private readonly clock: () => number,
    private readonly random: () => number,
    readonly behaviour: Behaviour,
  ) {}

  /** An instance that was there before the run. */
  existing(name: string, tags: Tag[] = []): void {
    this.instances.set(name, {
      name,
      tags,
      instanceClass: 'db.t3.large',
      created: this.clock() - 1000 * MINUTE,
      ready: this.clock() - 990 * MINUTE,
      readyStatus: 'available',
      settings: { DBParameterGroupName: 'zephyr-pg17' },
      password: 'of the source',
      passwordFrom: 0,
      deleted: null,
    });
  }

  /** Names of the instances there are now. */
  present(): string[] {
    return [...this.instances.values()]
      .filter((instance) => !this.isGone(instance, this.clock()))
      .map(({ name }) => name);
  }

  /** The password that connections are accepted with, if the database answers at all. */
  passwordOf(host: string): string | undefined {
    const instance = this.instances.get(host.replace('.example', ''));
    return instance && this.clock() >= instance.passwordFrom ? instance.password : 'of the source';
  }

  /** Clients whose calls end here. They hang once their invocation has crashed, as a dead process does. */
  rds(alive: () => boolean): RDSClient {
    return Object.create(RDSClient.prototype, { send: { value: this.sender(alive) } });
  }

  /** What an object holds, byte for byte. */
  async bytesOf(key: string): Promise<Buffer> {
    const body = String(this.objects.get(key));
    const written = this.bytes.get(key);
    return written?.toString() === body ? written : Buffer.from(body);
  }

  write(key: string, bytes: Buffer): void {
    this.bytes.set(key, bytes);
    this.objects.set(key, bytes.toString());
  }

  copy(from: string, to: string): void {
    this.write(to, this.bytes.get(from) ?? Buffer.from(String(this.objects.get(from))));
  }

  s3(alive: () => boolean): S3Client {
    return Object.create(S3Client.prototype, { send: { value: this.sender(alive) } });
  }

  private sender(alive: () => boolean) {
    return async (command: object) => {
      if (!alive()) return new Promise(() => {});
      const { throttled, unavailable, lost, garbled } = this.behaviour;
      if (this.random() < throttled) throw fault('ThrottlingException', 400);
      if (this.random() < unavailable) throw fault('InternalFailure', 500);
      const answer = this.answer(command);
      if (this.random() < lost) throw fault('TimeoutError');
      if (this.random() < garbled) throw fault('SyntaxError');
      return answer;
    };
  }

  private answer(command: object): object {
    if (command instanceof DescribeDBInstancesCommand) return this.describe(command.input.DBInstanceIdentifier);
    if (command instanceof DescribeDBInstanceAutomatedBackupsCommand) {
      return command.input.DBInstanceIdentifier ? this.backups() : this.replicatedBackups(command.input.Marker);
    }
    if (command instanceof DescribeDBSnapshotsCommand) {
      const { DBSnapshotIdentifier: id, SnapshotType, Marker } = command.input;
      if (id !== undefined) return this.named(id);
      return SnapshotType === 'manual' ? this.copies(Marker) : this.snapshots(Marker);
    }
    if (command instanceof DescribeEventsCommand) return { Events: [{ Message: 'Restore failed: disk on fire' }] };
    if (command instanceof RestoreDBInstanceToPointInTimeCommand) {
      return this.restore(command.input.TargetDBInstanceIdentifier, command.input);
    }
    if (command instanceof RestoreDBInstanceFromDBSnapshotCommand) {
      return this.restore(command.input.DBInstanceIdentifier, command.input);
    }
    if (command instanceof ModifyDBInstanceCommand) {
      return this.modify(command.input.DBInstanceIdentifier, command.input.MasterUserPassword);
    }
    if (command instanceof DeleteDBInstanceCommand) return this.delete(command.input.DBInstanceIdentifier);
    if (command instanceof PutObjectCommand) return this.put(command.input);
    if (command instanceof ListObjectVersionsCommand) return this.versions(command.input.Prefix);
    if (command instanceof GetObjectCommand) return this.get(command.input.Key);
    if (command instanceof ListObjectsV2Command) return this.list(command.input.Prefix);
    throw new Error(`${command.constructor.name} is not modelled`);
  }

  private describe(name: string | undefined): { DBInstances: DBInstance[] } {
    const now = this.clock() - (this.random() < this.behaviour.stale ? this.random() * STALENESS : 0);
    const seen = [...this.instances.values()].filter(
      (instance) =>
        instance.created <= now && !this.isGone(instance, now) && (name === undefined || instance.name === name),
    );
    if (name !== undefined && seen.length === 0) throw fault('DBInstanceNotFoundFault', 404);
    return { DBInstances: seen.map((instance) => this.shown(instance, now)) };
  }

  private shown(instance: Instance, now: number): DBInstance {
    const ready = now >= instance.ready;
    const deleting = instance.deleted !== null && now >= instance.deleted;
    return {
      DBInstanceIdentifier: instance.name,
      DBInstanceStatus: deleting ? 'deleting' : ready ? instance.readyStatus : 'creating',
      DBInstanceClass: instance.instanceClass,
      Engine: 'postgres',
      EngineVersion: '17.10',
      AllocatedStorage: 100,
      MasterUsername: 'zephyr',
      DBName: 'zephyr',
      DBParameterGroups: [{ DBParameterGroupName: instance.settings.DBParameterGroupName ?? 'default.postgres17' }],
      OptionGroupMemberships: [{ OptionGroupName: 'default:postgres-17' }],
      TagList: instance.tags,
      PendingModifiedValues: now < instance.passwordFrom ? { MasterUserPassword: '****' } : {},
      ...(ready ? { Endpoint: { Address: `${instance.name}.example`, Port: 5432 } } : {}),
    };
  }

  private backups() {
    const EarliestTime = new Date(this.clock() - 30 * 24 * 60 * MINUTE);
    const LatestTime = new Date(this.clock() - 4 * MINUTE);
    const retained = { Status: 'retained', RestoreWindow: { EarliestTime: new Date(0), LatestTime: new Date(1) } };
    return {
      DBInstanceAutomatedBackups: [retained, { Status: 'active', RestoreWindow: { EarliestTime, LatestTime } }],
    };
  }

  /**
   * In two pages, the newest good one in the middle of the first, one still being made, and one known to be bad: as AWS may
   * return them. The role may not
   * restore what was taken before an upgrade: it is called otherwise.
   */
  private snapshots(marker: string | undefined) {
    const taken = (daysAgo: number, Status = 'available', name = `rds:orders-2026-11-${20 - daysAgo}-03-05`) => ({
      DBSnapshotIdentifier: name,
      DBInstanceIdentifier: 'orders',
      Status,
      SnapshotCreateTime: new Date(this.clock() - daysAgo * 24 * 60 * MINUTE),
    });
    return marker
      ? { DBSnapshots: [taken(5), taken(4)] }
      : {
          DBSnapshots: [
            taken(2),
            taken(1),
            taken(0.5, 'available', 'rds:preupgrade-orders-16-4-to-17-10-2026-11-19-15-05'),
            taken(3),
            {
              ...taken(0.9, 'available', 'rds:orders-2026-11-19-05-29'),
              TagList: [{ Key: 'lifeboat:bad', Value: 'x' }],
            },
            taken(0, 'creating'),
          ],
          Marker: 'more',
        };
  }

  /**
   * What was copied here from another region, beside newer ones: that a person made, of a snapshot and of a copy; and of
   * another database.
   */
  private copies(marker: string | undefined) {
    const copy = (daysAgo: number, database: string, tagged: string | null, byHand?: 'by hand') => {
      const taken = new Date(this.clock() - daysAgo * 24 * 60 * MINUTE);
      return {
        ...BACKUP,
        DBSnapshotIdentifier: byHand
          ? `${database}-${daysAgo}-by-hand`
          : `lifeboat-0a1b2c3d-${database}-${taken.toISOString().slice(0, 10)}-03-04`,
        DBInstanceIdentifier: database,
        Status: 'available',
        SnapshotCreateTime: new Date(this.clock()),
        OriginalSnapshotCreateTime: taken,
        TagList: tagged === null ? [] : [{ Key: 'lifeboat:snapshot-of', Value: tagged }],
      };
    };
    return marker
      ? { DBSnapshots: [copy(2, 'orders', ELSEWHERE), copy(4, 'orders', ELSEWHERE)] }
      : {
          DBSnapshots: [
            copy(1, 'orders', null),
            copy(1, 'orders', ELSEWHERE, 'by hand'),
            copy(3, 'orders', ELSEWHERE),
            copy(0, 'billing', null),
          ],
          Marker: 'more',
        };
  }

  /** Of a database; of one that is gone, and had an earlier one of its name; and of one that was made anew. */
  private replicatedBackups(marker: string | undefined) {
    const replicated = (database: string, id: string, Status: string, minutesBehind: number) => ({
      ...BACKUP,
      DBInstanceArn: ELSEWHERE.replace(/orders$/, database),
      DBInstanceAutomatedBackupsArn: `arn:aws:rds:us-west-2:123456789012:auto-backup:ab-${id}`,
      Status,
      RestoreWindow:
        Status === 'pending'
          ? undefined
          : {
              EarliestTime: new Date(this.clock() - 30 * 24 * 60 * MINUTE),
              LatestTime: new Date(this.clock() - minutesBehind * MINUTE),
            },
    });
    return marker
      ? {
          DBInstanceAutomatedBackups: [
            replicated('orders', 'orders', 'replicating', 5),
            replicated('anew', 'anew', 'pending', 0),
            replicated('gone', 'long-gone', 'retained', 9000),
          ],
        }
      : {
          DBInstanceAutomatedBackups: [
            replicated('orders', 'orders-before', 'retained', 3),
            replicated('billing', 'billing', 'replicating', 4),
            replicated('anew', 'anew-before', 'retained', 60),
            replicated('gone', 'gone', 'retained', 60),
          ],
          Marker: 'more',
        };
  }

  /** A snapshot by hand is named `<its database>-by-hand`, and a copy from another region `<its database>-from-<region>`. */
  private named(id: string) {
    const SnapshotCreateTime = new Date(this.clock() - 60 * MINUTE);
    const DBInstanceIdentifier = id.replace(/-(by-hand|from-.*)$/, '');
    const [, region] = id.split('-from-');
    const Value = ELSEWHERE.replace('us-east-1', region ?? '');
    const TagList = region ? [{ Key: 'lifeboat:snapshot-of', Value }] : [];
    return {
      DBSnapshots: [
        { ...BACKUP, DBSnapshotIdentifier: id, DBInstanceIdentifier, Status: 'available', SnapshotCreateTime, TagList },
      ],
    };
  }

  private restore(name = '', input: Omit<RestoreDBInstanceFromDBSnapshotCommandInput, 'DBInstanceIdentifier'>): object {
    const before = this.instances.get(name);
    if (before && !this.isGone(before, this.clock())) throw fault('DBInstanceAlreadyExistsFault', 400);
    const { restore, restoreMinutes } = this.behaviour;
    this.instances.set(name, {
      name,
      tags: input.Tags ?? [],
      instanceClass: input.DBInstanceClass ?? 'db.t3.large',
      created: this.clock(),
      ready: restore === 'sticks' ? Number.POSITIVE_INFINITY : this.clock() + restoreMinutes * MINUTE,
      readyStatus: restore,
      settings: input,
      password: 'of the source',
      passwordFrom: 0,
      deleted: null,
    });
    return {};
  }

  private modify(name = '', password = ''): object {
    const instance = this.usable(name);
    if (this.clock() < instance.passwordFrom) throw fault('InvalidDBInstanceStateFault', 400);
    this.touched.push(`modify ${name}`);
    instance.password = password;
    instance.passwordFrom = this.clock() + 20_000;
    return {};
  }

  private delete(name = ''): object {
    const instance = this.instances.get(name);
    if (!instance || this.isGone(instance, this.clock())) throw fault('DBInstanceNotFoundFault', 404);
    if (instance.deleted !== null) throw fault('InvalidDBInstanceStateFault', 400);
    this.touched.push(`delete ${name}`);
    instance.deleted = this.clock();
    return {};
  }

  private usable(name: string): Instance {
    const instance = this.instances.get(name);
    if (!instance || this.isGone(instance, this.clock())) throw fault('DBInstanceNotFoundFault', 404);
    if (this.clock() < instance.ready || instance.deleted !== null) throw fault('InvalidDBInstanceStateFault', 400);
    return instance;
  }

  private isGone = ({ deleted }: Instance, now: number) => deleted !== null && now >= deleted + 2 * MINUTE;

  private put({ Key = '', Body, IfNoneMatch }: PutObjectCommand['input']): object {
    if (IfNoneMatch === '*' && this.objects.has(Key)) throw fault('PreconditionFailed', 412);
    this.write(Key, Buffer.from(Body as string | Uint8Array));
    return {};
  }

  private async get(key = ''): Promise<object> {
    if (!this.objects.has(key)) throw fault('NoSuchKey', 404);
    return { Body: Readable.from([await this.bytesOf(key)]) };
  }

  /** One of each: nobody writes over objects here, or deletes them. */
  private versions(prefix = ''): object {
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix));
    return { Versions: keys.map((Key) => ({ Key, IsLatest: true })) };
  }

  private list(prefix = ''): object {
    return { Contents: [...this.objects.keys()].filter((Key) => Key.startsWith(prefix)).map((Key) => ({ Key })) };
  }
}

export function fault(name: string, httpStatusCode?: number): Error {
  return Object.assign(new Error(`simulated ${name}`), { name, $metadata: { httpStatusCode } });
}
