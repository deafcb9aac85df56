/** What keeps evidence from being proof. */
export type ProblemKind =
  /** A document that existed is missing. */
  | 'gap'
  /** It has a delete marker. */
  | 'hidden'
  /** Its bytes are not those that were signed, or that the next document links to. */
  | 'altered'
  /** It has no signature. */
  | 'unsigned'
  /** Signed with no key that is trusted. */
  | 'wrongly signed'
  /** Two documents claim the same place. */
  | 'fork'
  /** It says that it belongs elsewhere. */
  | 'misplaced'
  /** It can't be read as a document of evidence. */
  | 'unreadable';

export interface Problem {
  readonly kind: ProblemKind;
  readonly file: string;
  /** A sentence that begins with the file. */
  readonly says: string;
}

/** @param says what follows the file's name */
export const problem = (kind: ProblemKind, file: string, says: string): Problem => ({
  kind,
  file,
  says: `${file} ${says}`,
});
