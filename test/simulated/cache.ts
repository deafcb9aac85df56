/** A model of ElastiCache's snapshot calls and of the bucket that it exports to, on a virtual clock, with faults. */
import {
  CopySnapshotCommand,
  CreateServerlessCacheSnapshotCommand,
  CreateSnapshotCommand,
  DeleteServerlessCacheSnapshotCommand,
  DeleteSnapshotCommand,
  DescribeReplicationGroupsCommand,
  DescribeServerlessCacheSnapshotsCommand,
  DescribeSnapshotsCommand,
  ElastiCacheClient,
  ExportServerlessCacheSnapshotCommand,
  ListTagsForResourceCommand,
  type Tag,
} from '@aws-sdk/client-elasticache';
import { ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';

import { SimulatedParameters } from './parameters';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export interface Faults {
  readonly seed?: number;
  /** Share of calls that meet each fault. */
  readonly throttled?: number;
  readonly unavailable?: number;
  /** Took effect, but the answer was lost. */
  readonly lost?: number;
}

interface Stored {
  readonly name: string;
  readonly of: { readonly ReplicationGroupId?: string; readonly CacheClusterId?: string };
  readonly taken: number;
  readonly ready: number;
  readonly tags: readonly Tag[];
  readonly shards: number;
  /** When the export under way ends. */
  exporting: number;
  /** When the deletion under way ends. */
  gone?: number;
}

export class SimulatedCache {
  now = Date.parse('2026-11-20T12:00:00Z');
  /** Snapshots and exports take no time unless told otherwise: the SDK really waits a second for each wait. */
  minutes = 0;
  sharded = false;
  shards = 1;
  /** The fault that a snapshot is refused with. */
  refuses?: string;
  /** The fault that an export is refused with. */
  refusesExport?: string;
  /** The command whose next answer is lost, after it took effect. */
  loses?: string;
  /** How long a deletion takes. */
  deletingMinutes = 0;
  readonly touched: string[] = [];
  readonly parameters = new SimulatedParameters();
  readonly asked: object[] = [];
  readonly objects = new Map<string, string>();
  readonly stored = new Map<string, Stored>();
  private state: number;

  constructor(private readonly faults: Faults = {}) {
    this.state = faults.seed ?? 1;
  }

  /** A snapshot taken so many hours ago. */
  put(name: string, hoursAgo: number, tags: readonly Tag[] = [], more: Partial<Stored> = {}): void {
    const taken = this.now - hoursAgo * HOUR;
    const of = { CacheClusterId: 'sessions-002' };
    this.stored.set(name, { name, of, taken, ready: taken, tags, shards: 1, exporting: 0, ...more });
  }

  names = () => [...this.stored.keys()].sort();

  client(alive: () => boolean = () => true): ElastiCacheClient {
    return Object.create(ElastiCacheClient.prototype, { send: { value: this.sender(alive) } });
  }

  s3(alive: () => boolean = () => true): S3Client {
    return Object.create(S3Client.prototype, { send: { value: this.sender(alive) } });
  }

  ssm(alive: () => boolean = () => true) {
    return this.parameters.client('eu-west-1', alive);
  }

  random(): number {
    // Numerical Recipes' generator: a schedule of faults can be run again.
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return this.state / 2 ** 32;
  }

  private sender(alive: () => boolean) {
    const { throttled = 0, unavailable = 0, lost = 0 } = this.faults;
    return async (command: { input: object }) => {
      if (!alive()) return new Promise(() => {});
      if (this.random() < throttled) throw fault('ThrottlingException', 400);
      if (this.random() < unavailable) throw fault('InternalFailure', 500);
      this.asked.push(command.input);
      const answer = this.answer(command);
      if (this.random() < lost || this.loses === command.constructor.name) {
        this.loses = undefined;
        throw fault('TimeoutError');
      }
      return answer;
    };
  }

  private answer(command: object): object {
    if (command instanceof DescribeSnapshotsCommand) return this.page(Number(command.input.Marker ?? 0));
    if (command instanceof DescribeServerlessCacheSnapshotsCommand)
      return { ServerlessCacheSnapshots: this.serverless() };
    if (command instanceof DescribeReplicationGroupsCommand) return { ReplicationGroups: [this.group()] };
    if (command instanceof CreateSnapshotCommand) {
      const { SnapshotName = '', Tags = [], ...of } = command.input;
      return this.create(SnapshotName, of, Tags, '');
    }
    if (command instanceof CreateServerlessCacheSnapshotCommand) {
      const { ServerlessCacheSnapshotName = '', Tags = [] } = command.input;
      return this.create(ServerlessCacheSnapshotName, {}, Tags, 'ServerlessCache');
    }
    if (command instanceof DeleteSnapshotCommand) return this.delete(command.input.SnapshotName, '');
    if (command instanceof DeleteServerlessCacheSnapshotCommand) {
      return this.delete(command.input.ServerlessCacheSnapshotName, 'ServerlessCache');
    }
    if (command instanceof ListTagsForResourceCommand) {
      return { TagList: this.found(command.input.ResourceName?.split(':').at(-1), '').tags };
    }
    if (command instanceof CopySnapshotCommand) {
      const { SourceSnapshotName, TargetSnapshotName } = command.input;
      const key = `${TargetSnapshotName}-0001.rdb`;
      if (this.objects.has(key)) {
        if (!this.there(key)) throw fault('InvalidSnapshotStateFault', 400);
        const message = `The S3 bucket archive already contains an object with key ${key}`;
        throw fault('InvalidParameterValueException', 400, message);
      }
      return this.export(this.found(SourceSnapshotName, ''), String(TargetSnapshotName));
    }
    if (command instanceof ExportServerlessCacheSnapshotCommand) {
      const snapshot = this.found(command.input.ServerlessCacheSnapshotName, 'ServerlessCache');
      if (this.now < snapshot.exporting) throw fault('InvalidServerlessCacheSnapshotStateFault', 400);
      return this.export(snapshot, snapshot.name);
    }
    if (command instanceof ListObjectsV2Command) {
      const { Prefix = '' } = command.input;
      const keys = [...this.objects.keys()].filter((key) => key.startsWith(Prefix));
      return { Contents: keys.filter((key) => this.there(key)).map((Key) => ({ Key, Size: 1000 })) };
    }
    if (command instanceof PutObjectCommand) {
      this.objects.set(String(command.input.Key), String(command.input.Body));
      return {};
    }
    throw new Error(`${command.constructor.name} is not modelled`);
  }

  /** In pages of three, in no order. */
  private page(from: number): object {
    const all = [...this.stored.values()].sort((one, other) => hash(one.name) - hash(other.name));
    const Snapshots = all.slice(from, from + 3).map((snapshot) => ({
      ...snapshot.of,
      SnapshotName: snapshot.name,
      ARN: `arn:aws:elasticache:eu-west-1:111122223333:snapshot:${snapshot.name}`,
      SnapshotStatus: this.status(snapshot),
      NodeSnapshots:
        this.now < snapshot.ready
          ? []
          : Array.from({ length: snapshot.shards }, () => ({ SnapshotCreateTime: new Date(snapshot.taken) })),
    }));
    return { Snapshots, Marker: from + 3 < all.length ? String(from + 3) : undefined };
  }

  private serverless() {
    return [...this.stored.values()].map((snapshot) => ({
      ServerlessCacheSnapshotName: snapshot.name,
      ARN: `arn:aws:elasticache:eu-west-1:111122223333:serverlesscachesnapshot:${snapshot.name}`,
      Status: this.status(snapshot),
      CreateTime: new Date(snapshot.taken),
    }));
  }

  private status({ ready, exporting, gone }: Stored): string {
    if (gone !== undefined) return 'deleting';
    if (this.now < ready) return 'creating';
    return this.now < exporting ? 'exporting' : 'available';
  }

  private group() {
    const NodeGroupMembers = [
      { CacheClusterId: 'sessions-001', CurrentRole: 'primary' },
      { CacheClusterId: 'sessions-002', CurrentRole: 'replica' },
    ];
    return { ClusterEnabled: this.sharded, NodeGroups: [{ NodeGroupMembers }] };
  }

  private create(name: string, of: Stored['of'], tags: readonly Tag[], kind: string): object {
    if (this.refuses) throw fault(this.refuses, 400);
    // The cache's state comes first.
    if ([...this.stored.values()].some((one) => this.status(one) === 'creating')) {
      throw fault(kind ? `Invalid${kind}StateFault` : 'InvalidCacheClusterStateFault', 400);
    }
    if (this.stored.has(name)) throw fault(`${kind}SnapshotAlreadyExistsFault`, 400);
    if (!/^[a-z](-?[a-z0-9])*$/.test(name)) throw fault('InvalidParameterValueException', 400);
    this.touched.push(`create ${name}`);
    const ready = this.now + this.minutes * MINUTE;
    this.stored.set(name, { name, of, taken: this.now, ready, tags, shards: this.shards, exporting: 0 });
    return {};
  }

  private delete(name = '', kind = ''): object {
    const snapshot = this.found(name, kind);
    if (this.status(snapshot) !== 'available') throw fault(`Invalid${kind}SnapshotStateFault`, 400);
    this.touched.push(`delete ${name}`);
    snapshot.gone = this.now + this.deletingMinutes * MINUTE;
    if (this.deletingMinutes === 0) this.stored.delete(name);
    return {};
  }

  private export(snapshot: Stored, name: string): object {
    if (this.refusesExport) throw fault(this.refusesExport, 400);
    this.touched.push(`export ${name}`);
    const complete = this.now + this.minutes * MINUTE;
    // A copy's source looks available all the while.
    if (name === snapshot.name) snapshot.exporting = complete;
    for (let shard = 1; shard <= snapshot.shards; shard++) {
      this.objects.set(`${name}-${String(shard).padStart(4, '0')}.rdb`, String(complete));
    }
    return {};
  }

  /** A file shows once its upload is complete. */
  private there = (key: string) => !key.endsWith('.rdb') || this.now >= Number(this.objects.get(key));

  private found(name: string | undefined, kind: string): Stored {
    const snapshot = this.stored.get(String(name));
    if (!snapshot || this.now >= (snapshot.gone ?? Number.POSITIVE_INFINITY))
      throw fault(`${kind}SnapshotNotFoundFault`, 404);
    return snapshot;
  }
}

const hash = (text: string) => [...text].reduce((sum, letter) => (Math.imul(sum, 31) + letter.charCodeAt(0)) >>> 0, 7);

function fault(name: string, httpStatusCode?: number, message = `simulated ${name}`): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode } });
}
