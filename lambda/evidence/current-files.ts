/** Files of a folder with their newest content, even under a delete marker. */
import { type Content, contentOf } from './content';
import type { StoredFile } from './stored-files';

/** Whether the file is hidden by a delete marker. */
export interface CurrentFile {
  readonly name: string;
  read(): Promise<Content>;
  /** How many versions with content there are. */
  readonly versions: number;
  readonly isHidden: boolean;
}

/** How many files are read at a time. */
const AT_ONCE = 16;

export async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const waiting = items.entries();
  const worker = async () => {
    for (const [at, item] of waiting) results[at] = await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

export function currentFiles(files: readonly StoredFile[]): CurrentFile[] {
  const byName = new Map<string, StoredFile[]>();
  for (const file of files) {
    const name = file.key.split('/').at(-1) ?? '';
    byName.set(name, [...(byName.get(name) ?? []), file]);
  }
  const current = Array.from(byName, ([name, all]) => {
    const contents = all.filter(({ isDeleteMarker }) => !isDeleteMarker);
    const newest = contents.find(({ isLatest }) => isLatest) ?? contents[0];
    const isHidden = all.some(({ isDeleteMarker, isLatest }) => isDeleteMarker && isLatest);
    // Only a marker is left: the content can't be read any more.
    const read = async () => (newest ? newest.read() : contentOf([]));
    return { name, read, versions: contents.length, isHidden };
  });
  return current.sort((one, other) => (one.name < other.name ? -1 : 1));
}
