import type { VerifiedChain } from './verify-chain';
import type { Verification } from './verify-evidence';
import { visible } from './visible';

/** Anyone who can replace the files in a folder can replace the keys in it. */
const COMPARE =
  'the keys are those that lie beside the documents: name the one that you trust with --key, or compare its fingerprint with ' +
  '`aws kms get-public-key --key-id <signing key> --query PublicKey --output text | base64 -d | sha256sum`';

/** The result for people: a paragraph for each chain, and a verdict at the end. */
export function verificationText({ proven, keysNamed, chains }: Verification): string[] {
  if (chains.length === 0) return ['no evidence was found here, so nothing is proven'];
  const problems = chains.reduce((total, chain) => total + chain.problems.length, 0);
  const conclusion = proven
    ? 'proven: every document is signed, in its place, and linked to the one before'
    : `NOT proven: ${problems === 0 ? 'nothing is signed' : `${problems} ${problems === 1 ? 'problem' : 'problems'}`}`;
  return [...chains.flatMap(chainLines), conclusion, ...(proven && !keysNamed ? [COMPARE] : [])];
}

function chainLines({ folder, documents, signed, keys, newest, problems, notes }: VerifiedChain): string[] {
  const last = newest ? `; the newest, ${newest.document}, ${newest.outcome} at ${newest.finished}` : '';
  const lines = [
    `${folder || '.'}: ${documents} ${documents === 1 ? 'document' : 'documents'}, ${signed} signed${last}`,
    ...keys.map((key) => `  signed with key ${key}`),
    ...problems.map(({ kind, says }) => `  ${kind.toUpperCase()}: ${says}`),
    ...notes.map((note) => `  note: ${note}`),
  ];
  return lines.map(visible);
}
