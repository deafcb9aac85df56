/** Verifies one chain: every document's signature, place and link, and that none is missing, hidden or written over. */
import type { EvidenceLink } from '../contract';
import {
  documentName,
  documentOf,
  isPublicKey,
  linkOf,
  linkProblem,
  sequenceOf,
  sha256Of,
  signedBy,
} from './documents';
import { fromPem, isSignedWith, type VerificationKey } from './signing';
import type { StoredFile } from './stored-files';

export type ProblemKind =
  /** A document that was there is not. */
  | 'gap'
  /** A delete marker lies on it. */
  | 'hidden'
  /** Its bytes are not those that were signed, or that the next document links to. */
  | 'altered'
  /** Nothing signed it. */
  | 'unsigned'
  /** Signed with no key that is trusted. */
  | 'wrongly signed'
  /** Two documents claim the same place. */
  | 'fork'
  /** It says that it belongs elsewhere. */
  | 'misplaced'
  /** It can't be read as a document of evidence. */
  | 'unreadable';

export interface Problem {
  readonly kind: ProblemKind;
  readonly file: string;
  /** A sentence that begins with the file. */
  readonly says: string;
}

export interface VerifiedChain {
  /** Where it lies. */
  readonly folder: string;
  readonly documents: number;
  /** Documents whose signature verifies. */
  readonly signed: number;
  /** Fingerprints of the keys that signed them. */
  readonly keys: readonly string[];
  /** The newest document that this version can read. */
  readonly newest: { readonly document: string; readonly outcome: string; readonly finished: string } | null;
  readonly problems: readonly Problem[];
  /** What a reader has to know to weigh the result. */
  readonly notes: readonly string[];
}

/** One file of the chain, by its newest content: what is hidden still has its place. */
interface Current {
  readonly name: string;
  read(): Promise<Buffer>;
  /** How many versions with content there are. */
  readonly versions: number;
  readonly isHidden: boolean;
}

/** A document, without its bytes: a chain may have thousands. */
interface Examined {
  readonly name: string;
  readonly sequence: number;
  readonly sha256: string;
  readonly link: EvidenceLink | undefined;
  readonly summary: VerifiedChain['newest'];
  readonly signature: 'trusted' | 'known' | 'wrong' | 'of other bytes' | 'none';
  readonly key: string | undefined;
}

/** From format 2 on, documents are signed. */
const UNSIGNED_FORMAT = 'lifeboat/evidence/1';

export async function verifyChain(
  folder: string,
  files: readonly StoredFile[],
  trusted?: readonly VerificationKey[],
): Promise<VerifiedChain> {
  return new ChainVerifier(folder, currentOf(files), trusted).verify();
}

class ChainVerifier {
  private readonly problems: Problem[] = [];
  private readonly notes: string[] = [];
  private readonly known: VerificationKey[] = [];
  /** Of a signature, by the sequence and the hash that its name says it is of. */
  private readonly signatures = new Map<number, Map<string, Buffer>>();

  constructor(
    private readonly folder: string,
    private readonly files: readonly Current[],
    private readonly trusted: readonly VerificationKey[] | undefined,
  ) {}

  async verify(): Promise<VerifiedChain> {
    await inParallel(this.files, (file) => this.takeIn(file));
    const examined = await inParallel(this.files, (file) => this.examined(file));
    const documents = examined.flat().sort((one, other) => one.sequence - other.sequence);
    const of = this.placeOf(documents);
    documents.forEach((document, at) => {
      this.judge(document, documents.slice(0, at));
      this.judgeLink(document, documents[at - 1], of);
    });
    this.missing(documents);
    const signed = documents.filter(({ key }) => key !== undefined);
    const keys = [...new Set(signed.flatMap(({ key }) => key ?? []))];
    this.tellOtherKeys(signed);
    const newest = documents.flatMap(({ summary }) => summary ?? []);
    const { folder, problems, notes } = this;
    return {
      folder,
      documents: documents.length,
      signed: signed.length,
      keys,
      newest: newest.at(-1) ?? null,
      problems,
      notes,
    };
  }

  /** All but the documents themselves. */
  private async takeIn({ name, read, versions, isHidden }: Current): Promise<void> {
    if (isHidden) this.say('hidden', name, 'is hidden by a delete marker; delete the marker to bring it back');
    if (versions > 1) {
      this.say('altered', name, `has ${versions} versions, and is written once; compare them, and find out who wrote`);
    }
    const signature = signedBy(name);
    if (signature) {
      const { sequence, sha256 } = signature;
      const bytes = await read();
      this.signatures.set(sequence, (this.signatures.get(sequence) ?? new Map()).set(sha256, bytes));
    }
    if (!isPublicKey(name)) return;
    try {
      this.known.push(fromPem((await read()).toString('utf8')));
    } catch (error) {
      this.say('unreadable', name, `is not a public key: ${error instanceof Error ? error.message : error}`);
    }
  }

  private async examined({ name, read }: Current): Promise<Examined[]> {
    const sequence = sequenceOf(name);
    if (sequence === undefined) return [];
    const bytes = await read();
    const sha256 = sha256Of(bytes);
    const document = documentOf(bytes);
    const summary = document ? { document: name, outcome: document.outcome, finished: document.finished } : null;
    const link = linkOf(bytes);
    return [{ name, sequence, sha256, link, summary, ...this.signatureOf(sequence, sha256, bytes) }];
  }

