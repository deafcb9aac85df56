/**
 * A document of evidence as bytes, and the names of its files.
 *
 * A document's place in the chain is the number in its key, never what the document says. Its signature has the hash of
 * the signed bytes in its name: it is written first, so every visible document has its signature, and nobody can write
 * another file under the signature's name before.
 */
import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { type Evidence, type EvidenceLink, evidence, evidenceLink } from '../contract';
import { visibleLines } from './visible';

/** Eight digits, or more once these are used up. Larger numbers do not count as documents. */
export const LAST_SEQUENCE = 10 ** 15 - 1;

export const documentName = (sequence: number) => `${String(sequence).padStart(8, '0')}.json`;

/** Sorts behind the document: a list that has the document has its signature. */
export const signatureName = (sequence: number, sha256: string) =>
  documentName(sequence).replace(/json$/, `sha256-${sha256}.sig`);

/** The readable form. */
export const textName = (sequence: number) => documentName(sequence).replace(/json$/, 'md');

export const publicKeyName = (fingerprint: string) => `public-key-${fingerprint.slice(0, 16)}.pem`;

/** The place in the chain of a file of that name; undefined when the name is not that of a document. */
export function sequenceOf(name: string): number | undefined {
  const [, digits] = /^(\d{8}|[1-9]\d{8,14})\.json$/.exec(name) ?? [];
  const sequence = Number(digits);
  return sequence >= 1 ? sequence : undefined;
}

/** The document and hash in a signature's name; undefined when the name is not that of a signature. */
export function signedBy(name: string): { readonly sequence: number; readonly sha256: string } | undefined {
  const [, digits, sha256] = /^(\d{8,15})\.sha256-([0-9a-f]{64})\.sig$/.exec(name) ?? [];
  return sha256 === undefined ? undefined : { sequence: Number(digits), sha256 };
}

export const isPublicKey = (name: string) => /^public-key-[0-9a-f]{16}\.pem$/.test(name);

/** The bytes that are stored, hashed and signed. Characters that would move a terminal's cursor are escaped. */
export function bytesOf(document: object): Buffer {
  const json = visibleLines(JSON.stringify(document, null, 2));
  return Buffer.from(`${json}\n`);
}

export const sha256Of = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

/** What a document of any version says about its place; undefined when it is not a document. */
export const linkOf = (bytes: Buffer | undefined): EvidenceLink | undefined => readDocument(evidenceLink, bytes);

/** The document; undefined when it can't be read by this version. */
export const documentOf = (bytes: Buffer | undefined): Evidence | undefined => readDocument(evidence, bytes);

/** Bytes as a document of a schema; undefined when this version can't read them. */
export function readDocument<T>(schema: v.GenericSchema<unknown, T>, bytes: Buffer | undefined): T | undefined {
  if (!bytes) return undefined;
  try {
    const result = v.safeParse(schema, JSON.parse(bytes.toString('utf8')));
    return result.success ? result.output : undefined;
  } catch (error) {
    // The chain goes on after any file; verification reports it.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** A file at a document's place. */
export interface Placed {
  readonly name: string;
  readonly sequence: number;
  readonly sha256: string;
}

/** Why a document does not belong where it lies, in words that follow "document 3"; undefined when it does. */
export function linkProblem(
  link: EvidenceLink,
  at: Placed,
  before: Placed | undefined,
  of: { readonly plan: string; readonly target: string },
): string | undefined {
  if (link.plan !== of.plan || link.target !== of.target) {
    return `is evidence of ${link.plan}/${link.target}, and lies under ${of.plan}/${of.target}`;
  }
  if (link.sequence !== at.sequence) return `says that it is document ${link.sequence}`;
  const { previous } = link;
  if (!before) return previous ? `follows ${previous.key}, which is not there` : undefined;
  if (!previous) return `says that it is the first, and lies after ${before.name}`;
  if (previous.key.split('/').at(-1) !== before.name) return `follows ${previous.key}, and lies after ${before.name}`;
  return previous.sha256 === before.sha256
    ? undefined
    : `follows a document of the SHA-256 ${previous.sha256}, and ${before.name} has ${before.sha256}`;
}
