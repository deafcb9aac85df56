/**
 * What conductor and examiner say to each other. The examiner reaches the restored instance and nothing else; the
 * conductor reaches AWS and no database. The password passes in the call and is in no result.
 *
 * A database may hold 20,000 tables, and what one call returns is limited. So work is cut by ranges of OIDs, never
 * listed object by object, and only what is wrong is named.
 */
import type { Check } from '../contract';

export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** One thing that is wrong, or could not be examined. Texts never carry values of users' rows. */
export interface Problem {
  /** The table, index or other object; absent for what concerns the database as a whole. */
  readonly object?: string;
  /** What was found, or why it could not be examined. */
  readonly observed: string;
  /** What was expected instead. */
  readonly expected?: string;
  /** What to do. */
  readonly remedy?: string;
}

/** Lists the databases of the instance. */
export interface ServerTask {
  readonly task: 'server';
  readonly connection: Connection;
  /** The instance is kept: nothing is changed on it that the examination does not change back. */
  readonly kept?: boolean;
}

export interface Server {
  /** As `SHOW server_version` gives it. */
  readonly version: string;
  /** Databases that can be connected to, apart from `rdsadmin` and templates. */
  readonly databases: readonly {
    readonly name: string;
    readonly bytes: number;
    /** Holds no table and no large object. */
    readonly empty?: boolean;
  }[];
  /** What a reader has to know of what could not be examined. */
  readonly notes: readonly string[];
}

/** Prepares one database of the copy for examination, finds out what there is to check, and cuts it into calls. */
export interface SurveyTask {
  readonly task: 'survey';
  readonly connection: Connection;
  readonly checks: readonly Check[];
  /** The database that checks of the user's own are about. */
  readonly main: boolean;
  /** The instance is kept: nothing is changed on it that the examination does not change back. */
  readonly kept?: boolean;
}

export interface Survey {
  readonly database: string;
  readonly bytes: number;
  /** Indices of the checks whose objects were looked for, whether or not there are any. */
  readonly lookedFor: readonly number[];
  /** One after the other: what a later call does may destroy what an earlier one has to see. */
  readonly calls: readonly (readonly Work[])[];
  /** Whether any table holds a row; null where that could not be told. */
  readonly holdsRows: boolean | null;
  readonly tables: number;
  /** What was changed on the copy to examine it, and what that keeps from being seen. */
  readonly notes: readonly string[];
}

/** What one detector has to do in one call. */
export interface Work {
  /** Name of the detector. */
  readonly detector: string;
  /** Indices into the checks of the request: each is reported on. */
  readonly checks: readonly number[];
  /** First and last OID of its objects; absent where it looks at the database as a whole. */
  readonly oids?: readonly [from: number, to: number];
  /** First and last block, of a single table that is too large for one call. */
  readonly blocks?: readonly [from: number, to: number];
  /** Objects in the range when the database was surveyed. */
  readonly objects: number;
  /** Bytes it has to read, estimated: what calls are cut by. */
  readonly bytes: number;
  /** An object that did not end within its part of a call: it has another, and if it does not end again, that is told. */
  readonly slow?: boolean;
}

/** Does what one call of a survey names. */
export interface CheckTask {
  readonly task: 'check';
  readonly connection: Connection;
  readonly checks: readonly Check[];
  readonly work: readonly Work[];
  /** The moment the copy was restored to, ISO 8601. */
  readonly restorePoint: string;
}

/** What became of one piece of work, for one of the checks that it serves. */
export interface Finding {
  readonly work: Work;
  /** Index into the checks of the request. */
  readonly check: number;
  /** Objects that were examined, whatever was found. */
  readonly examined: number;
  readonly bytes: number;
  /** How those were examined that passed, each text once. */
  readonly observed: readonly string[];
  readonly failures: Problems;
  readonly warnings: Problems;
  /** Could not be examined. */
  readonly notRun: Problems;
  /** Restore point minus the newest row, of a check on freshness. */
  readonly freshnessSeconds?: number;
}

/** The first ones, and how many there are in all. */
export interface Problems {
  readonly count: number;
  readonly first: readonly Problem[];
}

/** How many texts of a kind one piece of work names; the others are counted. */
export const NAMED = 25;

export const problemsOf = (all: readonly Problem[]): Problems => ({ count: all.length, first: all.slice(0, NAMED) });

export interface Checked {
  readonly findings: readonly Finding[];
  /** What the time did not suffice for: worth another call. */
  readonly left: readonly Work[];
  /** Rows of the tables that were read whole: OID and count; of parts of tables, to be added up. */
  readonly rows: readonly (readonly [oid: number, rows: number])[];
}

/** Lists what a database holds: before anything is vacuumed, which rewrites the planner's estimates. */
export interface ListTask {
  readonly task: 'list';
  readonly connection: Connection;
}

/** An answer of Lambda's may have 6 MB, and names are mostly alike. */
export interface CompressedListing {
  readonly gzip: string;
}

export type ExaminerRequest = ServerTask | SurveyTask | ListTask | CheckTask;
export type ExaminerResponse = Server | Survey | CompressedListing | Checked;
