/**
 * Verifies evidence from what is stored, and names all that keeps it from being proof: for an auditor on a copy of a
 * bucket, and for the hourly watch on the bucket itself.
 */

import { sequenceOf, signedBy } from './documents';
import type { VerificationKey } from './signing';
import type { StoredFile } from './stored-files';
import { type VerifiedChain, verifyChain } from './verify-chain';

export interface Verification {
  /** There is evidence, and nothing is wrong with any of it. */
  readonly proven: boolean;
  readonly chains: readonly VerifiedChain[];
}

export interface VerificationOptions {
  /** Keys that documents must be signed with; without them, those that lie beside the documents are trusted. */
  readonly trusted?: readonly VerificationKey[];
  /** Whether inventories are read, too: there may be megabytes of each. @default true */
  readonly inventories?: boolean;
}

/** Below a chain's folder. Names of files in it are those of runs, and may look like documents'. */
const INVENTORIES = 'inventories';

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
    if (folder.split('/').at(-1) === INVENTORIES) continue;
    const names = own.map(({ key }) => key.split('/').at(-1) ?? '');
    if (!names.some((name) => sequenceOf(name) !== undefined || signedBy(name))) continue;
    const beside = folders.get(folder === '' ? INVENTORIES : `${folder}/${INVENTORIES}`) ?? [];
    chains.push(await verifyChain(folder, own, trusted, inventories ? beside : undefined));
  }
  const proven = chains.length > 0 && chains.every(({ problems, signed }) => problems.length === 0 && signed > 0);
  return { proven, chains };
}
