/**
 * The watch on backups in buckets: publishes every hour how long ago each was last made and found good, or readable,
 * and how its size differs from the usual.
 *
 * CloudWatch alarms look back seven days at most, and a schedule that was switched off publishes nothing.
 */
import { S3Client } from '@aws-sdk/client-s3';
import {
  type BackupWatchRequest,
  backupWatchedSinceKey,
  backupWatchRequest,
  type LastGood,
  lastGood,
  lastMadeKey,
  METRICS,
  parse,
} from '../contract';
import { embeddedMetric, type Metric } from '../evidence/metrics';
import { readIfThere } from '../evidence/objects';
import { refuseFuture, watchedSince } from '../evidence/watched-since';
import { sizeChange } from './backup-sizes';

type Backup = BackupWatchRequest['backups'][number];

/** @throws after publishing the others, when some could not be read */
export const watchBackups =
  (s3: S3Client, print: (line: string) => void, clock: () => number = Date.now) =>
  async (input: unknown): Promise<void> => {
    const { bucket, backups } = parse(backupWatchRequest, input, 'watch request');
    const failures: string[] = [];
    for (const { backup, prefix, state } of backups) {
      try {
        const newest = await newestMade(s3, bucket, prefix, state, clock());
        // A backup that was never made is as old as its watch, so a new one is not overdue before its first night.
        const since = newest?.finished ?? (await watchedSince(s3, bucket, backupWatchedSinceKey(prefix), clock()));
        const dimensions = { [METRICS.dimensions.backup]: backup };
        const say = (name: string, unit: Metric['unit'], value: number) =>
          print(embeddedMetric({ name, unit, value, dimensions }, clock()));
        say(METRICS.secondsSinceBackup, 'Seconds', (clock() - Date.parse(since)) / 1000);
        if (newest?.bytes === undefined) continue;
        say(METRICS.backupBytes, 'Bytes', newest.bytes);
        const change = await sizeChange(s3, bucket, prefix, { finished: newest.finished, bytes: newest.bytes });
        if (change !== undefined) say(METRICS.backupSizeChange, 'Percent', change);
      } catch (error) {
        failures.push(`${backup}: ${error instanceof Error ? error.message : error}`);
      }
    }
    if (failures.length > 0)
      throw new Error(`the age and size of these backups are unknown:\n  ${failures.join('\n  ')}`);
  };

async function newestMade(
  s3: S3Client,
  bucket: string,
  prefix: string,
  state: Backup['state'],
  now: number,
): Promise<LastGood | undefined> {
  const key = lastMadeKey(prefix, state);
  const text = await readIfThere(s3, bucket, key);
  if (text === undefined) return undefined;
  const what = `s3://${bucket}/${key}`;
  const newest = parse(lastGood, JSON.parse(text), what);
  refuseFuture(newest.finished, now, `${what} says that the backup was made`);
  return newest;
}

export const handler = (event: unknown) =>
  watchBackups(new S3Client(), (line) => process.stdout.write(`${line}\n`))(event);
