/** The little of Lambda's API that approvers use: the history of a durable execution, and answers to its callbacks. */
import { type Call, CallError, type Reply, shown } from './call';

/** An execution that runs in this process, as its service shows it to others. */
export interface ShownExecution {
  readonly arn: string;
  /** Events as GetDurableExecutionHistory has them, oldest first. */
  history(): readonly HistoryEvent[];
  /** @throws Error named CallbackTimeoutException when nothing waits for it */
  succeed(callbackId: string, result: string): void;
  fail(callbackId: string, message: string): void;
}

export interface HistoryEvent {
  readonly EventTimestamp?: Date | undefined;
  readonly CallbackStartedDetails?: { readonly CallbackId: string | undefined } | undefined;
}

const HISTORY = /^\/2025-12-01\/durable-executions\/([^/]+)\/history$/;
const CALLBACK = /^\/2025-12-01\/durable-execution-callbacks\/([^/]+)\/(succeed|fail)$/;
/** AWS's own, and its most. */
const PAGE = { usual: 100, most: 1000 };

export class DurableApi {
  private readonly executions = new Map<string, ShownExecution>();

  /** From now on it is found by its ARN. */
  public show(execution: ShownExecution): void {
    this.executions.set(execution.arn, execution);
  }

  public answer(call: Call): Reply {
    try {
      return reply(200, this.route(call));
    } catch (error) {
      const isClosed = error instanceof Error && error.name === 'CallbackTimeoutException';
      if (!isClosed && !(error instanceof CallError)) throw error;
      const [code, status] = error instanceof CallError ? [error.code, error.status] : [error.name, 400];
      return reply(status, { Type: 'User', Message: error.message, message: error.message }, code);
    }
  }

  private route({ method, path, url, body }: Call): object {
    const [, arn] = (method === 'GET' && HISTORY.exec(path)) || [];
    if (arn !== undefined) return this.page(decodeURIComponent(arn), url.searchParams);
    const [, id, how] = (method === 'POST' && CALLBACK.exec(path)) || [];
    if (id === undefined) {
      const message = `a rehearsal does not model ${method} ${shown(path)} of Lambda; known: history and callbacks of executions`;
      throw new CallError('NotImplemented', message, 501);
    }
    const callback = decodeURIComponent(id);
    const execution = this.owner(callback);
    if (how === 'succeed') execution.succeed(callback, body.toString());
    else execution.fail(callback, body.toString());
    return {};
  }

  private page(arn: string, query: URLSearchParams): object {
    const execution = this.executions.get(arn);
    if (!execution) throw new CallError('ResourceNotFoundException', `Durable execution not found: ${shown(arn)}`, 404);
    const events = [...execution.history()];
    if (query.get('ReverseOrder') === 'true') events.reverse();
    const from = Number(query.get('Marker') ?? 0);
    const size = Math.min(Number(query.get('MaxItems') ?? 0) || PAGE.usual, PAGE.most);
    if (!Number.isInteger(from) || !Number.isInteger(size) || from < 0 || size < 1) {
      throw new CallError('InvalidParameterValueException', 'Marker or MaxItems is not valid');
    }
    const withData = query.get('IncludeExecutionData') !== 'false';
    const next = from + size;
    return {
      Events: events.slice(from, next).map((event) => (withData ? sent(event) : withoutData(sent(event)))),
      NextMarker: next < events.length ? String(next) : undefined,
    };
  }

  private owner(callback: string): ShownExecution {
    for (const execution of this.executions.values()) {
      const began = execution.history().some((event) => event.CallbackStartedDetails?.CallbackId === callback);
      if (began) return execution;
    }
    throw new CallError('InvalidParameterValueException', 'The callback ID is not valid.');
  }
}

/** Moments are numbers on the wire. */
const sent = (event: HistoryEvent) => ({ ...event, EventTimestamp: Number(event.EventTimestamp) / 1000 });

const withoutData = (event: object) =>
  JSON.parse(JSON.stringify(event, (name, value) => (name === 'Payload' ? undefined : value)));

function reply(status: number, body: object, code?: string): Reply {
  const headers = { 'content-type': 'application/json', ...(code === undefined ? {} : { 'x-amzn-errortype': code }) };
  return { status, headers, body: JSON.stringify(body) };
}
