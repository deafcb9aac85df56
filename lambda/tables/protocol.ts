/**
 * What the conductor of a table's recovery and the function that reaches both databases say to each other.
 *
 * Each task does as much as its call has time for, and says whether it is done; called again with the same request it
 * goes on where the last call was committed, whatever became of that call. What is done stands in ledgers in the
 * databases, in the same transaction as the data. Results hold counts and names, never values of rows; the passwords
 * pass in the call and are in no result.
 */
import type { Connection } from '../examiner/protocol';

/**
 * How rows come back: `insert-missing` inserts rows that only the copy has; `overwrite-changed` sets rows back that
 * both have and that differ, and inserts none; `swap` replaces the whole table, and keeps rows that only the live table
 * has. Merges are the first two.
 */
export type Way = 'insert-missing' | 'overwrite-changed' | 'swap';

export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** A table as it was planned: tasks refuse to go on where its columns, types or key are not those any more. */
export interface TableRef extends TableName {
  /** `shape` of the plan. */
  readonly shape: string;
}

/** Both databases, and the recovery that works on them. */
export interface Sides {
  /** Names everything that this recovery makes: 1 to 20 lower-case letters and digits, the same in every call. */
  readonly run: string;
  /** Production. Owns or may do whatever the table's owner may. */
  readonly live: Connection;
  /** The restored instance, which nobody else writes to. */
  readonly copy: Connection;
}

/** Every result says whether the task is done; where it is not, the same request goes on. */
export interface Progress {
  readonly done: boolean;
}

/** 1: reads both sides, and says what would be done. Writes nothing. */
export interface PlanTables extends Sides {
  readonly task: 'plan-tables';
  readonly way: Way;
  readonly tables: readonly TableName[];
}

export interface Plan extends Progress {
  /** Parents of foreign keys before their children: the order to merge in. Undo takes them the other way round. */
  readonly tables: readonly PlannedTable[];
  /** Why nothing can be done, each by name; all of them at once. Where there is any, no other task may be called. */
  readonly refused: readonly string[];
}

export interface PlannedTable extends TableRef {
  /** Columns that are copied, in the live table's order. */
  readonly columns: readonly PlannedColumn[];
  /** Columns of the key by which rows are matched; null where there is none, which only a swap takes. */
  readonly key: readonly string[] | null;
  /** Of the copy's table, with its indexes and what is stored out of line. */
  readonly bytes: number;
  /** The planner's estimate for the copy's table; null where it has none. */
  readonly rows: number | null;
  /** Whether rows are copied in PostgreSQL's binary form; else as text. */
  readonly binary: boolean;
  /** What a swap carries over, by name; empty for merges, which leave the live table's own objects alone. */
  readonly carried: readonly string[];
  /** What an approver has to know: triggers that fire, columns that are not copied. */
  readonly warnings: readonly string[];
}

export interface PlannedColumn {
  readonly name: string;
  /** In the live database. */
  readonly type: string;
  /** In the copy, where it differs. */
  readonly typeInCopy?: string;
}

/** 2: the dry run. Writes nothing in the live database; the list of what it found is kept in the copy. */
export interface CompareTable extends Sides {
  readonly task: 'compare-table';
  readonly table: TableRef;
}

export interface Comparison extends Progress {
  /** All counts are of the ranges compared until now. */
  readonly rowsInCopy: number;
  readonly rowsInLive: number;
  /** Rows that only the copy has. */
  readonly missing: number;
  /** Rows that both have, with other values. */
  readonly changed: number;
  /** Rows that only the live table has. */
  readonly extra: number;
  /** Which transactions wrote the changed rows that are there now: those with the most rows first, at most 20. */
  readonly changedBy: readonly ChangedBy[];
  /**
   * What an approval is bound to: SHA-256 of the shape and of the list of all missing and changed keys, with the hash
   * of the live row for the changed ones. Absent until done.
   */
  readonly list?: string;
}

export interface ChangedBy {
  /** Its id (`xmin`): one that wrote most of them is the one that did the damage. */
  readonly transaction: string;
  readonly rows: number;
}

/**
 * 3: copies rows into a table of the same name in the live database's schema `lifeboat_new`: for merges those of the
 * approved list, for a swap all of them. A swap's shadow is made bare if it is not there.
 */
export interface StageTable extends Sides {
  readonly task: 'stage-table';
  readonly way: Way;
  readonly table: TableRef;
  /** `list` of the comparison that was approved. */
  readonly list: string;
}

export interface Staged extends Progress {
  readonly rows: number;
}

/** 4: reads what was staged and what the copy holds. @throws TablesRefused where their fingerprints differ */
export interface VerifyStaged extends Sides {
  readonly task: 'verify-staged';
  readonly way: Way;
  readonly table: TableRef;
  readonly list: string;
}

