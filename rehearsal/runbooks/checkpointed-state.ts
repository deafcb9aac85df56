/** What Lambda keeps of one durable execution: its operations, its history, and the callbacks that it waits for. */
import type {
  CheckpointDurableExecutionRequest,
  DurableExecutionClient,
  ErrorObject,
  Operation,
  OperationUpdate,
} from '@aws/durable-execution-sdk-js';
import type { Event, EventType } from '@aws-sdk/client-lambda';
import { changes, pendingUntil, refuse } from './durable-operations';

export interface StateOptions {
  readonly now: () => number;
  readonly onUpdate?: (update: OperationUpdate) => void;
  readonly atCheckpoint?: (when: 'before' | 'after', invocation: number) => void;
}

/** A durable function that an execution waits for. */
export interface PendingInvoke {
  readonly id: string;
  readonly functionName: string;
  readonly input: unknown;
}

export type Ending =
  | { readonly Status: 'SUCCEEDED'; readonly Result: string | undefined }
  | { readonly Status: 'FAILED' | 'STOPPED' | 'TIMED_OUT'; readonly Error: ErrorObject };

/** Thrown into the SDK where a crash was asked for. */
class Crash extends Error {}

/** A callback that was completed, or timed out, or never was. */
export class CallbackClosed extends Error {
  override readonly name = 'CallbackTimeoutException';
  constructor() {
    super(
      'The callback ID token has either expired or the callback associated with the token has already been closed.',
    );
  }
}

export class CheckpointedState {
  private readonly byId = new Map<string, Operation>();
  private readonly events: Event[] = [];
  private readonly callbackEnds = new Map<string, number>();
  private readonly invokes = new Map<string, PendingInvoke>();
  private metered = 0;
  private answers = new Set<() => void>();
  /** Whether anything that was waited for has ended since the last invocation began. */
  public hasNews = false;

  constructor(
    input: unknown,
    private readonly options: StateOptions,
  ) {
    this.set(
      {
        Id: 'execution',
        Type: 'EXECUTION',
        Status: 'STARTED',
        StartTimestamp: new Date(options.now()),
        ExecutionDetails: { InputPayload: JSON.stringify(input) },
      },
      'ExecutionStarted',
    );
  }

  operations(): Operation[] {
    return [...this.byId.values()];
  }

  summary() {
    return { operations: this.operations().slice(1), metered: this.metered };
  }

