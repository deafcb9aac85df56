/** The chain of what drills and validations of one target proved. */
import type { S3Client } from '@aws-sdk/client-s3';
import { type Evidence, evidencePrefix } from '../contract';
import { Chain, type ChainKind } from './chain';
import { documentOf } from './documents';
import { evidenceText } from './evidence-text';
import type { Signer } from './signing';

const OF_DRILLS: ChainKind<Evidence> = {
  prefix: evidencePrefix,
  read: documentOf,
  text: evidenceText,
  // A run of a drill has one document.
  isOf: (document, draft) => document.run === draft.run,
  began: ({ started }) => started,
  dated: ({ finished }) => finished,
  complete: (draft, at) => ({ ...draft, ...at }),
};

export class EvidenceChain extends Chain<Evidence> {
  constructor(
    s3: S3Client,
    bucket: string,
    of: { readonly plan: string; readonly target: string },
    /** Readers need only its public key. */
    signer: Signer,
  ) {
    super(s3, bucket, of, signer, OF_DRILLS);
  }

  /** The newest document that passed, is wanted, and is a proof. */
  async lastPassed(wanted: (document: Evidence) => boolean): Promise<Evidence | undefined> {
    return this.lastProof((document) => document.outcome === 'passed' && wanted(document));
  }
}
