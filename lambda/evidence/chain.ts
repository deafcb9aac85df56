/**
 * Documents in the bucket of evidence: one hash chain for each target, each document of it signed. Drills have one, and
 * recoveries another.
 *
 * A document's key is its place in the chain, and it is written only if that key is free, so two runs can't fork the
 * chain. The bucket's Object Lock keeps it from being changed afterwards. Other files in the chain, such as garbage or
 * documents of other versions, don't stop it; only a signed document that is linked to the one before counts as a
 * proof.
 */
import type { S3Client } from '@aws-sdk/client-s3';
import { EVIDENCE_SCHEMA, type EvidenceLink } from '../contract';
import {
  bytesOf,
  documentName,
  LAST_SEQUENCE,
  linkOf,
  linkProblem,
  type Placed,
  publicKeyName,
  sequenceOf,
  sha256Of,
  signatureName,
  textName,
} from './documents';
import { keysUnder, putOnce, readContent } from './objects';
import { isSignedWith, type Signer, toPem } from './signing';

export interface Published<Document> {
  readonly key: string;
  /** Of its bytes, in hex. */
  readonly sha256: string;
  readonly document: Document;
}

/** A document of any kind of chain. */
export interface Chained extends EvidenceLink {
  /** SHA-256 of its readable form, in hex. */
  readonly text?: { readonly sha256: string } | undefined;
}

/** A document before it has its place. */
export type Draft<Document extends Chained> = Omit<Document, 'schema' | 'sequence' | 'previous' | 'text'>;

export type PlaceInChain = Pick<EvidenceLink, 'schema' | 'sequence' | 'previous'>;

/** What differs between the chains of drills and of recoveries. */
export interface ChainKind<Document extends Chained> {
  prefix(of: Target): string;
  /** Undefined for bytes that this version can't read. */
  read(bytes: Buffer | undefined): Document | undefined;
  /** The readable form. */
  text(document: Document): string;
  /** Whether a document is the one that an earlier try made of this draft. */
  isOf(document: Document, draft: Draft<Document>): boolean;
  /** When the work on it began, ISO 8601: what is dated much earlier is not of this draft. */
  began(draft: Draft<Document>): string;
  /** When it was dated, shortly before it was published. */
  dated(document: Document): string;
  complete(draft: Draft<Document>, at: PlaceInChain): Document;
}

interface Target {
  readonly plan: string;
  readonly target: string;
}

interface Entry<Document> extends Placed {
  readonly bytes: Buffer | undefined;
  /** Undefined where this version can't read it. */
  readonly document: Document | undefined;
}

/** A document is dated before it is published, which may take several tries: a day is plenty. */
const MAX_PUBLISHING = 24 * 3_600_000;

/** Tries to find a free place, each after another run took one. Runs of one target seldom end in the same second. */
const MAX_ATTEMPTS = 20;

export class Chain<Document extends Chained> {
  private readonly prefix: string;

  constructor(
    private readonly s3: S3Client,
    private readonly bucket: string,
    private readonly of: Target,
    /** Readers need only its public key. */
    private readonly signer: Signer,
    private readonly kind: ChainKind<Document>,
  ) {
    this.prefix = kind.prefix(of);
  }

  /** What lies in the chain, from the newest to the first. */
  async *backwards(names?: ReadonlySet<string>): AsyncGenerator<Entry<Document>> {
    for (const sequence of sequencesOf(names ?? (await this.names())).reverse()) yield this.read(sequence);
  }

  /** The newest document that is wanted, and is a proof: signed, and linked to the one before. */
  async lastProof(wanted: (document: Document) => boolean): Promise<Document | undefined> {
    for await (const document of this.proofs(wanted)) return document;
    return undefined;
  }

  /** All that are wanted, and are proofs, from the newest. */
  async *proofs(wanted: (document: Document) => boolean): AsyncGenerator<Document> {
    const names = await this.names();
    let candidate: Entry<Document> | undefined;
    for await (const entry of this.backwards(names)) {
      if (candidate?.document && (await this.isProof(candidate, entry, names))) yield candidate.document;
      const { document } = entry;
      candidate = document && wanted(document) ? entry : undefined;
    }
    if (candidate?.document && (await this.isProof(candidate, undefined, names))) yield candidate.document;
  }