  /** Oldest first; only those of callbacks, and results of steps, have details here. */
  history(): readonly Event[] {
    return this.events;
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

  /** When the first of the pending operations goes on by itself; undefined if only an answer can make it go on. */
  nextWake(): number | undefined {
    const times = this.operations().flatMap((operation) => pendingUntil(operation)?.getTime() ?? []);
    const all = [...times, ...this.callbackEnds.values()];
    return all.length === 0 ? undefined : Math.min(...all);
  }

  get waitsForAnswer(): boolean {
    return this.operations().some(isPendingCallback);
  }

  /** @param woken the moment for which the clock was set: it may wake early, and what it was set for goes on all the same */
  wake(now: number, woken = now): void {
    const due = Math.max(now, woken);
    for (const operation of this.operations()) {
      const until = pendingUntil(operation);
      if (!until || until.getTime() > due) continue;
      const isWait = operation.Type === 'WAIT';
      this.set({ ...operation, Status: isWait ? 'SUCCEEDED' : 'READY' }, isWait ? 'WaitSucceeded' : undefined);
      this.hasNews = true;
    }
    // People are given all their time.
    for (const [id, until] of this.callbackEnds) {
      if (until <= now) this.close(id, { Status: 'TIMED_OUT', Error: { ErrorMessage: 'Callback timed out' } });
    }
  }

  /** Completes a callback, as the service's API does. */
  answer(callbackId: string, ending: Ending): void {
    const waiting = this.operations().find(
      (operation) => isPendingCallback(operation) && operation.CallbackDetails?.CallbackId === callbackId,
    );
    if (!waiting) throw new CallbackClosed();
    this.close(String(waiting.Id), ending);
  }

  /** Resolves with the next answer to a callback. */
  answered(): Promise<void> {
    return new Promise((resolve) => this.answers.add(resolve));
  }

  pendingInvokes(): PendingInvoke[] {
    return [...this.invokes.values()];
  }

  endInvoke(id: string, ending: Ending): void {
    this.invokes.delete(id);
    this.close(id, ending);
  }

  private close(id: string, ending: Ending): void {
    const operation = this.byId.get(id);
    if (!operation) return;
    const { Status } = ending;
    const details = 'Result' in ending ? { Result: ending.Result } : { Error: ending.Error };
    const isCallback = operation.Type === 'CALLBACK';
    const event: EventType = `${isCallback ? 'Callback' : 'ChainedInvoke'}${ENDINGS[Status]}` as EventType;
    const own = isCallback
      ? { CallbackDetails: { ...operation.CallbackDetails, ...details } }
      : { ChainedInvokeDetails: details };
    this.set({ ...operation, Status, EndTimestamp: new Date(this.options.now()), ...own }, event);
    this.callbackEnds.delete(id);
    this.hasNews = true;
    for (const resolve of this.answers) resolve();
    this.answers.clear();
  }

  private set(operation: Operation, event: EventType | undefined): void {
    this.byId.set(String(operation.Id), operation);
    if (!event) return;
    this.events.push({
      EventType: event,
      EventId: this.events.length + 1,
      EventTimestamp: new Date(this.options.now()),
      Id: operation.Id,
      Name: operation.Name,
      ...details(event, operation),
    });
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
    const now = new Date(this.options.now());
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
    if (update.Action === 'START') this.begin(id, update, now);
    this.set(operation, EVENTS[`${update.Type} ${update.Action}`]);
    this.options.onUpdate?.(update);
    return operation;
  }

  private begin(
    id: string,
    { Type, CallbackOptions, ChainedInvokeOptions, Payload }: OperationUpdate,
    now: Date,
  ): void {
    this.metered++;
    const seconds = CallbackOptions?.TimeoutSeconds;
    if (Type === 'CALLBACK' && seconds) this.callbackEnds.set(id, now.getTime() + seconds * 1000);
    if (Type !== 'CHAINED_INVOKE') return;
    const functionName = String(ChainedInvokeOptions?.FunctionName);
    this.invokes.set(id, { id, functionName, input: JSON.parse(Payload ?? 'null') });
  }
}

const isPendingCallback = ({ Type, Status }: Operation) => Type === 'CALLBACK' && Status === 'STARTED';

const ENDINGS = { SUCCEEDED: 'Succeeded', FAILED: 'Failed', STOPPED: 'Stopped', TIMED_OUT: 'TimedOut' } as const;

const EVENTS: Readonly<Record<string, EventType>> = {
  'STEP START': 'StepStarted',
  'STEP RETRY': 'StepFailed',
  'STEP SUCCEED': 'StepSucceeded',
  'STEP FAIL': 'StepFailed',
  'WAIT START': 'WaitStarted',
  'CALLBACK START': 'CallbackStarted',
  'CHAINED_INVOKE START': 'ChainedInvokeStarted',
};

function details(event: EventType, { CallbackDetails, StepDetails }: Operation): Partial<Event> {
  const failure = { Error: { Payload: CallbackDetails?.Error } };
  switch (event) {
    case 'CallbackStarted':
      return { CallbackStartedDetails: { CallbackId: CallbackDetails?.CallbackId } };
    case 'CallbackSucceeded':
      return { CallbackSucceededDetails: { Result: { Payload: CallbackDetails?.Result } } };
    case 'CallbackFailed':
      return { CallbackFailedDetails: failure };
    case 'CallbackTimedOut':
      return { CallbackTimedOutDetails: failure };
    case 'StepSucceeded':
      return { StepSucceededDetails: { Result: { Payload: StepDetails?.Result }, RetryDetails: {} } };
    default:
      return {};
  }
}

/** The SDK wraps what its transport threw in an error of its own. */
const original = (error: Error): unknown => error.cause ?? ('originalError' in error ? error.originalError : undefined);
