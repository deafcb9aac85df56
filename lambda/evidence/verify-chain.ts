/** Verifies one chain: every document's signature, place and link, and that none is missing, hidden or written over. */
import { type EvidenceLink, recoveryDocument } from '../contract';
import { type CurrentFile, currentFiles, inParallel } from './current-files';
import {
  documentName,
  documentOf,
  isPublicKey,
  linkOf,
  linkProblem,
  publicKeyName,
  readDocument,
  sequenceOf,
  signedBy,
} from './documents';
import { type Problem, type ProblemKind, problem } from './problems';
import { fromPem, isSignedWith, type VerificationKey } from './signing';
import type { StoredFile } from './stored-files';
import { problemsBeside } from './verify-beside';

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
  /** What a reader needs to judge the result. */
  readonly notes: readonly string[];
}

/** A document, without its bytes: a chain may have thousands. */
interface Examined {
  readonly name: string;
  readonly sequence: number;
  readonly sha256: string;
  readonly link: EvidenceLink | undefined;
  readonly summary: VerifiedChain['newest'];
  readonly inventory: { readonly key: string; readonly sha256: string } | null;
  /** SHA-256 of its readable form. */
  readonly text: string | undefined;
  readonly signature: 'trusted' | 'known' | 'wrong' | 'of other bytes' | 'none';
  readonly key: string | undefined;
}

/** From format 2 on, documents are signed. */
const UNSIGNED_FORMAT = 'lifeboat/evidence/1';

/** @param inventories files of the chain's folder of inventories; not read when absent */
export async function verifyChain(
  folder: string,
  files: readonly StoredFile[],
  trusted?: readonly VerificationKey[],
  inventories?: readonly StoredFile[],
): Promise<VerifiedChain> {
  return new ChainVerifier(folder, currentFiles(files), trusted, inventories && currentFiles(inventories)).verify();
}

class ChainVerifier {
  private readonly problems: Problem[] = [];
  private readonly notes: string[] = [];
  private readonly known: VerificationKey[] = [];
  /** Signatures, by the sequence and the hash in their names. */
  private readonly signatures = new Map<number, Map<string, Buffer>>();

  constructor(
    private readonly folder: string,
    private readonly files: readonly CurrentFile[],
    private readonly trusted: readonly VerificationKey[] | undefined,
    private readonly inventories: readonly CurrentFile[] | undefined,
  ) {}

