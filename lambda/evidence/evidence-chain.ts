/**
 * Evidence in its bucket: one hash chain for each target.
 *
 * A document's key is its place in the chain, and it is written only if that key is free, so two runs can't fork the
 * chain. The bucket's Object Lock keeps it from being changed afterwards.
 */
import { createHash } from 'node:crypto';
import {
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  paginateListObjectsV2,
  type S3Client,
} from '@aws-sdk/client-s3';
import { type Evidence, evidence, evidencePrefix, parse } from '../contract';
import { evidenceText } from './evidence-text';

export interface Published {
  readonly key: string;
  readonly document: Evidence;
}

interface Link extends Published {
  readonly sha256: string;
}

/** A document is dated first, and tries to publish it may go on for a while: a day is plenty. */
const MAX_PUBLISHING = 24 * 3_600_000;

export class EvidenceChain {
  private readonly prefix: string;

  constructor(
    private readonly s3: S3Client,
    private readonly bucket: string,
    of: { plan: string; target: string },
  ) {
    this.prefix = evidencePrefix(of);
  }

  /** The documents from the newest to the first. */
  async *backwards(): AsyncGenerator<Link> {
    for (const key of (await this.keys()).reverse()) {
      const text = await readText(this.s3, this.bucket, key);
      const document = parse(evidence, JSON.parse(text), `evidence ${key}`);
      yield { key, document, sha256: createHash('sha256').update(text).digest('hex') };
    }
  }

  /** The newest document that passed and is wanted. */
  async lastPassed(wanted: (document: Evidence) => boolean): Promise<Evidence | undefined> {
    for await (const { document } of this.backwards()) {
      if (document.outcome === 'passed' && wanted(document)) return document;
    }
    return undefined;
  }

  /** Appends a run's document, once: asked again for the same run, it returns what was published. */
  async append(document: Omit<Evidence, 'sequence' | 'previous'>): Promise<Published> {
    for (;;) {
      const head = await this.headAndOwn(document);
      if (head.own) return head.own;
      const sequence = (head.newest?.document.sequence ?? 0) + 1;
      const previous = head.newest ? { key: head.newest.key, sha256: head.newest.sha256 } : null;
      const linked: Evidence = { ...document, sequence, previous };
      const key = `${this.prefix}${String(sequence).padStart(8, '0')}.json`;
      if (await putOnce(this.s3, this.bucket, key, `${JSON.stringify(linked, null, 2)}\n`, 'application/json')) {
        await this.writeText(key, linked);
        return { key, document: linked };
      }
      // Somebody else took this place in the chain: look again, and link to theirs.
    }
  }

  /** The newest link, and this run's own if an earlier try already published it. */
  private async headAndOwn({
    run,
    started,
  }: Pick<Evidence, 'run' | 'started'>): Promise<{ newest?: Link; own?: Link }> {
    let newest: Link | undefined;
    for await (const link of this.backwards()) {
      newest ??= link;
      if (link.document.run === run) {
        await this.writeText(link.key, link.document);
        return { newest, own: link };
      }
      // Published before this run began, and so is everything before it.
      if (Date.parse(link.document.finished) < Date.parse(started) - MAX_PUBLISHING) break;
    }
    return { newest };
  }

  private async writeText(key: string, document: Evidence): Promise<void> {
    const text = evidenceText(document);
    await putOnce(this.s3, this.bucket, key.replace(/json$/, 'md'), text, 'text/markdown; charset=utf-8');
  }

  private async keys(): Promise<string[]> {
    const keys: string[] = [];
    for await (const page of paginateListObjectsV2({ client: this.s3 }, { Bucket: this.bucket, Prefix: this.prefix })) {
      for (const { Key = '' } of page.Contents ?? []) if (/\/\d{8}\.json$/.test(Key)) keys.push(Key);
    }
    return keys.sort();
  }
}

export async function readText(s3: S3Client, bucket: string, key: string): Promise<string> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  if (!Body) throw new Error(`s3://${bucket}/${key} came without a body`);
  return Body.transformToString();
}

/** Listed first: where listing is allowed by prefix only, reading what is missing is answered with "forbidden". */
export async function readIfThere(s3: S3Client, bucket: string, key: string): Promise<string | undefined> {
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: key }));
  return Contents.some(({ Key }) => Key === key) ? readText(s3, bucket, key) : undefined;
}

/** Writes an object unless its key is taken; true when it was written. */
export async function putOnce(s3: S3Client, bucket: string, key: string, body: string, type: string): Promise<boolean> {
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
