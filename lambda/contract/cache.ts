/** What starts snapshots and exports of caches. */
import * as v from 'valibot';
import { keyPrefix, moment, name, notChosen, seconds, text } from './fields';

/** EventBridge Scheduler fills in the scheduled time of the run: the same at every try. */
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

/** The definition of CacheSnapshots, deployed so that whoever may invoke the function can't have snapshots pruned. */
export const cacheSnapshotDefinition = v.strictObject({
  /** Name in metrics. */
  backup: text,
  cache: cacheTarget,
  prefix: cacheSnapshotPrefix,
  keepSeconds: seconds,
});

export type CacheSnapshotDefinition = v.InferOutput<typeof cacheSnapshotDefinition>;

/** What starts a round of snapshots of a cache. */
export const cacheSnapshotRequest = v.strictObject(
  {
    /** When a snapshot is due. None is taken when absent. */
    due: v.optional(moment),
  },
  notChosen('a round of snapshots', 'due'),
);

export type CacheSnapshotRequest = v.InferOutput<typeof cacheSnapshotRequest>;

/** What starts an export of a cache. Its files are `<prefix><due>-0001.rdb` and on, at the root of the bucket. */
export const cacheExportRequest = v.strictObject({
  cache: cacheTarget,
  bucket: name,
  prefix: cacheSnapshotPrefix,
  /** Key of the success marker. */
  statusPrefix: keyPrefix,
  due: moment,
});

export type CacheExportRequest = v.InferOutput<typeof cacheExportRequest>;
