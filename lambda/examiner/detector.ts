/** What a detector is: one way to look at objects of one kind, with the damage or loss that it finds. */
import type { Check } from '../contract';
import type { CopyFacts } from './facts';
import type { Problem } from './protocol';
import type { Session } from './session';

/**
 * In this order. Reading alone changes nothing; B-trees are compared under locks; a vacuum rewrites what the detectors
 * before it need, and the first plain scan of an index marks entries that lead nowhere, so that no later one sees them.
 */
export const PHASES = ['files', 'pages', 'rows', 'indexes', 'entries', 'references', 'own checks'] as const;
export type Phase = (typeof PHASES)[number];

/** One object of a piece of work. */
export interface Piece {
  /** 0 for the database as a whole. */
  readonly oid: number;
  /** As people write it; bare in `public`. */
  readonly name: string;
  readonly bytes: number;
  /** First and last block, where only a part is to be read. */
  readonly blocks?: readonly [from: number, to: number];
}

export type Verdict =
  | {
      readonly check: Check['kind'];
      readonly outcome: 'passed';
      readonly observed: string;
      readonly freshnessSeconds?: number;
    }
  | ({
      readonly check: Check['kind'];
      readonly outcome: 'failed' | 'warning' | 'not-run';
      readonly freshnessSeconds?: number;
    } & Problem);

/** A verdict on the one check that a piece is about. */
export type Answer = Verdict extends infer V ? (V extends Verdict ? Omit<V, 'check'> : never) : never;

export interface Examined {
  /** At least one for each check that the detector serves and the request has. */
  readonly verdicts: readonly Verdict[];
  /** Rows that were counted in the table, or in the part of it. */
  readonly rows?: number;
}

export interface Detector {
  readonly name: string;
  readonly phase: Phase;
  /** Kinds of checks that it serves. Damage that it meets counts against the first of them that is asked for. */
  readonly serves: readonly Check['kind'][];
  /**
   * SQL that lists its objects: columns `oid`, `name`, `bytes` (of all its reading), `blocks` (null where it can't be
   * cut).
   *
   * Undefined where it looks at the database as a whole, or has nothing to do in this one.
   */
  readonly objects?: (facts: CopyFacts) => string | undefined;
  /** Runs outside of a transaction: it vacuums. @default false */
  readonly alone?: boolean;
  /** Runs functions of the database's own though its phase needs the master's rights. @default false */
  readonly reads?: boolean;
  readonly examine: (session: Session, piece: Piece, context: Context) => Promise<Examined>;
  /**
   * Looks at several small objects in one statement, where most of the time goes into asking.
   *
   * @returns the result for each where nothing is wrong with any of them; else, and after an error, each is examined
   * alone
   */
  readonly examineAll?: (session: Session, pieces: readonly Piece[], context: Context) => Promise<Examined | undefined>;
}

/** Several objects as rows of a column `oid`, for a statement about all of them. */
export const each = (pieces: readonly Pick<Piece, 'oid'>[]) =>
  `pg_catalog.unnest('{${pieces.map(({ oid }) => oid).join(',')}}'::pg_catalog.oid[]) AS each (oid)`;

/** What all detectors of a call share. */
export interface Context {
  readonly facts: CopyFacts;
  /** ISO 8601 */
  readonly restorePoint: string;
  /** Kinds of checks that this work serves. */
  readonly wanted: ReadonlySet<Check['kind']>;
  /**
   * A session that can only read, beside the one of a detector that `reads`: what runs functions of the database's own
   * belongs there. None where no such user could be made.
   */
  readonly reading?: Session;
  /** The check of the user's own that this work is about. */
  readonly check?: Check;
}
