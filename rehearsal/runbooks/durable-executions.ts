/**
 * Lambda's durable executions, in memory: checkpoints are kept, and the handler is invoked again after every wait.
 *
 * It replaces the transport of the durable SDK, so the shipped runbooks run on it unmodified: in rehearsals on the real
 * clock, in the tests' simulator on a virtual one, with crashes.
 */
import type {
  CheckpointDurableExecutionRequest,
  DurableExecutionClient,
  DurableLambdaHandler,
  Operation,
  OperationUpdate,
} from '@aws/durable-execution-sdk-js';

export interface ExecutionClock {
  now(): number;
  /**
   * Resolves at that moment, in milliseconds since the epoch, or earlier if the clock shortens waits. If it rejects,
   * the execution ends.
   */
  until(moment: number): Promise<void>;
}

export interface ExecutionOptions {
  /** Distinguishes this execution from all others. */
  readonly name: string;
  readonly clock: ExecutionClock;
  /** Gets every update that was checkpointed, such as a step that starts. */
  readonly onUpdate?: (update: OperationUpdate) => void;
  /** Called around every checkpoint; throwing crashes the invocation there. */
  readonly atCheckpoint?: (when: 'before' | 'after', invocation: number) => void;
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
export async function execute(
  handlerFor: (client: DurableExecutionClient, invocation: number) => DurableLambdaHandler,
  input: unknown,
  options: ExecutionOptions,
): Promise<Execution> {
  const { name, clock, invocations: limit = 10_000 } = options;
  const arn = `arn:aws:lambda:us-east-1:000000000000:function:lifeboat:1/durable-execution/${name}`;
  const state = new CheckpointedState(input, options);
  for (let invocation = 1; invocation <= limit; invocation++) {
    const ended = (outcome: Outcome): Execution => ({ ...outcome, ...state.summary(), invocations: invocation });
    const handler = handlerFor(state.client(invocation), invocation);
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
      if (output.Status === 'FAILED') return ended({ status: 'failed', error: output.Error.ErrorMessage ?? 'unknown' });
    } catch (error) {
      // A crashed invocation: the service starts another. Anything else is a fault of ours.
      if (!state.crashed(error)) throw error;
      continue;
    }
    await clock.until(state.nextWake());
    state.wake(clock.now());
  }
  return { status: 'stopped', ...state.summary(), invocations: limit };
}

type Outcome =
  | { readonly status: 'succeeded'; readonly result: unknown }
  | { readonly status: 'failed'; readonly error: string };

/** Thrown into the SDK where a crash was asked for. */
class Crash extends Error {}

class CheckpointedState {
  private readonly byId = new Map<string, Operation>();
  private metered = 0;

  constructor(
    input: unknown,
    private readonly options: ExecutionOptions,
  ) {
    this.byId.set('execution', {
      Id: 'execution',
      Type: 'EXECUTION',
      Status: 'STARTED',
      StartTimestamp: new Date(options.clock.now()),
      ExecutionDetails: { InputPayload: JSON.stringify(input) },
    });
  }

  operations(): Operation[] {
    return [...this.byId.values()];
  }

  summary() {
    return { operations: this.operations().slice(1), metered: this.metered };
  }

  client(invocation: number): DurableExecutionClient {
    return {
      getExecutionState: async () => ({ Operations: this.operations() }),
      checkpoint: async ({ Updates = [] }: CheckpointDurableExecutionRequest) => {
        this.at('before', invocation);
        const changed = Updates.map((update) => this.apply(update));
        this.at('after', invocation);
        return { CheckpointToken: `${invocation}`, NewExecutionState: { Operations: changed } };
      },
    };
  }

  crashed(error: unknown): boolean {
    for (let cause = error; cause instanceof Error; cause = original(cause)) if (cause instanceof Crash) return true;
    return false;
  }

  /** When the first of the pending operations goes on. */
  nextWake(): number {
    const times = this.operations().flatMap((operation) => pendingUntil(operation)?.getTime() ?? []);
    if (times.length === 0) throw new Error('the execution waits for nothing, so it would never go on');
    return Math.min(...times);
  }

