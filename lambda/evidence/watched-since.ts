/**
 * The moment when a watch began: before the first success, ages count from it. Written once, when the watch first runs.
 */
import type { S3Client } from '@aws-sdk/client-s3';
import { parse, watchBegan } from '../contract';
import { putOnce, readText } from './objects';

/** @throws when the stored moment is not in the past: an age counted from it would never be too high */
export async function watchedSince(s3: S3Client, bucket: string, key: string, now: number): Promise<string> {
  const since = new Date(now).toISOString();
  if (await putOnce(s3, bucket, key, JSON.stringify({ watchedSince: since }), 'application/json')) return since;
  const what = `s3://${bucket}/${key}`;
  const { watchedSince } = parse(watchBegan, jsonOf(await readText(s3, bucket, key)), what);
  refuseFuture(watchedSince, now, `${what} says that the watch began`);
  return watchedSince;
}

/** Clocks differ, but not by so much. */
const TOLERANCE = 3_600_000;

/** @throws when a moment is in the future: nothing would ever be too old */
export function refuseFuture(moment: string, now: number, says: string): void {
  if (Date.parse(moment) - now <= TOLERANCE) return;
  throw new Error(
    `${says} at ${moment}, but now is ${new Date(now).toISOString()}, so its age is unknown; find out who wrote that, and ` +
      'whether their clock is right',
  );
}

/** Null for text that is not JSON, which every schema refuses. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
