/**
 * Copies of one database's snapshots in one destination.
 *
 * What makes it safe: a copy is named after its snapshot, so copying twice has the same result; only copies with both
 * tags and the name of this SnapshotCopy are ever shared or deleted; age counts from the newest good copy, so that
 * copies stay when no newer ones arrive; and no good copy is deleted while the database is on hold.
 */
import { createHash } from 'node:crypto';
import {
  CopyDBSnapshotCommand,
  type DBSnapshot,
  DeleteDBSnapshotCommand,
  type DescribeDBSnapshotsCommandInput,
  ModifyDBSnapshotAttributeCommand,
  paginateDescribeDBSnapshots,
  type RDSClient,
  type Tag,
} from '@aws-sdk/client-rds';
import {
  COPY_PREFIX,
  copiedBy,
  type Hold,
  isAutomatedOf,
  isBad,
  isCopyOf,
  SNAPSHOT_TAGS,
  type SnapshotCopyDefinition,
} from '../contract';
import type { AskHold } from '../runbook/hold';
import { isFault } from './fault';

/**
 * Copies into one region that an account may have in progress.
 * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_CopySnapshot.html
 */
const MAX_IN_PROGRESS = 20;
/** RDS allows 50 tags on a resource. */
const MAX_TAGS = 50;
/** RDS allows 255 characters. */
const MAX_NAME = 255;

/** A snapshot that is to be copied. */
export interface Missing {
  readonly arn: string;
  readonly target: string;
  readonly tags: readonly { readonly Key: string; readonly Value: string }[];
}

export interface Survey {
  /** To be copied now, newest first. */
  readonly missing: readonly Missing[];
  /** To be copied later, since the destination allows no more copies at a time. */
  readonly waiting: number;
}

/** Result of requesting a copy. `gone`: the snapshot expired meanwhile. */
export type Asked = 'asked' | 'no room' | 'gone';

/** Status of each copy as RDS reports it; `absent` if RDS does not list it yet, `deleted` if it no longer does. */
export type States = Readonly<Record<string, string>>;

export interface Pruned {
  readonly deleted: readonly string[];
  /** The hold that kept the rest from being deleted. */
  readonly hold: Hold | null;
}

export class SnapshotCopies {
  private readonly owner: string;

  constructor(
    private readonly from: RDSClient,
    private readonly to: RDSClient,
    private readonly definition: SnapshotCopyDefinition,
  ) {
    this.owner = createHash('sha256')
      .update(`${definition.source.arn} ${copiedBy(definition)}`)
      .digest('hex')
      .slice(0, 8);
  }

  /** Snapshots that are not copied yet, and would not be over age. */
  async survey(now: number): Promise<Survey> {
    const there = await this.manual();
    const copied = new Set(
      there.filter((copy) => !isFailed(copy)).map(({ DBSnapshotIdentifier }) => DBSnapshotIdentifier),
    );
    const inProgress = there.filter((copy) => isCopy(copy) && copy.Status !== 'available' && !isFailed(copy)).length;
    const sources = await this.sources();
    const oldest = this.oldestKept([...sources, ...there.filter((copy) => this.isOurs(copy))], now);
    const missing = sources
      .filter(({ TagList }) => !isBad(TagList))
      .filter((snapshot) => takenAt(snapshot) > oldest)
      .sort((one, other) => takenAt(other) - takenAt(one))
      .map((snapshot) => this.copyOf(snapshot))
      .filter(({ target }) => !copied.has(target));
    const room = Math.max(0, MAX_IN_PROGRESS - inProgress);
    return { missing: missing.slice(0, room), waiting: Math.max(0, missing.length - room) };
  }

  /** @throws when the region's quota is used up, or has a snapshot of that name that this SnapshotCopy did not make */
  async copy({ arn, target, tags }: Missing): Promise<Asked> {
    const { key, optionGroup } = this.definition.destination;
    try {
      await this.to.send(
        new CopyDBSnapshotCommand({
          SourceDBSnapshotIdentifier: arn,
          TargetDBSnapshotIdentifier: target,
          KmsKeyId: key,
          OptionGroupName: optionGroup,
          // Named one by one: RDS copies no tags of a snapshot that another account shares.
          Tags: [...tags],
        }),
      );
      return 'asked';
    } catch (error) {
      if (isFault(error, 'DBSnapshotNotFound')) return 'gone';
      if (isFault(error, 'SnapshotQuotaExceeded')) return noRoom(error as Error, this.definition.destination.region);
      if (!isFault(error, 'DBSnapshotAlreadyExists')) throw error;
      if ((await this.manual()).some((copy) => copy.DBSnapshotIdentifier === target && !this.isOurs(copy))) {
        throw new Error(
          `snapshot '${target}' exists and does not have the tags of this SnapshotCopy, so it is not touched and its ` +
            'original is not copied; find out who made it, and rename or delete it',
        );
      }
      return 'asked';
    }
  }

