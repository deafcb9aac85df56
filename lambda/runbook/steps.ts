/** What a runbook is written in, wherever it runs: steps, polls, approvals, and a clock. */
import type { Approval, Approvers, Shown } from './approval';

export interface Runbook {
  /** Short name of this run, the same at every replay: what the run makes is named after it. */
  readonly id: string;
  /** ARN of the durable execution; null where there is none, as at a terminal. */
  readonly execution: string | null;
  /** When the first step began. */
  readonly started: Date;
  /**
   * When the newest step or poll ended, or failed. The only clock outside of steps: it reads the same at every replay.
   */
  readonly now: Date;
  /** Every step and poll so far, with its seconds. */
  readonly phases: readonly Phase[];
  /**
   * Runs an effect and remembers its result. After a crash it may run again, so it must be idempotent.
   *
   * Transient errors are retried for about ten minutes; any other ends the step and is thrown, unless `retry` says that
   * the effect must not be left undone. The result is stored: it must be JSON, at most some megabytes of it, and never
   * a secret.
   */
  step<T>(name: string, effect: () => Promise<T>, retry?: Retry): Promise<T>;
  /**
   * Runs an effect that must not be repeated: at most once, and never again after an error.
   *
   * An error says nothing about what was done: look at the world, and decide.
   *
   * @throws InterruptedStep after a crash: whether the effect was begun, or even done, is unknown
   */
  once<T>(name: string, effect: () => Promise<T>): Promise<T>;
  /**
   * Looks again and again, with pauses that cost nothing, until `settled`.
   *
   * Pauses grow with the time waited, between 10 seconds and 2 minutes, so that they add at most a twentieth to the
   * measured time. Transient errors count as "not settled yet". Each look gets what the one before it saw.
   *
   * @throws when a look fails, or when the limit passes first
   */
  poll<T>(
    name: string,
    look: (before: T | undefined) => Promise<T>,
    settled: (seen: T) => boolean,
    limit: PollLimit,
  ): Promise<T>;
  /**
   * Waits for a person to answer, at no cost while waiting. See `lifeboat approve`, which sends the answer.
   *
   * An answer that is stale, forged, malformed or about something else does nothing: it is recorded, and the runbook
   * waits again, until the limit or the expiry of what was shown, whichever comes first. A refusal and a timeout are
   * results, not errors. What the person relied on may have changed since: read it again afterwards.
   */
  approve(name: string, shown: Shown, limit: PollLimit, approvers: Approvers): Promise<Approval>;
  /**
   * Runs another durable function to its end, with operations of its own: one execution has 3,000.
   *
   * @param functionName qualified, as in `name:version` or an ARN with a version or an alias
   * @throws when that execution fails, is stopped or times out
   */
  child<T>(name: string, functionName: string, input: unknown): Promise<T>;
  /** Ends this invocation of the function and goes on in a new one, which has its 15 minutes before it. */
  rest(name: string): Promise<void>;
}

export interface Phase {
  readonly phase: string;
  readonly seconds: number;
}

/** @default 'transient errors' */
export type Retry = 'transient errors' | 'any error';

export interface PollLimit {
  readonly hours: number;
  /**
   * How fast what is awaited can happen. At the pace of days, as for a person or an event, pauses grow to half an hour
   * and more, so that any limit takes some hundred looks at most.
   *
   * @default 'minutes'
   */
  readonly pace?: 'minutes' | 'days';
}

/** A step that may run only once was begun, and its end is not known. */
export class InterruptedStep extends Error {
  override readonly name = 'InterruptedStep';
}
