/** Stored evidence: in a bucket, with versions, or in a folder that is a copy of one. */
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { ListObjectVersionsCommand, type S3Client } from '@aws-sdk/client-s3';
import { type Content, contentOf } from './content';
import { readContent } from './objects';

/** One version of a file. */
export interface StoredFile {
  /** With slashes: a key, or a path in the folder. */
  readonly key: string;
  /** Whether it is the version that readers get by default. */
  readonly isLatest: boolean;
  /** Says that the file is deleted, while earlier versions are kept. */
  readonly isDeleteMarker: boolean;
  read(): Promise<Content>;
}

/** All versions and delete markers of a bucket's keys under a prefix, of each key the newest first. */
export async function filesInBucket(s3: S3Client, bucket: string, prefix: string): Promise<StoredFile[]> {
  const files: StoredFile[] = [];
  let page: { KeyMarker?: string; VersionIdMarker?: string } | undefined = {};
  while (page) {
    const listed: ListedVersions = await s3.send(
      new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix, ...page }),
    );
    for (const { Key = '', VersionId, IsLatest = false } of listed.Versions ?? []) {
      const read = () => readContent(s3, bucket, Key, VersionId);
      files.push({ key: Key, isLatest: IsLatest, isDeleteMarker: false, read });
    }
    for (const { Key = '', IsLatest = false } of listed.DeleteMarkers ?? []) {
      const read = () => Promise.reject(new Error(`${Key} is a delete marker, which has no content`));
      files.push({ key: Key, isLatest: IsLatest, isDeleteMarker: true, read });
    }
    page = listed.IsTruncated
      ? { KeyMarker: listed.NextKeyMarker, VersionIdMarker: listed.NextVersionIdMarker }
      : undefined;
  }
  return files;
}

interface ListedVersions {
  readonly Versions?: readonly ListedVersion[];
  readonly DeleteMarkers?: readonly ListedVersion[];
  readonly IsTruncated?: boolean;
  readonly NextKeyMarker?: string;
  readonly NextVersionIdMarker?: string;
}

interface ListedVersion {
  readonly Key?: string;
  readonly VersionId?: string;
  readonly IsLatest?: boolean;
}

/** @throws when there is no such folder */
export async function filesInFolder(folder: string): Promise<StoredFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const key = path.slice(join(folder, sep).length).split(sep).join('/');
      return { key, isLatest: true, isDeleteMarker: false, read: () => contentOf(createReadStream(path)) };
    });
}
