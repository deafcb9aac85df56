/** Files of evidence as they are read: hashed whole, and held in memory only where they are of a document's size. */
import { createHash } from 'node:crypto';

export interface Content {
  /** In hex, of all its bytes. */
  readonly sha256: string;
  /** Undefined above the limit: then Lifeboat did not write the file. */
  readonly bytes: Buffer | undefined;
}

/** Documents, readable forms, signatures and keys have less than 256 KB, the limit of a step's result. */
const MAX_DOCUMENT = 4 * 1024 ** 2;

/** @param limit bytes that are held at most */
export async function contentOf(
  stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  limit = MAX_DOCUMENT,
): Promise<Content> {
  const hash = createHash('sha256');
  let held: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    hash.update(chunk);
    size += chunk.byteLength;
    if (size <= limit) held.push(chunk);
    else held = [];
  }
  return { sha256: hash.digest('hex'), bytes: size <= limit ? Buffer.concat(held) : undefined };
}
