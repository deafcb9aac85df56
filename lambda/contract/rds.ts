/** What starts the functions that look after a database's own backups, snapshots and exports. */
import * as v from 'valibot';
import { accountId, identifier, keyPrefix, label, name, notChosen, seconds, tagValue } from './fields';
import { copiedBy } from './names';
import { RDS_LIMITS } from './rds-limits';

/** The definition of a SnapshotCopy, whose copies outlive the region or the account. */
export const snapshotCopyDefinition = v.pipe(
  v.strictObject({
    plan: label,
    target: label,
    /** Name of this SnapshotCopy, among those of the target. */
    copy: label,
    source: v.strictObject({
      /** The database's own automated snapshots, or copies that another account shares with this one. */
      kind: v.picklist(['automated', 'shared']),
      region: name,
      instance: identifier,
      /** ARN of the database. Shared copies name the account that shares them in it. */
      arn: name,
    }),
    destination: v.strictObject({
      region: name,
      /** A key there: ARN of it, or of an alias. */
      key: name,
      /** RDS's default option group for the engine when absent. */
      optionGroup: v.optional(name),
    }),
    /** How long copies are kept, counted from when their snapshot was taken. */
    keepSeconds: seconds,
    /** Accounts that may copy the copies on. */
    shareWith: v.array(accountId),
  }),
  v.check(
    (request) => v.is(tagValue, copiedBy(request)),
    'plan, target and copy become a tag, so together they may have at most 254 letters, digits, spaces or any of _.:/=+-@',
  ),
);

export type SnapshotCopyDefinition = v.InferOutput<typeof snapshotCopyDefinition>;

/** Starts a round of copying: empty, so that whoever may invoke the function can't have copies pruned or shared. */
export const snapshotCopyRequest = v.strictObject({}, notChosen('a round of copies', 'nothing'));

/** The database whose backups are watched. */
export const databaseWatchRequest = v.strictObject({ instance: identifier });

export type DatabaseWatchRequest = v.InferOutput<typeof databaseWatchRequest>;

/** Backup settings for a database that no template describes. What is absent is left unchanged. */
export const backupSettings = v.strictObject({
  instance: identifier,
  /** UTC, as RDS writes it: hh:mm-hh:mm. */
  window: v.optional(v.pipe(v.string(), v.regex(/^\d\d:\d\d-\d\d:\d\d$/, 'must be hh:mm-hh:mm'))),
  retentionDays: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(RDS_LIMITS.retentionDays.max))),
  /** Whether the retention may be lowered, at which RDS deletes older backups at once. Refused when absent. */
  olderBackupsMayBeDeleted: v.optional(v.literal(true)),
  copyTagsToSnapshot: v.optional(v.literal(true)),
  deletionProtection: v.optional(v.literal(true)),
});

export type BackupSettings = v.InferOutput<typeof backupSettings>;

/** One snapshot before a deployment. */
export const deploymentSnapshotRequest = v.strictObject({
  instance: identifier,
  reason: tagValue,
  deploymentVersion: tagValue,
  /** How many such snapshots of the database are kept, this one among them. All, and this one for ever, when absent. */
  keepLast: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});

export type DeploymentSnapshotRequest = v.InferOutput<typeof deploymentSnapshotRequest>;

/** Exports that RDS has in flight at once in one account, at most. */
export const EXPORTS_IN_FLIGHT = 5;

/** What starts an export of the newest automated snapshot. */
export const snapshotExportRequest = v.strictObject({
  instance: identifier,
  bucket: name,
  /** Without a slash at its end. */
  prefix: name,
  /** Key of the success marker. */
  statusPrefix: keyPrefix,
  role: name,
  key: name,
});

export type SnapshotExportRequest = v.InferOutput<typeof snapshotExportRequest>;
