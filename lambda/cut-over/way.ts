/**
 * How applications are sent to another database, how they are restarted, and how their health is seen: one file for
 * each way. All that these interfaces take and give is plain JSON without secrets, so that it may be a step's result
 * and stand in evidence.
 *
 * Every act may be repeated: after a crash it runs again with the same arguments, and must find what it did before.
 */

/** Where a database is. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** Identifier, as it is at the moment. */
  readonly instance: string;
  readonly resourceId: string;
}

/** Between which databases applications move. */
export interface Move {
  /** Absent where the database is gone and its address was not recorded. */
  readonly from?: Endpoint;
  /** Absent before it is restored. */
  readonly to?: Endpoint;
}

/** What was there before a cut-over: each way reads what it wrote itself. It is part of the intent document. */
export type Before = Readonly<Record<string, string | number | null>>;

/** What `look` needs to find an act again. */
export type Sent = Readonly<Record<string, string | number | null>>;

export interface Progress {
  readonly done: boolean;
  /** For people. */
  readonly state: string;
  /** It will not get done: why, and what to do. */
  readonly failed?: string;
}

/** One way in which applications are sent to another database. */
export interface CutOverWay {
  /** For people: `secret arn:...`, `CNAME orders.example.com`. */
  readonly name: string;
  /**
   * What is there now: goes into the intent document, and a rollback goes back to it. Never a secret's value.
   *
   * @throws Error where this way can't work at all, with the remedy
   */
  read(): Promise<Before>;
  /**
   * What breaks silently, told before the approval.
   *
   * @throws Error where this way can't work at all, as `read` does
   */
  warnings(move: Move): Promise<string[]>;
  /**
   * Sends applications to `to`, only while what is there is `before` or already `to`.
   *
   * @param run the same at every repetition; what is made is named after it
   * @throws Error where somebody else has changed what is there
   */
  send(before: Before, to: Endpoint, run: string): Promise<Sent>;
  /**
   * Goes back to `before`, only while what is there is what `send` made of `to` and `run`, or already `before`.
   *
   * @param run the run that sent them, not that of the rollback
   */
  takeBack(before: Before, to: Endpoint, run: string): Promise<Sent>;
  /** Whether what was sent, or taken back, has arrived at AWS's own servers. */
  look(sent: Sent): Promise<Progress>;
  /** How long clients may still see the old value after that, in seconds. */
  settles(before: Before): number;
}

/** What a restart is about. The same at every repetition. */
export interface Restarting {
  readonly run: string;
  /** ISO 8601: when applications had been sent. What started later has read where the database is now. */
  readonly since: string;
  readonly from?: Endpoint;
  readonly to: Endpoint;
}

/** Names one restart: a run that goes back restarts the same things once more. */
export const keyOf = ({ run, since }: Restarting) => `${run}-${Math.floor(Date.parse(since) / 1000).toString(36)}`;

/** What `look` needs to find a restart again, or what a restart has to wait for before it can begin. */
export type Started =
  | { readonly id: string; readonly waits?: undefined }
  | { readonly id?: undefined; readonly waits: string };

/** One way in which applications are restarted, so that they read where the database is now. */
export interface RestartWay {
  /** For people: `ECS service shop/orders`. */
  readonly name: string;
  /**
   * What this restart changes besides, or can't do. Told before the approval.
   *
   * @throws Error where this restart can't work at all, with the remedy
   */
  warnings(): Promise<string[]>;
  /** Begins, or finds what it began before; repeated until it answers with an id. */
  start(restarting: Restarting): Promise<Started>;
  look(id: string, restarting: Restarting): Promise<Progress>;
}

/** One sign of health. */
export interface HealthCheck {
  readonly name: string;
  /** Being unable to look is not healthy, and is said; it is an error only where looking again can't help. */
  look(): Promise<{ readonly healthy: boolean; readonly state: string }>;
}

/** Somebody else changed what a way was about to change, so it was left alone. */
export class ChangedMeanwhile extends Error {
  public override readonly name = 'ChangedMeanwhile';
}
