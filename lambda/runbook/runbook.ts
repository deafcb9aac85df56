/**
 * What a runbook is written in: steps, polls and a clock that survive crashes, over AWS's durable execution SDK.
 *
 * It hides that SDK's traps: a poll here never throws inside the SDK's own loop (which would close the operation
 * twice), transient errors of AWS are retried in steps and polls alike, and no poll gives up before its limit.
 */
import { createHash } from 'node:crypto';
import { type DurableContext, type DurableExecutionConfig, withDurableExecution } from '@aws/durable-execution-sdk-js';
import { isServerError, isThrottlingError, isTransientError } from '@smithy/core/retry';
import { RUN_SUFFIX_LENGTH } from '../contract';
import { describe } from './error-text';
import { pack, type StepResult, unpack } from './step-result';

export { describe };

export interface Runbook {
  /** Short name of this run, the same at every replay: what the run makes is named after it. */
  readonly id: string;
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
}

export interface RunbookOptions extends DurableExecutionConfig {
  /** Read in steps and polls only. @default Date.now */
  readonly clock?: () => number;
}

const STEP_ATTEMPTS = 14;
const POLL_SECONDS = { least: 10, most: 120, shareOfElapsed: 1 / 20 };

/** Makes a Lambda handler of a runbook. */
export function durable<Request, Report>(
  runbook: (request: Request, runbook: Runbook) => Promise<Report>,
  { clock = Date.now, ...config }: RunbookOptions = {},
) {
  return withDurableExecution<Request, Report>(
    (request, context) => runbook(request, new DurableRunbook(context, clock)),
    config,
  );
}

/**
 * The shipped function of a runbook. Its ports are made when it is first called, and kept: importing its file reaches
 * nothing, and an execution's later invocations have connections already.
 */
export function shipped<Ports extends object, Request, Report>(
  runbook: (ports: Ports) => (request: Request, runbook: Runbook) => Promise<Report>,
  connect: () => Ports,
) {
  let ports: Ports | undefined;
  return durable((request: Request, run: Runbook) => {
    ports ??= connect();
    return runbook(ports)(request, run);
  });
}

/** Names of this app's errors for an instance or an examiner that does not answer yet. */
const NOT_READY = ['CopyNotReady', 'ExaminerNotReady'];

/** Worth another try: throttling, server errors of AWS, broken connections, and instances that do not answer yet. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const failure = error as Parameters<typeof isTransientError>[0];
  return (
    isThrottlingError(failure) || isTransientError(failure) || isServerError(failure) || NOT_READY.includes(error.name)
  );
}

interface Timed<T> {
  readonly result: StepResult<T>;
  readonly started: number;
  readonly ended: number;
}

interface Watch<T> {
  readonly outcome: 'not yet' | 'settled' | 'failed';
  /** What the newest look that worked saw. */
  readonly seen?: T;
  /** Why the newest look did not work. */
  readonly error?: string;
  /** Absent before the first look: the clock may only be read inside one. */
  readonly started?: number;
  readonly ended: number;
}

class DurableRunbook implements Runbook {
  readonly id: string;
  readonly phases: Phase[] = [];
  private first: number | undefined;
  private latest = 0;

  constructor(
    private readonly context: DurableContext,
    private readonly clock: () => number,
  ) {
    this.id = createHash('sha256')
      .update(context.executionContext.durableExecutionArn)
      .digest('hex')
      .slice(0, RUN_SUFFIX_LENGTH);
  }

  get started(): Date {
    return new Date(this.first ?? this.latest);
  }

  get now(): Date {
    return new Date(this.latest);
  }

  async step<T>(name: string, effect: () => Promise<T>, retry: Retry = 'transient errors'): Promise<T> {
    const run = async (): Promise<Timed<T>> => {
      const started = this.clock();
      return { result: pack(await effect()), started, ended: this.clock() };
    };
    const { result, started, ended } = await this.context
      .step(operationName(name), run, {
        retryStrategy: (error, attempt) => ({
          shouldRetry: (retry === 'any error' || isTransient(error)) && attempt < STEP_ATTEMPTS,
          delay: { seconds: Math.min(2 ** attempt, 60) },
        }),
      })
      .catch((error) => this.failed(name, error));
    this.note(name, started, ended);
    return unpack(result);
  }

  async poll<T>(
    name: string,
    look: (before: T | undefined) => Promise<T>,
    settled: (seen: T) => boolean,
    { hours }: PollLimit,
  ): Promise<T> {
    const last = await this.context.waitForCondition<Watch<T>>(
      operationName(name),
      async ({ seen: before, started = this.clock() }) => {
        try {
          const seen = await look(before);
          return { outcome: settled(seen) ? 'settled' : 'not yet', seen, started, ended: this.clock() };
        } catch (error) {
          const outcome = isTransient(error) ? 'not yet' : 'failed';
          return { outcome, seen: before, error: describe(error), started, ended: this.clock() };
        }
      },
      {
        initialState: { outcome: 'not yet', ended: 0 },
        waitStrategy: ({ outcome, started = 0, ended }) => {
          const elapsed = (ended - started) / 1000;
          return outcome === 'not yet' && elapsed < hours * 3600
            ? { shouldContinue: true, delay: { seconds: pause(elapsed) } }
            : { shouldContinue: false };
        },
      },
    );
    this.note(name, last.started ?? last.ended, last.ended);
    if (last.outcome === 'settled') return last.seen as T;
    if (last.outcome === 'failed') throw new Error(last.error);
    const state = last.error ?? JSON.stringify(last.seen);
    throw new Error(`'${name}' did not end within ${hours} h (last seen: ${state}); look at the resource itself`);
  }

  async rest(name: string): Promise<void> {
    await this.context.wait(operationName(name), { seconds: 1 });
  }

  /** A failed step has no result with its times, and a run whose first step fails would date from 1970. */
  private async failed(name: string, error: unknown): Promise<never> {
    const ended = await this.context.step(operationName(`time of '${name}'`), async () => this.clock());
    this.note(name, this.latest || ended, ended);
    throw error;
  }

  private note(phase: string, started: number, ended: number): void {
    this.first ??= started;
    this.latest = ended;
    this.phases.push({ phase, seconds: (ended - started) / 1000 });
  }
}

/**
 * A name that Lambda accepts: any other would end the execution.
 * https://docs.aws.amazon.com/lambda/latest/api/API_OperationUpdate.html
 */
const operationName = (name: string) => name.replace(/[^ -~]/g, '?').slice(0, 256);

const pause = (elapsed: number) =>
  Math.round(Math.min(Math.max(elapsed * POLL_SECONDS.shareOfElapsed, POLL_SECONDS.least), POLL_SECONDS.most));
