/** Making folders, parents included. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** A folder, or the nearest one above it that exists. */
export function nearestExisting(path: string): string {
  for (let folder = path; ; folder = dirname(folder)) {
    if (statSync(folder, { throwIfNoEntry: false }) || folder === dirname(folder)) return folder;
  }
}

/**
 * Makes a folder and those above it that are missing; one that exists is left as it is.
 *
 * One by one: where a file system refuses new folders as if their parent were missing, as /proc does, Node's own
 * `recursive` never returns.
 */
export function makeFolders(path: string, mode?: number): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  const parent = dirname(path);
  if (parent !== path) makeFolders(parent, mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}
