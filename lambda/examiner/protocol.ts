import type { Check } from '../contract';

export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** One piece of a check, small enough to share a call with others. */
export interface Work {
  /** Index into the checks of the request. */
  readonly check: number;
  /** The table, index or foreign key this piece is about; absent for what concerns the check as a whole. */
  readonly object?: string;
  /** Its OID: what finds it again, whatever its name is made of. */
  readonly oid?: number;
  /** First and last block of a table too large for one call. */
  readonly blocks?: readonly [from: number, to: number];
  /** Bytes it has to read, estimated: what batches are cut by. */
  readonly bytes: number;
}

/** Finds out what there is to check, and cuts it into batches that each fit one call. */
export interface SurveyTask {
  readonly task: 'survey';
  readonly connection: Connection;
  readonly checks: readonly Check[];
}

export interface Survey {
  /** As `SHOW server_version` gives it. */
  readonly serverVersion: string;
  readonly databaseBytes: number;
  /** Databases of the instance beside the one that is examined, without those that every instance has. */
  readonly otherDatabases: readonly string[];
  /** Names of the tables that hold at least one row. */
  readonly tablesWithRows: readonly string[];
  /** How tables are read: amcheck where it can be used. */
  readonly reader: 'verify_heapam' | 'fingerprint';
  readonly batches: readonly (readonly Work[])[];
}

/** Runs one batch. */
export interface CheckTask {
  readonly task: 'check';
  readonly connection: Connection;
  readonly checks: readonly Check[];
  readonly work: readonly Work[];
  readonly reader: Survey['reader'];
  /** The moment the copy was restored to, ISO 8601. */
  readonly restorePoint: string;
  /** Tables that held rows when the last drill passed; null before the first one. */
  readonly tablesWithRows: readonly string[] | null;
}

/** What became of one piece. Texts never carry values of users' rows. */
export type Finding = { readonly work: Work } & (
  | { readonly outcome: 'passed'; readonly observed: string; readonly freshnessSeconds?: number }
  | {
      readonly outcome: 'failed';
      readonly observed: string;
      readonly expected: string;
      readonly freshnessSeconds?: number;
    }
  | {
      readonly outcome: 'not-run';
      readonly reason: string;
      /** Nothing is wrong with it but that the call had to end: worth another one. */
      readonly outOfTime?: true;
    }
);

export type ExaminerRequest = SurveyTask | CheckTask;
/** A survey for a survey task, findings for a check task. */
export type ExaminerResponse = Survey | readonly Finding[];
