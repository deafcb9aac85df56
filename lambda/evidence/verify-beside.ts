/** Verifies the files beside documents that are not signed themselves: each document has their hashes. */
import { type CurrentFile, inParallel } from './current-files';
import { textName } from './documents';
import { type Problem, problem } from './problems';

interface Linking {
  readonly name: string;
  readonly sequence: number;
  /** SHA-256 of its readable form. */
  readonly text: string | undefined;
  readonly inventory: { readonly key: string; readonly sha256: string } | null;
}

/** @param inventories not read when absent */
export async function problemsBeside(
  documents: readonly Linking[],
  files: readonly CurrentFile[],
  inventories: readonly CurrentFile[] | undefined,
): Promise<Problem[]> {
  const texts = byName(files);
  const lists = inventories && byName(inventories);
  const problems = await inParallel(documents, async (document) => [
    ...(await problemsOfText(document, texts)),
    ...(lists ? await problemsOfInventory(document, lists) : []),
  ]);
  return problems.flat();
}

const byName = (files: readonly CurrentFile[]) => new Map(files.map((file) => [file.name, file]));

/** People may take the readable form for the document, so it must match; a missing one does no harm. */
async function problemsOfText(
  { name, sequence, text }: Linking,
  found: ReadonlyMap<string, CurrentFile>,
): Promise<Problem[]> {
  const file = found.get(textName(sequence));
  if (!file || text === undefined || (await file.read()).sha256 === text) return [];
  return [problem('altered', file.name, `is not the readable form of ${name}: read that, and find out who wrote this`)];
}

async function problemsOfInventory(
  { name, inventory }: Linking,
  found: ReadonlyMap<string, CurrentFile>,
): Promise<Problem[]> {
  if (!inventory) return [];
  const file = inventory.key.split('/').slice(-2).join('/');
  const held = found.get(file.split('/').at(-1) ?? '');
  if (!held) return [problem('gap', file, `is not here, and ${name} links to it`)];
  if ((await held.read()).sha256 !== inventory.sha256) {
    return [problem('altered', file, `is not the inventory that ${name} links to; find out who wrote it`)];
  }
  return held.isHidden ? [problem('hidden', file, 'is hidden by a delete marker; delete the marker')] : [];
}
