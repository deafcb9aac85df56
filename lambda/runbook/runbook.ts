/**
 * Runbooks in Lambda: steps, polls and a clock that survive crashes, over AWS's durable execution SDK.
 *
 * It hides that SDK's traps: a poll here never throws inside the SDK's own loop (which would close the operation
 * twice), transient errors of AWS are retried in steps and polls alike, and no poll gives up before its limit.
 */
import {
  type DurableContext,
  type DurableExecutionConfig,
  type StepConfig,
  StepSemantics,
  withDurableExecution,
} from '@aws/durable-execution-sdk-js';
import type { Approval, Approvers, Shown } from './approval';
import { type Answered, askPerson } from './ask-person';
import { describe } from './error-text';
import { runOfExecution } from './run-id';
import { pack, type StepResult, unpack } from './step-result';
import { InterruptedStep, type Phase, type PollLimit, type Retry, type Runbook } from './steps';
import { isTransient } from './transient';

export type { Phase, PollLimit, Retry, Runbook };
export { describe, InterruptedStep, isTransient };

export interface RunbookOptions extends DurableExecutionConfig {
  /** Read in steps and polls only. @default Date.now */
  readonly clock?: () => number;
}

const STEP_ATTEMPTS = 14;
const SHARE_OF_ELAPSED = 1 / 20;

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
  readonly execution: string;
  readonly phases: Phase[] = [];
  /** Callbacks so far. */
  private asked = 0;
  private first: number | undefined;
  private latest = 0;

  constructor(
    private readonly context: DurableContext,
    private readonly clock: () => number,
  ) {
    this.execution = context.executionContext.durableExecutionArn;
    this.id = runOfExecution(this.execution);
  }

  get started(): Date {
    return new Date(this.first ?? this.latest);
  }

  get now(): Date {
    return new Date(this.latest);
  }

  async step<T>(name: string, effect: () => Promise<T>, retry: Retry = 'transient errors'): Promise<T> {
    return this.run(name, effect, {
      retryStrategy: (error, attempt) => ({
        shouldRetry: (retry === 'any error' || isTransient(error)) && attempt < STEP_ATTEMPTS,
        delay: { seconds: Math.min(2 ** attempt, 60) },
      }),
    });
  }

  async once<T>(name: string, effect: () => Promise<T>): Promise<T> {
    const config = { semantics: StepSemantics.AtMostOncePerRetry, retryStrategy: () => ({ shouldRetry: false }) };
    return this.run(name, effect, config).catch((error: unknown) => {
      // Not by its class: after a replay it is another one.
      const interrupted = error instanceof Error && nameOf(error.cause) === 'StepInterruptedError';
      if (!interrupted) throw error;
      throw new InterruptedStep(
        `the run was interrupted during '${name}', which must not be repeated, so it may or may not have been done; ` +
          'look at what it changes',
      );
    });
  }

  private async run<T>(name: string, effect: () => Promise<T>, config: StepConfig<Timed<T>>): Promise<T> {
    const timed = async (): Promise<Timed<T>> => {
      const started = this.clock();
      return { result: pack(await effect()), started, ended: this.clock() };
    };
    const { result, started, ended } = await this.context
      .step(operationName(name), timed, config)
      .catch((error) => this.failed(name, error));
    this.note(name, started, ended);
    return unpack(result);
  }

  async poll<T>(
    name: string,
    look: (before: T | undefined) => Promise<T>,
    settled: (seen: T) => boolean,
    { hours, pace }: PollLimit,
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
            ? { shouldContinue: true, delay: { seconds: pause(elapsed, hours, pace) } }
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

  async approve(name: string, shown: Shown, { hours }: PollLimit, approvers: Approvers): Promise<Approval> {
    const began = await this.time(name);
    const approval = await askPerson({
      name,
      shown,
      approvers,
      execution: this.execution,
      began,
      until: began + hours * 3_600_000,
      clock: this.clock,
      answer: (seconds) => this.answer(name, seconds),
      step: (step, effect) => this.step(step, effect),
    });
    this.note(name, began, Date.parse(approval.at));
    return approval;
  }

  private async answer(name: string, seconds: number): Promise<Answered> {
    this.asked += 1;
    const question = operationName(`answer ${this.asked} to '${name}'`);
    // The id, with which anyone may answer, goes no further than this: approvers read it in the execution's history.
    const [answered] = await this.context.createCallback(question, { timeout: { seconds } });
    return answered.then(
      (text) => ({ question, text }),
      (error: unknown) => ({ question, none: nameOf(error) === 'CallbackTimeoutError' ? 'in time' : 'with a proof' }),
    );
  }

  async child<T>(name: string, functionName: string, input: unknown): Promise<T> {
    const began = await this.time(name);
    const end = async () => this.note(name, began, await this.time(`end of '${name}'`));
    const result = await this.context
      .invoke<unknown, T>(operationName(name), functionName, input)
      .catch(async (error: unknown) => {
        await end();
        throw error;
      });
    await end();
    return result;
  }

  private time(name: string): Promise<number> {
    return this.context.step(operationName(name), async () => this.clock());
  }

  async rest(name: string): Promise<void> {
    await this.context.wait(operationName(name), { seconds: 1 });
  }

  /** A failed step has no result with its times, and a run whose first step fails would date from 1970. */
  private async failed(name: string, error: unknown): Promise<never> {
    const ended = await this.time(`time of '${name}'`);
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

const nameOf = (error: unknown) => (error instanceof Error ? error.name : undefined);

/** In seconds. */
function pause(elapsed: number, hours: number, pace: PollLimit['pace'] = 'minutes'): number {
  const { least, most } =
    pace === 'minutes' ? { least: 10, most: 120 } : { least: 60, most: Math.max(1800, hours * 12) };
  return Math.round(Math.min(Math.max(elapsed * SHARE_OF_ELAPSED, least), most));
}
