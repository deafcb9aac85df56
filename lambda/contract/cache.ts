/** What starts snapshots and exports of caches. */
import * as v from 'valibot';
import { keyPrefix, moment, name, seconds, text } from './fields';

/** EventBridge Scheduler puts the moment here for which it starts a run: the same at every try. */
export const SCHEDULED_TIME = '<aws.scheduler.scheduled-time>';

export const cacheTarget = v.strictObject({
  kind: v.picklist(['replication-group', 'cluster', 'serverless']),
  id: name,
});

export type CacheTarget = v.InferOutput<typeof cacheTarget>;

/** Start of snapshots' names. */
export const cacheSnapshotPrefix = v.pipe(
  v.string(),
  v.regex(/^[a-z](-?[a-z0-9])*-$/, 'must be lower case letters, digits and single hyphens, ending in a hyphen'),
  v.maxLength(63),
);

/** What starts a round of snapshots of a cache. */
export const cacheSnapshotRequest = v.strictObject({
  /** Name in metrics. */
  backup: text,
  cache: cacheTarget,
  prefix: cacheSnapshotPrefix,
  /** When a snapshot is due. None is taken when absent. */
  due: v.optional(moment),
  keepSeconds: seconds,
});

export type CacheSnapshotRequest = v.InferOutput<typeof cacheSnapshotRequest>;

/** What starts an export of a cache. Its files are `<prefix><due>-0001.rdb` and on, at the root of the bucket. */
export const cacheExportRequest = v.strictObject({
  cache: cacheTarget,
  bucket: name,
  prefix: cacheSnapshotPrefix,
  /** Where the export says that it was made, and found good. */
  statusPrefix: keyPrefix,
  due: moment,
});

export type CacheExportRequest = v.InferOutput<typeof cacheExportRequest>;