  private signatureOf(sequence: number, sha256: string, bytes: Buffer): Pick<Examined, 'signature' | 'key'> {
    const here = this.signatures.get(sequence);
    const signature = here?.get(sha256);
    if (!signature) return { signature: here ? 'of other bytes' : 'none', key: undefined };
    const signedWith = (keys: readonly VerificationKey[]) => keys.find((key) => isSignedWith(key, bytes, signature));
    const own = signedWith(this.trusted ?? this.known);
    if (own) return { signature: 'trusted', key: own.fingerprint };
    const other = signedWith(this.known);
    return other ? { signature: 'known', key: other.fingerprint } : { signature: 'wrong', key: undefined };
  }

  /** Whose chain this is: as its folder says, where it is laid out as in a bucket, else as its documents do. */
  private placeOf(documents: readonly Examined[]) {
    const [, plan, target] = /(?:^|\/)evidence\/([^/]+)\/([^/]+)$/.exec(this.folder) ?? [];
    if (plan !== undefined && target !== undefined) return { plan, target };
    return (documents.find(({ link, key }) => link && key) ?? documents.find(({ link }) => link))?.link;
  }

  private judge({ name, link, signature }: Examined, before: readonly Examined[]): void {
    const afterSigned = (by: Examined['signature'][]) => before.some((earlier) => by.includes(earlier.signature));
    if (signature === 'trusted') {
      if (!link) this.notes.push(`${name} is signed, and of a format that this version can't read`);
      return;
    }
    if (signature === 'known') {
      if (!afterSigned(['trusted'])) return;
      this.say('wrongly signed', name, 'is signed with a key that was replaced before; find out who has that key');
    } else if (signature === 'wrong') {
      this.say('wrongly signed', name, 'has a signature of none of the keys; find out who wrote it');
    } else if (signature === 'of other bytes') {
      this.say('altered', name, 'does not have the bytes that were signed; find out who wrote it');
    } else if (!link) {
      this.say('unreadable', name, 'is not a document of evidence, and is not signed; find out who wrote it');
    } else if (link.schema !== UNSIGNED_FORMAT || afterSigned(['trusted', 'known'])) {
      this.say('unsigned', name, 'is not signed; find out who wrote it');
    } else {
      this.notes.push(`${name} is of a format before signatures: it is linked, and proves nothing by itself`);
    }
  }

  private judgeLink(
    at: Examined,
    before: Examined | undefined,
    of: { plan: string; target: string } | undefined,
  ): void {
    const expected = (before?.sequence ?? 0) + 1;
    if (at.sequence > expected) {
      const [first, last] = [documentName(expected), documentName(at.sequence - 1)];
      this.say('gap', first, `${first === last ? 'is' : `to ${last} are`} missing before ${at.name}`);
    }
    const { link, signature } = at;
    if (!link || !of) return;
    const displaced = linkProblem({ ...link, previous: null }, at, undefined, of);
    if (displaced) {
      this.say('misplaced', at.name, displaced);
      return;
    }
    const problem = at.sequence === expected ? linkProblem(link, at, before, of) : undefined;
    if (!problem) return;
    const isSigned = signature === 'trusted' || signature === 'known';
    if (before && !isSigned) return;
    if (!before || (before.signature !== 'none' && before.key !== undefined)) {
      this.say('fork', at.name, `${problem}: there were two documents for one place`);
    } else if (before.link?.schema === UNSIGNED_FORMAT && before.signature === 'none') {
      this.say('altered', before.name, `is not what ${at.name} links to: that ${problem}`);
    }
  }

  /** What was signed, and is not here. */
  private missing(documents: readonly Examined[]): void {
    const last = documents.at(-1)?.sequence ?? 0;
    for (const sequence of [...this.signatures.keys()].sort((one, other) => one - other)) {
      if (sequence <= last) continue;
      const name = documentName(sequence);
      this.say('gap', name, 'was signed, and is not here: it was left out, or its run was cut off while it published');
    }
  }

  private tellOtherKeys(signed: readonly Examined[]): void {
    const others = signed.filter(({ signature }) => signature === 'known').map(({ name }) => name);
    const newest = others.at(-1);
    if (newest === undefined) return;
    if (signed.length === others.length) {
      const says =
        'is signed with a key that only lies beside it, as all before it are: none has a signature of a key that is trusted';
      this.say('wrongly signed', newest, says);
      return;
    }
    this.notes.push(
      `${others.length} documents, ${others[0]} to ${newest}, are signed with a key that was replaced since: compare its ` +
        'fingerprint with what was noted then',
    );
  }

  private say(kind: ProblemKind, file: string, says: string): void {
    this.problems.push({ kind, file, says: `${file} ${says}` });
  }
}

/** How many files are read at a time. */
const AT_ONCE = 16;

async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const waiting = items.entries();
  const worker = async () => {
    for (const [at, item] of waiting) results[at] = await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

function currentOf(files: readonly StoredFile[]): Current[] {
  const byName = new Map<string, StoredFile[]>();
  for (const file of files) {
    const name = file.key.split('/').at(-1) ?? '';
    byName.set(name, [...(byName.get(name) ?? []), file]);
  }
  const current = Array.from(byName, ([name, all]) => {
    const contents = all.filter(({ isDeleteMarker }) => !isDeleteMarker);
    const newest = contents.find(({ isLatest }) => isLatest) ?? contents[0];
    const isHidden = all.some(({ isDeleteMarker, isLatest }) => isDeleteMarker && isLatest);
    // Nothing but a marker: whatever was under it, nobody can read it any more.
    const read = async () => (newest ? newest.read() : Buffer.alloc(0));
    return { name, read, versions: contents.length, isHidden };
  });
  return current.sort((one, other) => (one.name < other.name ? -1 : 1));
}
