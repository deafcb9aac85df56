/**
 * Sizes of the newest backups, stored beside them: CloudWatch looks back seven days, so a weekly backup would have
 * nothing to be compared with.
 */
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { type BackupSizes, backupSizes, backupSizesKey, parse } from '../contract';
import { readIfThere } from '../evidence/objects';

/** One odd backup among so many does not make the next ones odd. */
const REMEMBERED = 7;

/**
 * Percent by which the newest backup is larger or smaller than usual, which is the median of those before it.
 *
 * @returns undefined where there is none to compare with
 */
export async function sizeChange(
  s3: S3Client,
  bucket: string,
  prefix: string,
  newest: BackupSizes[number],
): Promise<number | undefined> {
  const key = backupSizesKey(prefix);
  const text = await readIfThere(s3, bucket, key);
  const known = text === undefined ? [] : parse(backupSizes, JSON.parse(text), `s3://${bucket}/${key}`);
  const others = known.filter(({ finished }) => finished !== newest.finished);
  const before = others.slice(-REMEMBERED);
  if (others.length === known.length) {
    const Body = JSON.stringify([...before, newest]);
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body, ContentType: 'application/json' }));
  }
  const usual = median(before.map(({ bytes }) => bytes));
  return usual > 0 ? (100 * Math.abs(newest.bytes - usual)) / usual : undefined;
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((one, other) => one - other);
  const [low = 0, high = 0] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  return (low + high) / 2;
}
