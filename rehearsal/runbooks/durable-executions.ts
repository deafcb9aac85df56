/**
 * Lambda's durable executions, in memory: checkpoints are kept, and the handler is invoked again after every wait.
 *
 * It replaces the transport of the durable SDK, so the shipped runbooks run on it unmodified: in rehearsals on the real
 * clock, in the tests' simulator on a virtual one, with crashes.
 */
import type {
  DurableExecutionClient,
  DurableLambdaHandler,
  Operation,
  OperationUpdate,
} from '@aws/durable-execution-sdk-js';
import type { Event } from '@aws-sdk/client-lambda';
import { ACCOUNT } from '../server/world';
import { CheckpointedState, type Ending, type PendingInvoke } from './checkpointed-state';

export interface ExecutionClock {
  now(): number;
  /**
   * Resolves at that moment, in milliseconds since the epoch, or earlier if the clock shortens waits. If it rejects,
   * the execution ends.
   */
  until(moment: number): Promise<void>;
}

/** Gives a handler for one invocation, on the transport that it has to use. */
export type HandlerFor = (client: DurableExecutionClient, invocation: number) => DurableLambdaHandler;

export interface ExecutionOptions {
  /** Distinguishes this execution from all others. */
  readonly name: string;
  readonly clock: ExecutionClock;
  /** Gets every update that was checkpointed, such as a step that starts. */
  readonly onUpdate?: (update: OperationUpdate) => void;
  /** Called around every checkpoint; throwing crashes the invocation there. */
  readonly atCheckpoint?: (when: 'before' | 'after', invocation: number) => void;
  /** Called when the execution is suspended, before time passes: the moment to answer a callback on a virtual clock. */
  readonly onSuspend?: (execution: RunningExecution) => void | Promise<void>;
  /** Functions that it may invoke as child executions, by their qualified names. Each runs to its end at once. */
  readonly functions?: Readonly<Record<string, HandlerFor>>;
  /** Gives up after so many invocations, as if somebody had stopped the execution. @default 10000 */
  readonly invocations?: number;
}

export type Execution = {
  readonly operations: readonly Operation[];
  /** As the service meters them: every attempt of a step and every poll counts. */
  readonly metered: number;
  readonly invocations: number;
} & (
  | { readonly status: 'succeeded'; readonly result: unknown }
  | { readonly status: 'failed'; readonly error: string }
  | { readonly status: 'stopped' }
);

/** Runs a durable handler to its end. `handlerFor` is asked for a handler before every invocation. */
export function execute(handlerFor: HandlerFor, input: unknown, options: ExecutionOptions): Promise<Execution> {
  return new RunningExecution(handlerFor, input, options).ended;
}

/** One execution from its start, as Lambda's API shows it to others. */
export class RunningExecution {
  public readonly arn: string;
  public readonly ended: Promise<Execution>;
  private readonly state: CheckpointedState;

  constructor(
    private readonly handlerFor: HandlerFor,
    input: unknown,
    private readonly options: ExecutionOptions,
  ) {
    const { name, clock, onUpdate, atCheckpoint } = options;
    this.arn = `arn:aws:lambda:us-east-1:${ACCOUNT}:function:lifeboat:1/durable-execution/${name}`;
    this.state = new CheckpointedState(input, { now: () => clock.now(), onUpdate, atCheckpoint });
    this.ended = this.run();
  }

  /** As GetDurableExecutionHistory has it, oldest first. */
  public history(): readonly Event[] {
    return this.state.history();
  }

  /** The callbacks that are waited for, with the names that the runbook gave them. */
  public get waiting(): readonly { readonly id: string; readonly name: string }[] {
    const pending = this.state.operations().filter(({ Type, Status }) => Type === 'CALLBACK' && Status === 'STARTED');
    return pending.map(({ CallbackDetails, Name = '' }) => ({ id: String(CallbackDetails?.CallbackId), name: Name }));
  }

  /**
   * As SendDurableExecutionCallbackSuccess does.
   *
   * @throws CallbackClosed when nothing waits for it
   */
  public succeed(callbackId: string, result: string): void {
    this.state.answer(callbackId, { Status: 'SUCCEEDED', Result: result });
  }

  /**
   * As SendDurableExecutionCallbackFailure does.
   *
   * @throws CallbackClosed when nothing waits for it
   */
  public fail(callbackId: string, message: string): void {
    this.state.answer(callbackId, { Status: 'FAILED', Error: { ErrorMessage: message } });
  }

  private async run(): Promise<Execution> {
    const { state, arn } = this;
    const { name, invocations: limit = 10_000 } = this.options;
    // Whoever made it has it in hand before anything runs.
    await Promise.resolve();
    for (let invocation = 1; invocation <= limit; invocation++) {
      const ended = (outcome: Outcome): Execution => ({ ...outcome, ...state.summary(), invocations: invocation });
      const handler = this.handlerFor(state.client(invocation), invocation);
      state.hasNews = false;
      try {
        const output = await handler(
          {
            DurableExecutionArn: arn,
            CheckpointToken: `${invocation}`,
            InitialExecutionState: { Operations: state.operations() },
          },
          lambdaContext(`${name}-${invocation}`),
        );
        if (output.Status === 'SUCCEEDED')
          return ended({ status: 'succeeded', result: JSON.parse(output.Result || 'null') });
        if (output.Status === 'FAILED')
          return ended({ status: 'failed', error: output.Error.ErrorMessage ?? 'unknown' });
      } catch (error) {
        // A crashed invocation: the service starts another. Anything else is a fault of ours.
        if (!state.crashed(error)) throw error;
        continue;
      }
      await this.suspend();
    }
    return { status: 'stopped', ...state.summary(), invocations: limit };
  }

  /** Waits until something goes on. */
  private async suspend(): Promise<void> {
    const { state } = this;
    const { clock, onSuspend } = this.options;
    while (!state.hasNews) {
      for (const invoke of state.pendingInvokes()) state.endInvoke(invoke.id, await this.runChild(invoke));
      await onSuspend?.(this);
      if (state.hasNews) return;
      const wake = state.nextWake();
      if (wake === undefined && !state.waitsForAnswer) {
        throw new Error('the execution waits for nothing, so it would never go on');
      }
      await Promise.race([state.answered(), ...(wake === undefined ? [] : [clock.until(wake)])]);
      state.wake(clock.now(), state.waitsForAnswer ? clock.now() : wake);
    }
  }

  private async runChild({ id, functionName, input }: PendingInvoke): Promise<Ending> {
    const { functions = {}, invocations, ...options } = this.options;
    const handlerFor = functions[functionName];
    if (!handlerFor) {
      const ErrorMessage = `Function not found: ${functionName}`;
      return { Status: 'FAILED', Error: { ErrorType: 'ResourceNotFoundException', ErrorMessage } };
    }
    const child = await execute(handlerFor, input, { ...options, functions, name: `${options.name}-${id}` });
    if (child.status === 'succeeded') return { Status: 'SUCCEEDED', Result: JSON.stringify(child.result) };
    if (child.status === 'failed') return { Status: 'FAILED', Error: { ErrorMessage: child.error } };
    return { Status: 'STOPPED', Error: { ErrorMessage: 'the execution was stopped' } };
  }
}

type Outcome =
  | { readonly status: 'succeeded'; readonly result: unknown }
  | { readonly status: 'failed'; readonly error: string };

/** The little of Lambda's context that the SDK reads: with no time left, it suspends instead of waiting in process. */
function lambdaContext(awsRequestId: string) {
  return { awsRequestId, getRemainingTimeInMillis: () => 0 } as Parameters<DurableLambdaHandler>[1];
}
