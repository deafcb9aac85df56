/** What a check says of one piece of work, and what it is told of the copy. */
import type { Amcheck } from './catalog';
import type { CheckTask, Finding } from './protocol';

/** What became of a piece. */
export type Verdict = WithoutWork<Finding>;

/** What all pieces of a batch share. */
export interface ExaminedCopy {
  readonly amcheck: Amcheck;
  /** Whether pages carry checksums, which tell damage inside a row from a row. */
  readonly checksums: boolean;
  readonly user: string;
  readonly reader: CheckTask['reader'];
  readonly restorePoint: string;
  readonly tablesWithRows: CheckTask['tablesWithRows'];
}

type WithoutWork<T> = T extends unknown ? Omit<T, 'work'> : never;
