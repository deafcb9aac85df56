/** A model of the snapshot calls of RDS in two regions, on a virtual clock, with faults; and rounds of copying in it. */
import {
  CopyDBSnapshotCommand,
  type CopyDBSnapshotCommandInput,
  type DBSnapshot,
  DeleteDBSnapshotCommand,
  DescribeDBSnapshotsCommand,
  type DescribeDBSnapshotsCommandInput,
  ModifyDBSnapshotAttributeCommand,
  RDSClient,
  type Tag,
} from '@aws-sdk/client-rds';
import type { SnapshotCopyDefinition } from '../../lambda/contract';
import { copySnapshots } from '../../lambda/rds/copy-snapshots';
import { runCrashing } from './crashes';
import { SimulatedParameters } from './parameters';
import { seededRandom } from './seeded-random';

export const MINUTE = 60_000;
export const DAY = 24 * 60 * MINUTE;
export const ORDERS = 'arn:aws:rds:us-east-1:111122223333:db:orders';
export const KEY = 'arn:aws:kms:us-west-2:111122223333:alias/lifeboat-shop';

export const copyDefinition: SnapshotCopyDefinition = {
  plan: 'Protection',
  target: 'Orders',
  copy: 'Snapshots',
  source: { kind: 'automated', region: 'us-east-1', instance: 'orders', arn: ORDERS },
  destination: { region: 'us-west-2', key: KEY },
  keepSeconds: (7 * DAY) / 1000,
  shareWith: [],
};

export interface Faults {
  readonly seed?: number;
  readonly throttled?: number;
  readonly unavailable?: number;
  /** Took effect, but the answer was lost. */
  readonly lost?: number;
  /** Share of checkpoints that the invocation crashes at. */
  readonly crashes?: number;
  readonly stoppedAfter?: number;
}

interface Stored extends DBSnapshot {
  readonly region: string;
  /** When a copy ends, and how. */
  readonly ends: number;
  readonly as: string;
  readonly deleted: number;
}

export class SimulatedSnapshots {
  now = Date.parse('2026-11-20T12:00:00Z');
  /** Copies take no time unless told otherwise: the SDK really waits a second for each wait. */
  copyMinutes = 0;
  copiesEnd = 'available';
  /** How long copies last until somebody deletes them. */
  deletedAfterMinutes = Number.POSITIVE_INFINITY;
  /** The fault that copies are refused with. */
  refuses?: string;
  /** The fault that deletion and sharing are refused with. */
  refusesChanges?: string;
  /** Snapshots of a region. */
  quota = 100;
  /** Every copy, deletion and change that took effect. */
  readonly touched: string[] = [];
  readonly printed: string[] = [];
  readonly parameters = new SimulatedParameters();
  readonly shared = new Map<string, readonly string[]>();
  private readonly stored = new Map<string, Stored>();

  constructor(private readonly faults: Faults = {}) {}

  /** An automated snapshot of a database, taken so many days ago. */
  automated(daysAgo: number, more: Partial<DBSnapshot> = {}): string {
    const taken = new Date(this.now - daysAgo * DAY);
    const stamp = taken.toISOString().slice(0, 16).replace(/[T:]/g, '-');
    const DBSnapshotIdentifier = `rds:${more.DBInstanceIdentifier ?? 'orders'}-${stamp}`;
    this.put('us-east-1', {
      DBSnapshotIdentifier,
      DBInstanceIdentifier: 'orders',
      SnapshotType: 'automated',
      Status: 'available',
      SnapshotCreateTime: taken,
      TagList: [],
      ...more,
    });
    return DBSnapshotIdentifier;
  }

  put(region: string, snapshot: DBSnapshot): void {
    const name = String(snapshot.DBSnapshotIdentifier);
    const DBSnapshotArn = `arn:aws:rds:${region}:111122223333:snapshot:${name}`;
    const stored = {
      DBSnapshotArn,
      ...snapshot,
      region,
      ends: 0,
      as: String(snapshot.Status),
      deleted: Number.POSITIVE_INFINITY,
    };
    this.stored.set(`${region} ${name}`, stored);
  }

  /** What a region has, by name. */
  in(region: string): DBSnapshot[] {
    return [...this.stored.values()]
      .filter((one) => one.region === region && this.now < one.deleted)
      .map((one) => this.shown(one));
  }

  names(region = 'us-west-2'): string[] {
    return this.in(region)
      .map(({ DBSnapshotIdentifier }) => String(DBSnapshotIdentifier))
      .sort();
  }

  /** The ages that were published, in days. */
  ages(): number[] {
    return this.published('SnapshotCopyAge').map((seconds) => (seconds * 1000) / DAY);
  }

  /** Values of one metric, in the order in which they were printed. */
  published(metric: string): number[] {
    return this.printed.flatMap((line) => JSON.parse(line)[metric] ?? []);
  }

  /** One round of copying, to its end. */
  async round(definition: Partial<SnapshotCopyDefinition> = {}, request: object = {}): ReturnType<typeof runCrashing> {
    const { seed = 1, crashes = 0, stoppedAfter } = this.faults;
    const random = seededRandom(seed);
    return runCrashing(
      (alive) =>
        copySnapshots({
          definition: { ...copyDefinition, ...definition },
          rds: (region) => this.client(region, random, alive),
          ssm: (region) => this.parameters.client(region, alive),
          print: (line) => this.printed.push(line),
          clock: () => this.now,
        }),
      request,
      { name: `round-${seed}-${this.now}`, time: this, crashes: () => random() < crashes, stoppedAfter },
    );
  }

