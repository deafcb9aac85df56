/** What is written beside backups in a bucket, and what watches them. */
import * as v from 'valibot';
import { count, keyPrefix, moment, name, text } from './fields';

/**
 * What is known of a backup once it was made. `good`: all there is to check was checked. `readable`: it was read to its
 * end, and only a restore could show whether what it holds restores.
 */
export const backupState = v.picklist(['good', 'readable']);

export type BackupState = v.InferOutput<typeof backupState>;

/** What starts the watch on backups that lie in a bucket. */
export const backupWatchRequest = v.strictObject({
  bucket: name,
  backups: v.array(v.strictObject({ backup: text, prefix: keyPrefix, state: backupState })),
});

export type BackupWatchRequest = v.InferOutput<typeof backupWatchRequest>;

/** Written under a backup's prefix each time that one was made and found so; replaced by the next. */
export const lastMadeKey = (prefix: string, state: BackupState) => `${prefix}last-${state}.json`;
export const lastGoodKey = (prefix: string) => lastMadeKey(prefix, 'good');

export const lastGood = v.object({ finished: moment, bytes: v.optional(count) });

export type LastGood = v.InferOutput<typeof lastGood>;

/** Kept by the watch: sizes of the newest backups, so that one of an unusual size is told of. */
export const backupSizesKey = (prefix: string) => `${prefix}sizes.json`;

export const backupSizes = v.array(v.object({ finished: moment, bytes: count }));

export type BackupSizes = v.InferOutput<typeof backupSizes>;

/** Written once, when a backup is first watched: before its first success, its age counts from here. */
export const backupWatchedSinceKey = (prefix: string) => `${prefix}watched-since.json`;

/** What is written there, and where a drill's watch began. */
export const watchBegan = v.object({ watchedSince: moment });