  /**
   * Appends a document, once: asked again for the same one, it returns what was published.
   *
   * @throws when it found no free place
   */
  async append(draft: Draft<Document>): Promise<Published<Document>> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const names = await this.names();
      const own = await this.publishedBy(draft, names);
      if (own) return own;
      await this.writePublicKey(names);
      const published = await this.appendAfter(sequencesOf(names), draft);
      if (published) return published;
      // Another run took this place in the chain: look again, and link to its document.
    }
    throw new Error(
      `run ${draft.run} found no free place under ${this.prefix} in ${MAX_ATTEMPTS} tries, so its document is not published; ` +
        'look at what is written there',
    );
  }

  /** @returns undefined when the place was taken meanwhile */
  private async appendAfter(
    sequences: readonly number[],
    draft: Draft<Document>,
  ): Promise<Published<Document> | undefined> {
    const sequence = nextOf(sequences);
    const before = sequences.filter((taken) => taken < sequence).at(-1);
    const previous = before === undefined ? null : await this.read(before);
    const { kind, prefix } = this;
    const placed = kind.complete(draft, {
      schema: EVIDENCE_SCHEMA,
      sequence,
      previous: previous && { key: prefix + previous.name, sha256: previous.sha256 },
    });
    const document = { ...placed, text: { sha256: sha256Of(kind.text(placed)) } };
    const bytes = bytesOf(document);
    const sha256 = sha256Of(bytes);
    await this.put(signatureName(sequence, sha256), await this.signer.sign(bytes), 'application/octet-stream');
    if (!(await this.put(documentName(sequence), bytes, 'application/json'))) return undefined;
    await this.writeText(sequence, document);
    return { key: prefix + documentName(sequence), sha256, document };
  }

  /** The document that an earlier try published. A forged one is not signed. */
  private async publishedBy(
    draft: Draft<Document>,
    names: ReadonlySet<string>,
  ): Promise<Published<Document> | undefined> {
    for await (const entry of this.backwards(names)) {
      const { document, sequence, sha256 } = entry;
      if (!document) continue;
      if (this.kind.isOf(document, draft) && (await this.isSigned(entry, names))) {
        await this.writeText(sequence, document);
        return { key: this.prefix + entry.name, sha256, document };
      }
      // Published before the work on it began, and so is everything before it. Only a signed document's date is trusted.
      const isOlder = Date.parse(this.kind.dated(document)) < Date.parse(this.kind.began(draft)) - MAX_PUBLISHING;
      if (isOlder && (await this.isSigned(entry, names))) break;
    }
    return undefined;
  }

  private async isProof(
    entry: Entry<Document>,
    before: Entry<Document> | undefined,
    names: ReadonlySet<string>,
  ): Promise<boolean> {
    const link = linkOf(entry.bytes);
    if (!link || linkProblem(link, entry, before, this.of) !== undefined) return false;
    return this.isSigned(entry, names);
  }

  private async isSigned({ sequence, sha256, bytes }: Entry<Document>, names: ReadonlySet<string>): Promise<boolean> {
    const name = signatureName(sequence, sha256);
    if (!bytes || !names.has(name)) return false;
    const signature = (await readContent(this.s3, this.bucket, this.prefix + name)).bytes;
    return signature !== undefined && isSignedWith(await this.signer.publicKey(), bytes, signature);
  }

  private async writePublicKey(names: ReadonlySet<string>): Promise<void> {
    const own = await this.signer.publicKey();
    const name = publicKeyName(own.fingerprint);
    if (!names.has(name)) await this.put(name, toPem(own), 'application/x-pem-file');
  }

  private async writeText(sequence: number, document: Document): Promise<void> {
    await this.put(textName(sequence), this.kind.text(document), 'text/markdown; charset=utf-8');
  }

  private put(name: string, body: string | Uint8Array, type: string): Promise<boolean> {
    return putOnce(this.s3, this.bucket, this.prefix + name, body, type);
  }

  private async read(sequence: number): Promise<Entry<Document>> {
    const name = documentName(sequence);
    const { sha256, bytes } = await readContent(this.s3, this.bucket, this.prefix + name);
    return { name, sequence, bytes, sha256, document: this.kind.read(bytes) };
  }

  private async names(): Promise<ReadonlySet<string>> {
    const keys = await keysUnder(this.s3, this.bucket, this.prefix);
    return new Set(keys.map((key) => key.slice(this.prefix.length)));
  }
}

/** Places that are taken, from the first to the newest. */
const sequencesOf = (names: Iterable<string>): number[] =>
  Array.from(names, (name) => sequenceOf(name) ?? [])
    .flat()
    .sort((one, other) => one - other);

/** The place after the newest; if the last possible place is taken, the first free one. */
function nextOf(sequences: readonly number[]): number {
  const next = (sequences.at(-1) ?? 0) + 1;
  if (next <= LAST_SEQUENCE) return next;
  const taken = new Set(sequences);
  let free = 1;
  while (taken.has(free)) free++;
  return free;
}
