/**
 * Verifies stored evidence, and lists every problem: for an auditor with a copy of a bucket, and for the hourly watch
 * on the bucket itself.
 */

import { sequenceOf, signedBy } from './documents';
import type { VerificationKey } from './signing';
import type { StoredFile } from './stored-files';
import { type VerifiedChain, verifyChain } from './verify-chain';

export interface Verification {
  /** There is evidence, and it has no problem. */
  readonly proven: boolean;
  /** Whether trusted keys were named; otherwise the keys beside the documents are used. */
  readonly keysNamed: boolean;
  readonly chains: readonly VerifiedChain[];
}

export interface VerificationOptions {
  /** Keys that documents must be signed with; without them, the keys beside the documents are trusted. */
  readonly trusted?: readonly VerificationKey[];
  /** Whether inventories are read too: each may have megabytes. @default true */
  readonly inventories?: boolean;
}

/** Below a chain's folder. Earlier versions named its files after runs, which may look like a document's number. */
const INVENTORIES = 'inventories';

const holdsChain = (files: readonly StoredFile[]): boolean =>
  files
    .map(({ key }) => key.split('/').at(-1) ?? '')
    .some((name) => sequenceOf(name) !== undefined || signedBy(name) !== undefined);

/** A target may have this name too: then there is no chain above. */
function isBesideChain(folder: string, folders: ReadonlyMap<string, readonly StoredFile[]>): boolean {
  const path = folder.split('/');
  return path.pop() === INVENTORIES && holdsChain(folders.get(path.join('/')) ?? []);
}

export async function verifyEvidence(
  files: readonly StoredFile[],
  { trusted, inventories = true }: VerificationOptions = {},
): Promise<Verification> {
  const folders = new Map<string, StoredFile[]>();
  for (const file of files) {
    const folder = file.key.split('/').slice(0, -1).join('/');
    folders.set(folder, [...(folders.get(folder) ?? []), file]);
  }
  const chains: VerifiedChain[] = [];
  for (const [folder, own] of [...folders].sort(([one], [other]) => (one < other ? -1 : 1))) {
    if (!holdsChain(own) || isBesideChain(folder, folders)) continue;
    const beside = folders.get(folder === '' ? INVENTORIES : `${folder}/${INVENTORIES}`) ?? [];
    chains.push(await verifyChain(folder, own, trusted, inventories ? beside : undefined));
  }
  const proven = chains.length > 0 && chains.every(({ problems, signed }) => problems.length === 0 && signed > 0);
  return { proven, keysNamed: trusted !== undefined, chains };
}
