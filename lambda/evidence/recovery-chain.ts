/** The chain of what recoveries of one target showed, were allowed, changed and reported. */
import type { S3Client } from '@aws-sdk/client-s3';
import { type RecoveryDocument, recoveryDocument, recoveryPrefix } from '../contract';
import { Chain, type ChainKind } from './chain';
import { readDocument } from './documents';
import { recoveryText } from './recovery-text';
import type { Signer } from './signing';

const OF_RECOVERIES: ChainKind<RecoveryDocument> = {
  prefix: recoveryPrefix,
  read: (bytes) => readDocument(recoveryDocument, bytes),
  text: recoveryText,
  isOf: (document, { run, name }) => document.run === run && document.name === name,
  began: ({ written }) => written,
  dated: ({ written }) => written,
  complete: (draft, at) => ({ ...draft, ...at }),
};

export class RecoveryChain extends Chain<RecoveryDocument> {
  constructor(
    s3: S3Client,
    bucket: string,
    of: { readonly plan: string; readonly target: string },
    /** Readers need only its public key. */
    signer: Signer,
  ) {
    super(s3, bucket, of, signer, OF_RECOVERIES);
  }

  /** A document of a run, if it is signed and linked: a rollback relies on what it says. */
  async find(run: string, name: string): Promise<RecoveryDocument | undefined> {
    return this.lastProof((document) => document.run === run && document.name === name);
  }

  /** All documents of a run that are signed and linked, the oldest first. */
  async ofRun(run: string): Promise<RecoveryDocument[]> {
    const found: RecoveryDocument[] = [];
    for await (const document of this.proofs((one) => one.run === run)) found.unshift(document);
    return found;
  }
}
