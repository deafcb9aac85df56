/**
 * Approvals: what a person was shown, what an answer is, and which answers count.
 *
 * An answer names the document by its hash, and proves who gave it. Its proof is bound to one question of one run, to
 * the document and to the decision, so it can't be taken for an answer to anything else, nor be used twice.
 */
import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { parse } from '../contract';
import { type Identity, sameIdentity } from './identity';

/** What is to be approved. */
export interface Shown {
  /** Of the document that the person reads, in hexadecimal. */
  readonly sha256: string;
  /** Ids of the resources that it is about. */
  readonly resources: readonly string[];
  /** ISO 8601 moment from which an answer comes too late, as what was shown may no longer be true. */
  readonly expires: string;
}

export type Decision = 'approve' | 'refuse' | 'abandon';

/** How an approval ended. Who, when, and which answers did not count, and why. */
export interface Approval {
  readonly outcome: 'approved' | 'refused' | 'abandoned' | 'timed-out';
  /** ARN of the person; null when nobody answered in time. */
  readonly by: string | null;
  readonly at: string;
  readonly ignored: readonly string[];
}

/** Reads a proof: who gave it, or why it proves nothing. Its errors must not contain the proof. */
export type Identify = (proof: string, binding: string) => Promise<Identified>;

export type Identified = { readonly identity: Identity } | { readonly why: string };

/** Whose answers count. */
export interface Approvers {
  readonly identify: Identify;
  /**
   * A person who may refuse or abandon, but not approve, such as the one who started the run.
   *
   * @default - anyone with a proof may
   */
  readonly notBy?: Identity;
}

const answer = v.strictObject({
  decision: v.picklist(['approve', 'refuse', 'abandon']),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal')),
  proof: v.pipe(v.string(), v.maxLength(8192, 'must be 8192 characters at most')),
});

/** What an approver sends. */
export type Answer = v.InferOutput<typeof answer>;

export interface Question {
  /** ARN of the execution that asks. */
  readonly execution: string;
  /** Name of the callback, which is unique in its execution. */
  readonly question: string;
}

/** Of the step in which a run checks an answer. */
export const nameOfCheck = (question: string) => `check ${question}`;

/** What a proof has to carry, as a hash: one decision, on what was shown, as an answer to one question. */
export function bindingOf(
  { execution, question }: Question,
  { sha256, resources, expires }: Shown,
  decision: Decision,
): string {
  return createHash('sha256')
    .update(JSON.stringify([execution, question, decision, sha256, expires, ...resources]))
    .digest('hex');
}

/** What an answer amounts to. */
export type Judged =
  | { readonly outcome: 'approved' | 'refused' | 'abandoned'; readonly by: string }
  | { readonly ignored: string };

/** @throws Error without the proof, when the proof could not be checked */
export async function judge(
  text: string,
  question: Question,
  shown: Shown,
  { identify, notBy }: Approvers,
  now: number,
): Promise<Judged> {
  const given = understood(text);
  if (!given) return { ignored: 'it is not an answer that this version understands' };
  if (now >= Date.parse(shown.expires)) return { ignored: `it came after ${shown.expires}, when the question expired` };
  if (given.sha256 !== shown.sha256) return { ignored: `it is about another document, with the hash ${given.sha256}` };
  const identified = await identify(given.proof, bindingOf(question, shown, given.decision)).catch((error: unknown) => {
    throw withoutProof(error, given.proof);
  });
  if ('why' in identified) return { ignored: `its proof is not valid: ${identified.why}` };
  const { arn, account } = identified.identity;
  // Anyone has an account of their own, in which they are whoever they like.
  if (account !== accountOf(question.execution)) return { ignored: `${arn} is not of the account of this run` };
  if (given.decision === 'approve' && notBy && sameIdentity(identified.identity, notBy)) {
    return { ignored: `${arn} started this run, and another person has to approve it` };
  }
  return { outcome: OUTCOMES[given.decision], by: arn };
}

const accountOf = (arn: string) => arn.split(':')[4];

const OUTCOMES = { approve: 'approved', refuse: 'refused', abandon: 'abandoned' } as const;

function understood(text: string): Answer | undefined {
  try {
    return parse(answer, JSON.parse(text), 'answer');
  } catch {
    // What was wrong with it is not told: it could quote what a stranger sent.
    return undefined;
  }
}

/** Errors of steps are stored, and a proof must not be. */
function withoutProof(error: unknown, proof: string): unknown {
  if (error instanceof Error && proof !== '') error.message = error.message.replaceAll(proof, '(the proof)');
  return error;
}
