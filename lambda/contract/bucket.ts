/** What is written beside backups in a bucket, and what watches them. */
import * as v from 'valibot';
import { count, keyPrefix, moment, name, text } from './fields';

/**
 * What is known about a finished backup. `good`: everything that can be checked was checked. `readable`: it was read to
 * its end, and only a restore can show more.
 */
export const backupState = v.picklist(['good', 'readable']);

export type BackupState = v.InferOutput<typeof backupState>;

/** What starts the watch on backups that lie in a bucket. */
export const backupWatchRequest = v.strictObject({
  bucket: name,
  backups: v.array(v.strictObject({ backup: text, prefix: keyPrefix, state: backupState })),
});

export type BackupWatchRequest = v.InferOutput<typeof backupWatchRequest>;

/** The success marker: written under a backup's prefix after each good or readable backup, over the one before. */
export const lastMadeKey = (prefix: string, state: BackupState) => `${prefix}last-${state}.json`;
export const lastGoodKey = (prefix: string) => lastMadeKey(prefix, 'good');

export const lastGood = v.object({ finished: moment, bytes: v.optional(count) });

export type LastGood = v.InferOutput<typeof lastGood>;

/** Kept by the watch: sizes of the newest backups, to notice one of an unusual size. */
export const backupSizesKey = (prefix: string) => `${prefix}sizes.json`;

export const backupSizes = v.array(v.object({ finished: moment, bytes: count }));

export type BackupSizes = v.InferOutput<typeof backupSizes>;

/** Written once, when a backup is first watched: before its first success, its age counts from here. */
export const backupWatchedSinceKey = (prefix: string) => `${prefix}watched-since.json`;

/** Content of this file, and of the one of a drill's watch. */
export const watchBegan = v.object({ watchedSince: moment });
