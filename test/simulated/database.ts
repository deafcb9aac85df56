/** A model of RDS around one database (settings, snapshots, exports and their bucket), on a virtual clock, with faults. */
import {
  AddTagsToResourceCommand,
  CreateDBSnapshotCommand,
  type DBInstance,
  type DBSnapshot,
  DeleteDBSnapshotCommand,
  DescribeDBInstancesCommand,
  DescribeDBSnapshotsCommand,
  DescribeExportTasksCommand,
  type ExportTask,
  ModifyDBInstanceCommand,
  RDSClient,
  StartExportTaskCommand,
} from '@aws-sdk/client-rds';
import { ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { Runbook } from '../../lambda/runbook/runbook';
import type { Execution } from '../../rehearsal/runbooks/durable-executions';
import { runCrashing } from './crashes';
import { seededRandom } from './seeded-random';

export const MINUTE = 60_000;
export const DATABASE = 'orders';

export interface Troubles {
  readonly seed?: number;
  readonly throttled?: number;
  readonly unavailable?: number;
  /** Took effect, but the answer was lost. */
  readonly lost?: number;
  /** Share of checkpoints that the invocation crashes at. */
  readonly crashes?: number;
}

export class SimulatedDatabase {
  now = Date.parse('2026-11-20T12:00:00Z');
  instance: DBInstance = { DBInstanceIdentifier: DATABASE, DBInstanceStatus: 'available' };
  /** How long the database can be neither changed nor snapshotted. */
  busyUntil = 0;
  snapshotMinutes = 0.5;
  /** What RDS says of a complete export. */
  exportWarning?: string;
  /** Sizes of the files of an export. */
  exportFiles = [1000, 2000, 500];
  /** The command whose next answer is lost, after it took effect. */
  loses?: string;
  /** How a snapshot or an export ends. */
  ends = { snapshot: 'available', export: 'COMPLETE' };
  readonly snapshots = new Map<string, DBSnapshot>();
  readonly exports = new Map<string, ExportTask>();
  /** What was written to the bucket beside the exports, by key. */
  readonly objects = new Map<string, string>();
  /** Every change that took effect. */
  readonly touched: string[] = [];
  private readonly random: () => number;

  constructor(private readonly troubles: Troubles = {}) {
    this.random = seededRandom(troubles.seed ?? 1);
  }

  /** Runs a runbook to its end, with crashes. */
  async run<Request, Report>(
    runbook: (rds: RDSClient, s3: S3Client) => (request: Request, runbook: Runbook) => Promise<Report>,
    request: Request,
  ): Promise<Execution> {
    return runCrashing((alive) => runbook(this.rds(alive), this.s3(alive)), request, {
      name: `run-${this.troubles.seed}-${this.now}`,
      time: this,
      crashes: () => this.random() < (this.troubles.crashes ?? 0),
    });
  }

  /** A manual snapshot that is there already. */
  snapshot(name: string, daysAgo: number, tags: Record<string, string>, more: Partial<DBSnapshot> = {}): void {
    this.snapshots.set(name, {
      DBSnapshotIdentifier: name,
      DBSnapshotArn: `arn:aws:rds:eu-west-1:111122223333:snapshot:${name}`,
      DBInstanceIdentifier: DATABASE,
      SnapshotType: 'manual',
      Status: 'available',
      SnapshotCreateTime: new Date(this.now - daysAgo * 86_400_000),
      TagList: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
      ...more,
    });
  }

  private rds(alive: () => boolean): RDSClient {
    return Object.create(RDSClient.prototype, { send: { value: this.sender(alive) } });
  }

  private s3(alive: () => boolean): S3Client {
    return Object.create(S3Client.prototype, { send: { value: this.sender(alive) } });
  }

  private sender(alive: () => boolean) {
    const { throttled = 0, unavailable = 0, lost = 0 } = this.troubles;
    return async (command: object) => {
      // A dead process hangs.
      if (!alive()) return new Promise(() => {});
      if (this.random() < throttled) throw fault('ThrottlingException', 400);
      if (this.random() < unavailable) throw fault('InternalFailure', 500);
      const answer = this.answer(command);
      if (this.random() < lost || this.loses === command.constructor.name) {
        this.loses = undefined;
        throw fault('TimeoutError');
      }
      return answer;
    };
  }

  private answer(command: object): object {
    if (command instanceof DescribeDBInstancesCommand) return { DBInstances: [this.shown()] };
    if (command instanceof ModifyDBInstanceCommand) return this.modify(command.input);
    if (command instanceof CreateDBSnapshotCommand) return this.create(command.input);
    if (command instanceof DescribeDBSnapshotsCommand) return this.describe(command.input);
    if (command instanceof DeleteDBSnapshotCommand) {
      const name = String(command.input.DBSnapshotIdentifier);
      if (!this.snapshots.delete(name)) throw fault('DBSnapshotNotFoundFault', 404);
      this.touched.push(`delete ${name}`);
      return {};
    }
    if (command instanceof AddTagsToResourceCommand) return this.tag(command.input);
    if (command instanceof StartExportTaskCommand) return this.export(command.input);
    if (command instanceof DescribeExportTasksCommand) {
      const { ExportTaskIdentifier: name } = command.input;
      const found = [...this.exports.values()].filter((task) => !name || task.ExportTaskIdentifier === name);
      if (name && found.length === 0) throw fault('ExportTaskNotFoundFault', 404);
      return { ExportTasks: found.map((task) => this.progress(task)) };
    }
    if (command instanceof ListObjectsV2Command) return this.list(command.input);
    if (command instanceof PutObjectCommand) {
      this.objects.set(String(command.input.Key), String(command.input.Body));
      return {};
    }
    throw new Error(`${command.constructor.name} is not modelled`);
  }

  private shown(): DBInstance {
    return this.now < this.busyUntil ? { ...this.instance, DBInstanceStatus: 'backing-up' } : this.instance;
  }

  private modify({ DBInstanceIdentifier, ApplyImmediately, ...settings }: ModifyDBInstanceCommand['input']): object {
    if (this.now < this.busyUntil) throw fault('InvalidDBInstanceStateFault', 400);
    this.touched.push(`modify ${DBInstanceIdentifier} ${JSON.stringify(settings)}`);
    const { BackupRetentionPeriod, ...atOnce } = settings;
    const waits = (BackupRetentionPeriod === 0) !== (this.instance.BackupRetentionPeriod === 0);
    Object.assign(this.instance, atOnce);
    if (BackupRetentionPeriod !== undefined) {
      if (waits)
        this.instance.PendingModifiedValues = { ...this.instance.PendingModifiedValues, BackupRetentionPeriod };
      else this.instance.BackupRetentionPeriod = BackupRetentionPeriod;
    }
    // What is asked to be applied at once takes all that waits along.
    if (ApplyImmediately) {
      Object.assign(this.instance, this.instance.PendingModifiedValues);
      delete this.instance.PendingModifiedValues;
    }
    this.busyUntil = this.now + 2 * MINUTE;
    return {};
  }

  private create({ DBSnapshotIdentifier: name = '', Tags = [] }: CreateDBSnapshotCommand['input']): object {
    // The database's state comes first, and is not available while it is snapshotted.
    if (this.now < this.busyUntil) throw fault('InvalidDBInstanceStateFault', 400);
    if (this.snapshots.has(name)) throw fault('DBSnapshotAlreadyExistsFault', 400);
    this.busyUntil = this.now + this.snapshotMinutes * MINUTE;
    this.touched.push(`snapshot ${name}`);
    this.snapshot(name, 0, {}, { Status: 'creating', TagList: Tags });
    return {};
  }

  private tag({ ResourceName, Tags = [] }: AddTagsToResourceCommand['input']): object {
    const found = [...this.snapshots.values()].find(({ DBSnapshotArn }) => DBSnapshotArn === ResourceName);
    if (!found) throw fault('DBSnapshotNotFoundFault', 404);
    const others = found.TagList?.filter(({ Key }) => !Tags.some((tag) => tag.Key === Key)) ?? [];
    found.TagList = [...others, ...Tags];
    return {};
  }

  /** In pages of two, in no order. */
  private describe({ DBSnapshotIdentifier, SnapshotType, Marker }: DescribeDBSnapshotsCommand['input']): object {
    for (const [name, one] of this.snapshots) {
      const age = this.now - Number(one.SnapshotCreateTime);
      if (one.Status === 'creating' && age > this.snapshotMinutes * MINUTE)
        this.snapshots.set(name, { ...one, Status: this.ends.snapshot });
    }
    const all = [...this.snapshots.values()].filter(
      (one) =>
        (DBSnapshotIdentifier ?? one.DBSnapshotIdentifier) === one.DBSnapshotIdentifier &&
        (SnapshotType ?? one.SnapshotType) === one.SnapshotType,
    );
    if (DBSnapshotIdentifier && all.length === 0) throw fault('DBSnapshotNotFoundFault', 404);
    const from = Number(Marker ?? 0);
    return { DBSnapshots: all.slice(from, from + 2), Marker: from + 2 < all.length ? String(from + 2) : undefined };
  }

  private export(input: StartExportTaskCommand['input']): object {
    const name = String(input.ExportTaskIdentifier);
    if (this.exports.has(name)) throw fault('ExportTaskAlreadyExistsFault', 400);
    if (name.length > 60 || !/^[a-z](-?[a-z0-9])*$/i.test(name)) throw fault('InvalidParameterValue', 400);
    this.touched.push(`export ${input.SourceArn} as ${name}`);
    this.exports.set(name, { ...input, Status: 'STARTING', TaskStartTime: new Date(this.now) });
    return {};
  }

  private progress(task: ExportTask): ExportTask {
    const over = this.now - Number(task.TaskStartTime) > MINUTE;
    if (!over || !task.TaskStartTime) return task;
    const FailureCause = this.ends.export === 'FAILED' ? 'the key is disabled' : undefined;
    return {
      ...task,
      Status: this.ends.export,
      PercentProgress: 100,
      FailureCause,
      WarningMessage: this.exportWarning,
    };
  }

  /** In pages of two. What is in the folder of an export is complete once that is. */
  private list({ Prefix = '', ContinuationToken }: ListObjectsV2Command['input']): object {
    const files = [...this.exports.values()].flatMap((task) =>
      this.progress(task).Status === 'COMPLETE'
        ? this.exportFiles.map((Size, part) => ({
            Key: `${task.S3Prefix}/${task.ExportTaskIdentifier}/shop/public.votes/1/part-${part}.gz.parquet`,
            Size,
          }))
        : [],
    );
    const all = files.filter(({ Key }) => Key.startsWith(Prefix));
    const from = Number(ContinuationToken ?? 0);
    const IsTruncated = from + 2 < all.length;
    return {
      Contents: all.slice(from, from + 2),
      IsTruncated,
      NextContinuationToken: IsTruncated ? String(from + 2) : undefined,
    };
  }
}

export function fault(name: string, httpStatusCode?: number): Error {
  return Object.assign(new Error(`simulated ${name}`), { name, $metadata: { httpStatusCode } });
}
