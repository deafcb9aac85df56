/**
 * The folder for a rehearsal's evidence: no other rehearsal writes to it, and it is known to be writable before the
 * first drill.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolders } from '../machine/folders';

export class EvidenceFolder {
  private constructor(public readonly path: string) {}

  /**
   * Makes the folder.
   *
   * @param asked one that holds no evidence yet; one by the time under `.lifeboat` where none is asked for
   * @throws Error with the remedy where it can't be made or written, or holds evidence
   */
  static claim(asked: string | undefined, now = new Date()): EvidenceFolder {
    const path = asked ?? join('.lifeboat', `rehearsal-${now.toISOString().slice(0, 19).replaceAll(':', '-')}`);
    try {
      return new EvidenceFolder(asked === undefined ? claimNew(path) : claimEmpty(path));
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      throw new Error(
        `evidence can't be written to '${path}' (${message}), so a drill would prove nothing; name a folder that you ` +
          'can write to with --evidence',
        { cause: error },
      );
    }
  }

  /** Removes the folder again where nothing was written to it. */
  leave(): void {
    try {
      rmdirSync(this.path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOENT') throw error;
    }
  }
}

/** Two that begin in the same second get a folder each. */
function claimNew(path: string): string {
  makeFolders(dirname(path));
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? path : `${path}-${number}`;
    try {
      mkdirSync(candidate);
      return candidate;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

function claimEmpty(path: string): string {
  makeFolders(path);
  if (readdirSync(path).length > 0) {
    throw new Error(
      `'${path}' holds files already, and evidence of this rehearsal would overwrite that of another; name an empty ` +
        'folder, or a new one, with --evidence',
    );
  }
  rmdirSync(mkdtempSync(join(path, 'writable-')));
  return path;
}
