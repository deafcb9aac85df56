/** Objects in the bucket of evidence: written once, read whole. */
import type { Readable } from 'node:stream';
import {
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  paginateListObjectsV2,
  type S3Client,
} from '@aws-sdk/client-s3';
import { type Content, contentOf } from './content';

/** An inventory of 20,000 tables has a few MB. */
const MAX_BYTES = 64 * 1024 ** 2;

/** An object that is not verified, and may have any size. */
export async function readContent(s3: S3Client, bucket: string, key: string, versionId?: string): Promise<Content> {
  return contentOf(await open(s3, bucket, key, versionId));
}

/** @throws when it is larger than anything that Lifeboat writes */
export async function readBytes(s3: S3Client, bucket: string, key: string): Promise<Buffer> {
  const { bytes } = await contentOf(await open(s3, bucket, key), MAX_BYTES);
  if (bytes) return bytes;
  throw new Error(
    `s3://${bucket}/${key} has more than ${MAX_BYTES} bytes, so Lifeboat did not write it and does not use it; ` +
      'find out who wrote it: the bucket keeps its versions',
  );
}

export async function readText(s3: S3Client, bucket: string, key: string): Promise<string> {
  return (await readBytes(s3, bucket, key)).toString('utf8');
}

async function open(s3: S3Client, bucket: string, key: string, versionId?: string): Promise<Readable> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }));
  if (!Body) throw new Error(`S3 returned s3://${bucket}/${key} without a body`);
  return Body as Readable;
}

/** Listed first: where listing is allowed by prefix only, reading what is missing is answered with "forbidden". */
export async function readIfThere(s3: S3Client, bucket: string, key: string): Promise<string | undefined> {
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: key }));
  return Contents.some(({ Key }) => Key === key) ? readText(s3, bucket, key) : undefined;
}

/** All keys that start with the prefix. */
export async function keysUnder(s3: S3Client, bucket: string, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: prefix })) {
    for (const { Key } of Contents) if (Key !== undefined) keys.push(Key);
  }
  return keys;
}

/** Writes an object unless its key is taken; true when it was written. */
export async function putOnce(
  s3: S3Client,
  bucket: string,
  key: string,
  body: string | Uint8Array,
  type: string,
): Promise<boolean> {
  try {
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ContentType: type, IfNoneMatch: '*' }));
    return true;
  } catch (error) {
    // The latter: another write of the same key is under way.
    if (error instanceof Error && ['PreconditionFailed', 'ConditionalRequestConflict'].includes(error.name))
      return false;
    throw error;
  }
}
