/** AWS's JSON protocol, for the few operations of Secrets Manager and SSM that runbooks use. */
import { type Call, CallError, header, type Reply, shown } from './call';

export type JsonInput = Readonly<Record<string, unknown>>;
export type JsonOperations = Readonly<Record<string, (input: JsonInput, region: string) => object>>;

/** Answers a call with one of the operations, or with status 501 and the operation's name. */
export function answerJson(call: Call, operations: JsonOperations): Reply {
  const headers = { 'content-type': 'application/x-amz-json-1.1' };
  try {
    const name = header(call, 'x-amz-target')?.split('.').at(-1) ?? '';
    const run = Object.hasOwn(operations, name) ? operations[name] : undefined;
    if (!run) {
      const known = Object.keys(operations).join(', ');
      throw new CallError(
        'NotImplemented',
        `a rehearsal does not model the operation ${shown(name)}; known: ${known}`,
        501,
      );
    }
    const output = run(readInput(call.body), call.region);
    return { status: 200, headers, body: JSON.stringify(output) };
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    const body = JSON.stringify({ __type: error.code, message: error.message, Message: error.message });
    return { status: error.status, headers: { ...headers, 'x-amzn-errortype': error.code }, body };
  }
}

/** A required string member with a maximum length. */
export function text(input: JsonInput, member: string, most: number): string {
  const value = input[member];
  if (typeof value === 'string' && value !== '' && value.length <= most) return value;
  throw new CallError('ValidationException', `${member} is missing, or is not a string of 1 to ${most} characters`);
}

/** A member that names something: a string without control characters. */
export function word(input: JsonInput, member: string, most: number): string {
  const value = text(input, member, most);
  if (!/\p{Cc}/u.test(value)) return value;
  throw new CallError(
    'ValidationException',
    `${member} is '${shown(value)}', but has to be text without control characters`,
  );
}

/** Refuses one more of something that is kept in memory. */
export function refuseBeyond(most: number, count: number, what: string): void {
  if (count < most) return;
  throw new CallError(
    'LimitExceededException',
    `a rehearsal keeps ${most} ${what} at most; delete some, or start again`,
  );
}

/** Refuses members that would be ignored. */
export function onlyThese(input: JsonInput, members: readonly string[]): void {
  const other = Object.keys(input).find((member) => !members.includes(member));
  if (other) throw new CallError('NotImplemented', `a rehearsal does not model the parameter ${shown(other)}`, 501);
}

function readInput(body: Buffer): JsonInput {
  const input = parsed(body.toString() || '{}');
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input as JsonInput;
  throw new CallError('SerializationException', 'the body is not an object of JSON');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CallError('SerializationException', 'the body is not JSON');
  }
}