  /** @param before what was seen last: a copy that RDS listed and no longer does was deleted meanwhile */
  async states(targets: readonly string[], before: States = {}): Promise<States> {
    const there = new Map((await this.manual()).map((copy) => [copy.DBSnapshotIdentifier, copy.Status ?? 'unknown']));
    const unlisted = (target: string) => ((before[target] ?? 'absent') === 'absent' ? 'absent' : 'deleted');
    return Object.fromEntries(targets.map((target) => [target, there.get(target) ?? unlisted(target)]));
  }

  /** Shares every good copy with the named accounts. Doing it again changes nothing. */
  async share(): Promise<void> {
    const { shareWith } = this.definition;
    if (shareWith.length === 0) return;
    for (const { DBSnapshotIdentifier } of await this.good()) {
      const ValuesToAdd = [...shareWith];
      try {
        await this.to.send(
          new ModifyDBSnapshotAttributeCommand({ DBSnapshotIdentifier, AttributeName: 'restore', ValuesToAdd }),
        );
      } catch (error) {
        // Deleted meanwhile: the next round sees the same.
        if (!isFault(error, 'DBSnapshotNotFound')) throw error;
      }
    }
  }

  /**
   * Deletes copies that are over age, and those that failed: they hold no data, and would block another try. Age counts
   * from the newest good copy, so that nothing is deleted when no newer copies arrive, as when the database is gone.
   *
   * @param hold asked before each deletion; while one is in force, only what failed is deleted
   */
  async prune(now: number, hold: AskHold): Promise<Pruned> {
    const ours = (await this.manual()).filter((copy) => this.isOurs(copy));
    const oldest = this.oldestKept(ours, now);
    const expired = ours
      .filter((copy) => isAvailable(copy) && takenAt(copy) > 0 && takenAt(copy) < oldest)
      .sort((one, other) => takenAt(one) - takenAt(other));
    const deleted: string[] = [];
    for (const copy of ours.filter(isFailed)) if (await this.delete(copy)) deleted.push(nameOf(copy));
    let held = await hold();
    for (const copy of expired) {
      held = await hold();
      if (held) break;
      if (await this.delete(copy)) deleted.push(nameOf(copy));
    }
    return { deleted, hold: held };
  }

