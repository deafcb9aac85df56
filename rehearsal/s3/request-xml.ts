/** The few XML elements of requests that are used here, found without a regular expression that could take long. */
import { type Call, CallError } from '../server/call';

/** The text of an element in a request's small XML body. */
export function tag(call: Call, name: string): string | undefined {
  const [opening, closing] = [`<${name}>`, `</${name}>`];
  const body = call.body.toString();
  const from = body.indexOf(opening);
  const to = from < 0 ? -1 : body.indexOf(closing, from);
  return to < 0 ? undefined : body.slice(from + opening.length, to).trim();
}

export function malformedXml(message: string): CallError {
  return new CallError('MalformedXML', `The XML you provided was not well-formed: ${message}.`);
}