  async verify(): Promise<VerifiedChain> {
    await inParallel(this.files, (file) => this.takeIn(file));
    const examined = await inParallel(this.files, (file) => this.examined(file));
    const documents = examined.flat().sort((one, other) => one.sequence - other.sequence);
    const of = this.placeOf(documents);
    const before = new Set<Examined['signature']>();
    documents.forEach((document, at) => {
      this.judge(document, before);
      this.judgeLink(document, documents[at - 1], of);
      before.add(document.signature);
    });
    this.missing(documents);
    this.judgeOtherKeys(documents);
    this.problems.push(...(await problemsBeside(documents, this.files, this.inventories)));
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
  private async takeIn({ name, read, versions, isHidden }: CurrentFile): Promise<void> {
    if (isHidden) this.say('hidden', name, 'is hidden by a delete marker; delete the marker to bring it back');
    if (versions > 1) {
      this.say('altered', name, `has ${versions} versions, but is written once; compare them, and find out who wrote`);
    }
    const signature = signedBy(name);
    if (signature) {
      const { sequence, sha256 } = signature;
      const { bytes = Buffer.alloc(0) } = await read();
      this.signatures.set(sequence, (this.signatures.get(sequence) ?? new Map()).set(sha256, bytes));
    }
    if (!isPublicKey(name)) return;
    try {
      const key = fromPem(((await read()).bytes ?? '').toString('utf8'));
      if (publicKeyName(key.fingerprint) === name) this.known.push(key);
      else
        this.say('altered', name, `holds the key ${key.fingerprint}, but is not named after it; find out who wrote it`);
    } catch (error) {
      this.say('unreadable', name, `is not a public key: ${error instanceof Error ? error.message : error}`);
    }
  }

  private async examined({ name, read }: CurrentFile): Promise<Examined[]> {
    const sequence = sequenceOf(name);
    if (sequence === undefined) return [];
    const { sha256, bytes } = await read();
    const document = documentOf(bytes);
    const recovery = document ? undefined : readDocument(recoveryDocument, bytes);
    const summary = document
      ? { document: name, outcome: document.outcome, finished: document.finished }
      : recovery
        ? { document: name, outcome: recovery.title, finished: recovery.written }
        : null;
    const link = linkOf(bytes);
    const inventory = document?.inventory ?? null;
    const text = (document ?? recovery)?.text?.sha256;
    return [{ name, sequence, sha256, link, summary, inventory, text, ...this.signatureOf(sequence, sha256, bytes) }];
  }

  private signatureOf(
    sequence: number,
    sha256: string,
    bytes: Buffer | undefined,
  ): Pick<Examined, 'signature' | 'key'> {
    const here = this.signatures.get(sequence);
    const signature = here?.get(sha256);
    if (!signature) return { signature: here ? 'of other bytes' : 'none', key: undefined };
    if (!bytes) return { signature: 'wrong', key: undefined };
    const signedWith = (keys: readonly VerificationKey[]) => keys.find((key) => isSignedWith(key, bytes, signature));
    const own = signedWith(this.trusted ?? this.known);
    if (own) return { signature: 'trusted', key: own.fingerprint };
    const other = signedWith(this.known);
    return other ? { signature: 'known', key: other.fingerprint } : { signature: 'wrong', key: undefined };
  }

  /** Plan and target of the chain: from its folder, if it is laid out as in a bucket, else from its documents. */
  private placeOf(documents: readonly Examined[]) {
    const [, plan, target] = /(?:^|\/)(?:evidence|recoveries)\/([^/]+)\/([^/]+)$/.exec(this.folder) ?? [];
    if (plan !== undefined && target !== undefined) return { plan, target };
    return (documents.find(({ link, key }) => link && key) ?? documents.find(({ link }) => link))?.link;
  }

  private judge({ name, link, signature }: Examined, before: ReadonlySet<Examined['signature']>): void {
    const afterSigned = (by: Examined['signature'][]) => by.some((signature) => before.has(signature));
    if (signature === 'trusted') {
      if (!link) this.notes.push(`${name} is signed, but has a format that this version can't read`);
      return;
    }
    if (signature === 'known') {
      if (!afterSigned(['trusted'])) return;
      this.say('wrongly signed', name, 'is signed with a key that was replaced before; find out who has that key');
    } else if (signature === 'wrong') {
      this.say('wrongly signed', name, 'has a signature that none of the keys made; find out who wrote it');
    } else if (signature === 'of other bytes') {
      this.say('altered', name, 'does not have the bytes that were signed; find out who wrote it');
    } else if (!link) {
      this.say('unreadable', name, 'is not a document of evidence, and is not signed; find out who wrote it');
    } else if (link.schema !== UNSIGNED_FORMAT || afterSigned(['trusted', 'known'])) {
      this.say('unsigned', name, 'is not signed; find out who wrote it');
    } else {
      this.notes.push(`${name} has a format without signatures: it is linked, but proves nothing by itself`);
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
      this.say('gap', name, 'was signed, but is not here: it was left out, or its run was cut off while it published');
    }
  }

  /** Without a trusted key, anyone who adds a document may add a key for it, so a second key is a problem. */
  private judgeOtherKeys(documents: readonly Examined[]): void {
    if (this.trusted) return;
    let before: string | undefined;
    for (const { name, key } of documents) {
      if (key === undefined) continue;
      if (before !== undefined && key !== before) {
        const says =
          `is signed with key ${key}, and those before it with ${before}: if the key was replaced, name the one that you trust ` +
          'with --key; else find out who wrote it';
        this.say('wrongly signed', name, says);
      }
      before = key;
    }
  }

  private tellOtherKeys(signed: readonly Examined[]): void {
    const others = signed.filter(({ signature }) => signature === 'known').map(({ name }) => name);
    const newest = others.at(-1);
    if (newest === undefined) return;
    if (signed.length === others.length) {
      const says =
        'is signed with a key that only lies beside it, like all before it: no document is signed with a trusted key';
      this.say('wrongly signed', newest, says);
      return;
    }
    this.notes.push(
      `${others.length} documents, ${others[0]} to ${newest}, are signed with a key that was replaced since: compare its ` +
        'fingerprint with the one that you noted then',
    );
  }

  private say(kind: ProblemKind, file: string, says: string): void {
    this.problems.push(problem(kind, file, says));
  }
}