export interface Verified extends Progress {
  readonly rows: number;
  /** Of both, once done: count, sum and exclusive or of the rows' hashes. */
  readonly fingerprint?: string;
}

/** 5: writes staged rows into the live table, in batches. What was there before is kept for undo. */
export interface MergeTable extends Sides {
  readonly task: 'merge-table';
  readonly way: 'insert-missing' | 'overwrite-changed';
  readonly table: TableRef;
}

export interface Merged extends Progress {
  /** Rows inserted or set back. */
  readonly written: number;
  /** Rows that were left as they are, since somebody wrote or deleted them after the comparison. */
  readonly changedSince: number;
  /** Missing rows not inserted, since a live row with another key has the same values in a unique key or exclusion constraint. */
  readonly conflicting: number;
  /** Missing rows not inserted, since a row that they refer to is not in the live database. */
  readonly orphaned: number;
  /** Sequences that were moved on, since they would have given numbers that exist now. */
  readonly sequences: readonly string[];
}

/** 6: a swap, one or several tables at a time, in the order of these tasks. Staging and its verification come after the first. */
export interface CaptureWrites extends Sides {
  readonly task: 'capture-writes';
  readonly tables: readonly TableRef[];
}

/** From here on every write of the live tables is known. */
export interface Captured extends Progress {
  /** Waiting for writers of these tables to finish. */
  readonly waitingFor?: string;
}

/** Indexes, constraints, foreign keys out, triggers, grants and whatever else hangs on the table, on the shadow. */
export interface DressShadow extends Sides {
  readonly task: 'dress-shadow';
  readonly tables: readonly TableRef[];
}

export interface Dressed extends Progress {
  /** Objects made until now, by name. */
  readonly made: readonly string[];
}

/** Rows only in the live table, and what was written since the capture, into the shadow, until little is left. */
export interface CatchUp extends Sides {
  readonly task: 'catch-up';
  readonly tables: readonly TableRef[];
}

export interface CaughtUp extends Progress {
  /** Rows that only the live table had. */
  readonly kept: number;
  /** Keys of captured writes applied until now. */
  readonly applied: number;
  /** Keys of captured writes not yet applied. */
  readonly left: number;
}

/** The swap itself. */
export interface SwapTables extends Sides {
  readonly task: 'swap-tables';
  readonly tables: readonly TableRef[];
}

export interface Swapped extends Progress {
  /** Milliseconds from the first lock that was got to the commit. */
  readonly lockedMs: number;
  /** How often the locks were asked for. */
  readonly tries: number;
  /** Keys applied under the lock. */
  readonly applied: number;
  /** What keeps it from being done, where it is not: sessions with older snapshots, or locks. */
  readonly waitingFor?: string;
}

/** 7: takes back what the run did to these tables, as far as nobody has built on it since. */
export interface UndoTables extends Sides {
  readonly task: 'undo-tables';
  readonly way: Way;
  readonly tables: readonly TableName[];
}

export interface Undone extends Progress {
  /** Rows that had been inserted, and are deleted again. */
  readonly deleted: number;
  /** Rows that had been overwritten, and have their values from before again. */
  readonly setBack: number;
  /** Rows left alone, since they were changed, or deleted, after they were written. */
  readonly changedSince: number;
  /** Inserted rows left alone, since other rows refer to them now. */
  readonly referencedSince: number;
  /** For a swap: keys written since, merged into the old table. */
  readonly applied: number;
  /** For a swap: what keeps it from being done. */
  readonly waitingFor?: string;
}

/** 8: drops what the run made in the live database; after that nothing of it can be undone. */
export interface CleanTables extends Sides {
  readonly task: 'clean-tables';
}

export interface Cleaned extends Progress {
  /** Tables and schemas dropped, by name. */
  readonly dropped: readonly string[];
}

export type TablesRequest =
  | PlanTables
  | CompareTable
  | StageTable
  | VerifyStaged
  | MergeTable
  | CaptureWrites
  | DressShadow
  | CatchUp
  | SwapTables
  | UndoTables
  | CleanTables;

/** What answers which request. */
export interface TablesAnswers {
  readonly 'plan-tables': Plan;
  readonly 'compare-table': Comparison;
  readonly 'stage-table': Staged;
  readonly 'verify-staged': Verified;
  readonly 'merge-table': Merged;
  readonly 'capture-writes': Captured;
  readonly 'dress-shadow': Dressed;
  readonly 'catch-up': CaughtUp;
  readonly 'swap-tables': Swapped;
  readonly 'undo-tables': Undone;
  readonly 'clean-tables': Cleaned;
}

export type TablesResponse = TablesAnswers[TablesRequest['task']];

/** The schema of Lifeboat's own tables, on both sides: ledgers, the approved list, what undo needs. */
export const OWN_SCHEMA = 'lifeboat';
/** The schema of staged tables, in the live database. */
export const STAGING_SCHEMA = 'lifeboat_new';
