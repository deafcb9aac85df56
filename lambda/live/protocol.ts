/**
 * What a recovery asks of databases that are in production, or are about to be. Every task is read-only, unless it is
 * named as writing. The password passes in the call; neither it nor any value of users' rows is in a result.
 */
import type { Connection } from '../examiner/protocol';

/** Databases of an instance that hold users' data. Read-only. */
export interface DatabasesTask {
  readonly task: 'databases';
  readonly connection: Connection;
}

export interface Databases {
  readonly names: readonly string[];
}

/** Counts what one database holds, table by table. Read-only. */
export interface TallyTask {
  readonly task: 'tally';
  readonly connection: Connection;
  /** Moment that newest values are told relative to, ISO 8601. */
  readonly moment: string;
  /** Columns that tell when a row was made, besides those that an index begins with. */
  readonly columns: readonly { readonly table: string; readonly column: string }[];
  /** Only tables of a larger OID: where an earlier call ran out of time. */
  readonly after: number;
}

export interface Tally {
  readonly tables: readonly TableTally[];
  /** OID after which another call goes on; null when this was all. */
  readonly next: number | null;
}

export interface TableTally {
  /** `schema.table`. */
  readonly table: string;
  /** Null where it could not be counted. */
  readonly rows: number | null;
  /** A number made of all rows: where it differs, rows differ. Null where it could not be made. */
  readonly fingerprint: string | null;
  /** Seconds from `moment` to the newest value of a column: negative where it is older. */
  readonly newest: readonly { readonly column: string; readonly seconds: number }[];
  /** Rows inserted, updated and deleted since PostgreSQL's statistics began. */
  readonly writes: number;
  /** Not logged, so it comes back empty from every restore to a point in time. */
  readonly unlogged?: true;
  /** Why it could not be counted. */
  readonly reason?: string;
}

/** What a fence would change: the values from before, which lifting it goes back to. Read-only. */
export interface FenceBeforeTask {
  readonly task: 'fence-before';
  readonly connection: Connection;
}

export interface FenceBefore {
  readonly databases: readonly {
    readonly name: string;
    /** Who may connect, `PUBLIC` where anyone may, without the master user. */
    readonly connect: readonly { readonly role: string; readonly grantable: boolean }[];
  }[];
  /** Owners of databases whose member the master user is not, and has to be to revoke anything. */
  readonly owners: readonly string[];
}

/**
 * Keeps everybody but this recovery from connecting. Writes: revokes CONNECT, and gives the master user another
 * password, since nothing else keeps out applications that log in as that user.
 */
export interface FenceTask {
  readonly task: 'fence';
  readonly connection: Connection;
  readonly before: FenceBefore;
  /** Of the master user, while the fence is up. */
  readonly fencePassword: string;
}

export interface Fenced {
  /** Roles that may connect all the same. */
  readonly open: readonly string[];
}

/** Ends every session but its own, and looks whether anything was written. Writes nothing. */
export interface FenceLookTask {
  readonly task: 'fence-look';
  readonly connection: Connection;
}

export interface FenceLook {
  /** Sessions that were ended by this look. */
  readonly ended: number;
  /** Their users, each once. */
  readonly users: readonly string[];
  /** Rows inserted, updated and deleted in users' tables since statistics began. */
  readonly writes: number;
  /** Transactions that were prepared, and whoever prepared them may still commit. */
  readonly prepared: number;
}

/** Lets everybody connect who could before. Writes. */
export interface LiftFenceTask {
  readonly task: 'lift-fence';
  /** With the master user's own password. */
  readonly connection: Connection;
  readonly before: FenceBefore;
  readonly fencePassword: string;
}

export interface Lifted {
  /** What could not be given back, a sentence each. */
  readonly left: readonly string[];
}

/** Whether a query gives one row of one true value. Read-only. */
export interface HealthTask {
  readonly task: 'health';
  readonly connection: Connection;
  readonly sql: string;
}

export interface Healthy {
  readonly healthy: boolean;
  readonly state: string;
}

export type LiveRequest =
  | DatabasesTask
  | TallyTask
  | FenceBeforeTask
  | FenceTask
  | FenceLookTask
  | LiftFenceTask
  | HealthTask;
export type LiveResponse = Databases | Tally | FenceBefore | Fenced | FenceLook | Lifted | Healthy;
