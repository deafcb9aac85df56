/** One request to the server and its answer, whichever service it is for. */
import type { IncomingHttpHeaders } from 'node:http';

export interface Call {
  /** Request identifier, as AWS gives each. */
  readonly id: string;
  readonly method: string;
  /** As it was sent: encoded, without the query. */
  readonly path: string;
  /** For its query, without the parameters of the signature. */
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** From the credential scope of the signature, as is the service that the call is for. */
  readonly region: string;
  /** ARN of whoever signed it. */
  readonly caller: string;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

/** An error on its way to a client of a JSON or REST service. */
export class CallError extends Error {
  constructor(
    public readonly code: string,
    message: string,
    public readonly status = 400,
  ) {
    super(message);
  }
}

/** What a client sent, shortened for messages. */
export function shown(text: string): string {
  return text.length <= MOST_SHOWN ? text : `${text.slice(0, MOST_SHOWN - 1)}…`;
}
const MOST_SHOWN = 200;

/** Names that regions may have; requests for others are refused. */
export const REGION_NAME = /^[a-z]{2,4}(-[a-z]{2,12}){1,3}-\d{1,2}$/;

/** A request's header, or undefined when it is absent or given twice. */
export function header(call: Call, name: string): string | undefined {
  const value = call.headers[name];
  return typeof value === 'string' ? value : undefined;
}