  private client(region: string, random: () => number, alive: () => boolean): RDSClient {
    const { throttled = 0, unavailable = 0, lost = 0 } = this.faults;
    const send = async (command: object) => {
      if (!alive()) return new Promise(() => {});
      if (random() < throttled) throw fault('ThrottlingException', 400);
      if (random() < unavailable) throw fault('InternalFailure', 500);
      const answer = this.answer(region, command);
      if (random() < lost) throw fault('TimeoutError');
      return answer;
    };
    return Object.create(RDSClient.prototype, { send: { value: send } });
  }

  private answer(region: string, command: object): object {
    if (command instanceof DescribeDBSnapshotsCommand) return this.describe(region, command.input);
    if (command instanceof CopyDBSnapshotCommand) return this.copy(region, command.input);
    if (this.refusesChanges && !(command instanceof CopyDBSnapshotCommand)) throw fault(this.refusesChanges, 403);
    if (command instanceof DeleteDBSnapshotCommand) {
      const { name, key } = this.found(region, command.input.DBSnapshotIdentifier);
      this.touched.push(`delete ${name}`);
      this.stored.delete(key);
      return {};
    }
    if (command instanceof ModifyDBSnapshotAttributeCommand) {
      const { name } = this.found(region, command.input.DBSnapshotIdentifier);
      this.touched.push(`share ${name}`);
      this.shared.set(name, command.input.ValuesToAdd ?? []);
      return {};
    }
    throw new Error(`${command.constructor.name} is not modelled`);
  }

  /** In pages of three, in no order. */
  private describe(region: string, { SnapshotType, DBInstanceIdentifier, Marker }: DescribeDBSnapshotsCommandInput) {
    const all = this.in(region)
      .filter((one) => one.SnapshotType === SnapshotType)
      .filter((one) => !DBInstanceIdentifier || one.DBInstanceIdentifier === DBInstanceIdentifier)
      .sort((one, other) => hash(one) - hash(other));
    const from = Number(Marker ?? 0);
    return { DBSnapshots: all.slice(from, from + 3), Marker: from + 3 < all.length ? String(from + 3) : undefined };
  }

  private copy(region: string, input: CopyDBSnapshotCommandInput): object {
    const { SourceDBSnapshotIdentifier: arn, TargetDBSnapshotIdentifier: target = '', KmsKeyId, Tags = [] } = input;
    const source = [...this.stored.values()].find(({ DBSnapshotArn }) => DBSnapshotArn === arn);
    if (this.refuses) throw fault(this.refuses, 400);
    if (!source) throw fault('DBSnapshotNotFoundFault', 404);
    if (!/^[a-z](-?[a-z0-9])*$/i.test(target)) throw fault('InvalidParameterValue', 400);
    if (source.Encrypted && !KmsKeyId) throw fault('InvalidParameterValue', 400);
    if (this.stored.has(`${region} ${target}`)) throw fault('DBSnapshotAlreadyExistsFault', 400);
    const creating = this.in(region).filter(({ Status }) => Status === 'creating');
    if (creating.length >= 20) {
      throw fault('SnapshotQuotaExceededFault', 400, 'Cannot copy more than 20 snapshots across regions');
    }
    if (this.in(region).length >= this.quota) {
      throw fault('SnapshotQuotaExceededFault', 400, 'Cannot create more than 100 manual snapshots');
    }
    this.touched.push(`copy ${target}`);
    this.put(region, {
      DBSnapshotIdentifier: target,
      DBInstanceIdentifier: source.DBInstanceIdentifier,
      SnapshotType: 'manual',
      Status: 'creating',
      SourceDBSnapshotIdentifier: arn,
      OriginalSnapshotCreateTime: source.OriginalSnapshotCreateTime ?? source.SnapshotCreateTime,
      OptionGroupName: input.OptionGroupName,
      KmsKeyId,
      TagList: Tags as Tag[],
    });
    const key = `${region} ${target}`;
    const ends = this.now + this.copyMinutes * MINUTE;
    const deleted = this.now + this.deletedAfterMinutes * MINUTE;
    this.stored.set(key, { ...(this.stored.get(key) as Stored), ends, as: this.copiesEnd, deleted });
    return {};
  }

  private found(region: string, name = '') {
    const key = `${region} ${name}`;
    if (!this.stored.has(key)) throw fault('DBSnapshotNotFoundFault', 404);
    return { name, key };
  }

  private shown({ ends, as, region: _, deleted: __, ...snapshot }: Stored): DBSnapshot {
    if (this.now < ends) return snapshot;
    return { ...snapshot, Status: as, SnapshotCreateTime: snapshot.SnapshotCreateTime ?? new Date(ends) };
  }
}

const hash = ({ DBSnapshotIdentifier = '' }: DBSnapshot) =>
  [...DBSnapshotIdentifier].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 9973, 7);

function fault(name: string, httpStatusCode?: number, message = `simulated ${name}`): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode } });
}
