/** What is written beside backups in a bucket, and what watches them. */
import * as v from 'valibot';
import { count, keyPrefix, moment, name, text } from './fields';

/** What starts the watch on backups that lie in a bucket. */
export const backupWatchRequest = v.strictObject({
  bucket: name,
  backups: v.array(v.strictObject({ backup: text, prefix: keyPrefix })),
});

export type BackupWatchRequest = v.InferOutput<typeof backupWatchRequest>;

/** Written under a backup's prefix each time that one was made and found good; replaced by the next. */
export const lastGoodKey = (prefix: string) => `${prefix}last-good.json`;

export const lastGood = v.object({ finished: moment, bytes: v.optional(count) });

export type LastGood = v.InferOutput<typeof lastGood>;

/** Kept by the watch: sizes of the newest good backups, so that one of an unusual size is told of. */
export const backupSizesKey = (prefix: string) => `${prefix}sizes.json`;

export const backupSizes = v.array(v.object({ finished: moment, bytes: count }));

export type BackupSizes = v.InferOutput<typeof backupSizes>;

/** Written once, when a backup is first watched: before its first success, its age counts from here. */
export const backupWatchedSinceKey = (prefix: string) => `${prefix}watched-since.json`;