  wake(now: number): void {
    // The clock may wake early; the operations that it was woken for go on all the same.
    const due = Math.max(now, this.nextWake());
    for (const operation of this.operations()) {
      const until = pendingUntil(operation);
      if (!until || until.getTime() > due) continue;
      const status = operation.Type === 'WAIT' ? 'SUCCEEDED' : 'READY';
      this.byId.set(String(operation.Id), { ...operation, Status: status });
    }
  }

  private at(when: 'before' | 'after', invocation: number): void {
    try {
      this.options.atCheckpoint?.(when, invocation);
    } catch (cause) {
      throw new Crash(`crashed ${when} a checkpoint`, { cause });
    }
  }

  private apply(update: OperationUpdate): Operation {
    refuse(update);
    const now = new Date(this.options.clock.now());
    const id = String(update.Id);
    const before = this.byId.get(id);
    const operation: Operation = {
      ...before,
      Id: id,
      ParentId: update.ParentId,
      Name: update.Name,
      Type: update.Type,
      SubType: update.SubType,
      StartTimestamp: before?.StartTimestamp ?? now,
      ...changes(update, before, now),
    } as Operation;
    if (update.Action === 'START') this.metered++;
    this.byId.set(id, operation);
    this.options.onUpdate?.(update);
    return operation;
  }
}

/** What Lambda takes as the output of a step. */
const MAX_BYTES = 262_144;

/** As Lambda does: https://docs.aws.amazon.com/lambda/latest/api/API_OperationUpdate.html */
function refuse({ Name, Payload = '', Type }: OperationUpdate): void {
  if (Name !== undefined && !/^[\x20-\x7E]{1,256}$/.test(Name)) {
    throw new Error(`an operation's name has 1 to 256 printable ASCII characters, and not ${Name.length} as '${Name}'`);
  }
  if (Buffer.byteLength(Payload) > MAX_BYTES) {
    throw new Error(`${Type} output payload size must be less than or equal to ${MAX_BYTES} bytes: '${Name}'`);
  }
}

function changes(update: OperationUpdate, before: Operation | undefined, now: Date): Partial<Operation> {
  const after = (seconds = 0) => new Date(now.getTime() + seconds * 1000);
  const attempt = before?.StepDetails?.Attempt ?? 0;
  const { Payload, Error: failure } = update;
  switch (`${update.Type} ${update.Action}`) {
    case 'STEP START':
      return { Status: 'STARTED', StepDetails: { ...before?.StepDetails, Attempt: attempt } };
    case 'STEP RETRY': {
      const NextAttemptTimestamp = after(update.StepOptions?.NextAttemptDelaySeconds);
      const StepDetails = { Attempt: attempt + 1, Result: Payload, Error: failure, NextAttemptTimestamp };
      return { Status: 'PENDING', StepDetails };
    }
    case 'STEP SUCCEED':
      return { Status: 'SUCCEEDED', EndTimestamp: now, StepDetails: { Attempt: attempt, Result: Payload } };
    case 'STEP FAIL':
      return { Status: 'FAILED', EndTimestamp: now, StepDetails: { Attempt: attempt, Error: failure } };
    case 'WAIT START':
      return {
        Status: 'STARTED',
        WaitDetails: { ScheduledEndTimestamp: after(update.WaitOptions?.WaitSeconds) },
      };
    default:
      throw new Error(`durable operation ${update.Type} ${update.Action} is not modelled in rehearsals`);
  }
}

function pendingUntil({ Type, Status, StepDetails, WaitDetails }: Operation): Date | undefined {
  if (Type === 'STEP' && Status === 'PENDING') return StepDetails?.NextAttemptTimestamp;
  if (Type === 'WAIT' && Status === 'STARTED') return WaitDetails?.ScheduledEndTimestamp;
  return undefined;
}

/** The SDK wraps what its transport threw in an error of its own. */
const original = (error: Error): unknown => error.cause ?? ('originalError' in error ? error.originalError : undefined);

/** The little of Lambda's context that the SDK reads: with no time left, it suspends instead of waiting in process. */
function lambdaContext(awsRequestId: string) {
  return { awsRequestId, getRemainingTimeInMillis: () => 0 } as Parameters<DurableLambdaHandler>[1];
}