  /** @returns false when it is gone, or being copied by another account: the next round tries again */
  private async delete({ DBSnapshotIdentifier }: DBSnapshot): Promise<boolean> {
    try {
      await this.to.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier }));
      return true;
    } catch (error) {
      if (!isFault(error, 'DBSnapshotNotFound') && !isFault(error, 'InvalidDBSnapshotState')) throw error;
      return false;
    }
  }

  /** When the newest good copy's snapshot was taken. */
  async newest(): Promise<number | null> {
    const [newest] = await this.good();
    return newest ? takenAt(newest) : null;
  }

  /** Ours that are available and not known to be bad, newest first. */
  private async good(): Promise<DBSnapshot[]> {
    return (await this.manual())
      .filter((copy) => this.isOurs(copy) && isGood(copy))
      .sort((one, other) => takenAt(other) - takenAt(one));
  }

  /** Counted from the newest good one; one that is dated in the future makes no other old. */
  private oldestKept(snapshots: readonly DBSnapshot[], now: number): number {
    const newest = Math.max(...snapshots.filter(isGood).map(takenAt));
    return Math.min(newest, now) - this.definition.keepSeconds * 1000;
  }

  private async sources(): Promise<DBSnapshot[]> {
    const { kind, instance, arn } = this.definition.source;
    // By name, as IAM has it: one that may not be copied would keep those before it from being copied.
    if (kind === 'automated') {
      const query = { SnapshotType: 'automated', DBInstanceIdentifier: instance };
      return list(this.from, query, (one) => isAvailable(one) && isAutomatedOf(instance, one.DBSnapshotIdentifier));
    }
    // RDS can't list shared snapshots by database.
    const account = arn.split(':')[4];
    return list(this.from, { SnapshotType: 'shared', IncludeShared: true }, (snapshot) => {
      const [owner, name] = snapshot.DBSnapshotArn?.split(':snapshot:') ?? [];
      const isTheirs = snapshot.DBInstanceIdentifier === instance && owner?.split(':')[4] === account;
      return isAvailable(snapshot) && isTheirs && isCopyOf(instance, name);
    });
  }

  /** All databases' manual snapshots there: copies count as manual, and all of them count against the limit. */
  private manual(): Promise<DBSnapshot[]> {
    return list(this.to, { SnapshotType: 'manual' }, () => true);
  }

  private copyOf(snapshot: DBSnapshot): Missing {
    const own: Tag[] = Object.entries(this.tags()).map(([Key, Value]) => ({ Key, Value }));
    const carried = (snapshot.TagList ?? []).filter(({ Key }) => Key && !/^(aws|lifeboat):/i.test(Key));
    // Leaves room for the tag `lifeboat:bad`.
    const tags = [...own, ...carried.slice(0, MAX_TAGS - own.length - 1)];
    return {
      arn: String(snapshot.DBSnapshotArn),
      target: this.target(String(snapshot.DBSnapshotArn)),
      tags: tags.map(({ Key = '', Value = '' }) => ({ Key, Value })),
    };
  }

  /** Automated snapshots are named like `rds:orders-2026-11-09-03-05`, and a copy's name may not have a colon. */
  private target(arn: string): string {
    const original = arn.split(':snapshot:')[1] ?? arn;
    const words = original
      .replace(new RegExp(`^(rds:|${COPY_PREFIX}[0-9a-f]{8}-)`), '')
      .replace(/[^A-Za-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '');
    return `${COPY_PREFIX}${this.owner}-${words}`.slice(0, MAX_NAME).replace(/-+$/, '');
  }

  /**
   * By name as well as by tags, as IAM has it: a person's copy of a copy may carry its tags, and stays that person's.
   */
  private isOurs(snapshot: DBSnapshot): boolean {
    if (!isCopyOf(this.definition.source.instance, snapshot.DBSnapshotIdentifier)) return false;
    const tag = (key: string) => snapshot.TagList?.find(({ Key }) => Key === key)?.Value;
    return Object.entries(this.tags()).every(([key, value]) => tag(key) === value);
  }

  private tags(): Record<string, string> {
    return {
      [SNAPSHOT_TAGS.snapshotOf]: this.definition.source.arn,
      [SNAPSHOT_TAGS.copiedBy]: copiedBy(this.definition),
    };
  }
}

/**
 * RDS has one fault for two limits: copies in progress, which end by themselves, and the number of manual snapshots.
 * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html
 */
function noRoom({ message }: Error, region: string): 'no room' {
  if (/across regions|in progress/i.test(message)) return 'no room';
  throw new Error(
    `the quota of manual snapshots in ${region} is used up (100 unless raised), so nothing more is copied there: ${message}; ` +
      'delete some that nobody needs, shorten the retention of copies, or have the quota raised',
  );
}

/** RDS returns snapshots in no order, in pages, and lists those that are still being made. */
async function list(
  client: RDSClient,
  query: DescribeDBSnapshotsCommandInput,
  wanted: (snapshot: DBSnapshot) => boolean,
): Promise<DBSnapshot[]> {
  const found: DBSnapshot[] = [];
  for await (const { DBSnapshots = [] } of paginateDescribeDBSnapshots({ client }, query)) {
    found.push(...DBSnapshots.filter(wanted));
  }
  return found;
}

/** SnapshotCreateTime changes when a snapshot is copied; the original one doesn't. 0 where RDS does not say yet. */
const takenAt = ({ OriginalSnapshotCreateTime: original, SnapshotCreateTime: created }: DBSnapshot) =>
  (original ?? created)?.getTime() ?? 0;

const isGood = (snapshot: DBSnapshot) => isAvailable(snapshot) && takenAt(snapshot) > 0 && !isBad(snapshot.TagList);
const nameOf = ({ DBSnapshotIdentifier }: DBSnapshot) => String(DBSnapshotIdentifier);
const isAvailable = ({ Status }: DBSnapshot) => Status === 'available';
const isFailed = ({ Status }: DBSnapshot) => Status === 'failed';
const isCopy = ({ SourceDBSnapshotIdentifier }: DBSnapshot) => Boolean(SourceDBSnapshotIdentifier);
