/** Values that may be unknown until deployment. */
import { Token } from 'aws-cdk-lib';
import { COPY_PREFIX, parse, pathsRefused, type Schema } from '../../lambda/contract';

/** Undefined if the value is unknown until deployment: then it is not compared. */
export function known<T>(value: T | undefined): T | undefined {
  return Token.isUnresolved(value) ? undefined : value;
}

/** RDS keeps identifiers in lower case, and IAM compares those. An identifier unknown at synth does not change. */
export const asKept = (identifier: string): string =>
  Token.isUnresolved(identifier) ? identifier : identifier.toLowerCase();

/** Stand-ins for values unknown at synth: one of each form that the contract's fields have. */
const STAND_INS: readonly unknown[] = [
  // An identifier, a name, an ARN, a label, a tag.
  'known-at-deployment',
  // The start of keys in a bucket, of names of snapshots, and of identifiers of copies.
  'known-at-deployment/',
  'known-at-deployment-',
  `${COPY_PREFIX}known-at-deployment-`,
  // A service of a cluster, an account, a window, a moment, an address.
  'known/at-deployment',
  '000000000000',
  '03:00-04:00',
  '2026-11-01T10:00:00Z',
  'https://known-at-deployment.example.com',
  1,
];

/**
 * Parses a request at synth as its runbook will do when it is invoked. A stand-in that the schema accepts replaces each
 * value unknown at synth.
 *
 * @returns the request, unchanged
 * @throws Error that lists all that the runbook would refuse
 */
export function parseAtSynth<T>(schema: Schema<T>, request: T, what: string): T {
  /** Which stand-in is tried for an unknown value, by its path. */
  const tried = new Map<string, number>();
  for (;;) {
    const whole = withStandIns(request, [], tried);
    const next = pathsRefused(schema, whole).filter((path) => (tried.get(path) ?? Infinity) < STAND_INS.length - 1);
    if (next.length === 0) {
      parse(schema, whole, what);
      return request;
    }
    for (const path of new Set(next)) tried.set(path, (tried.get(path) ?? 0) + 1);
  }
}

/** Notes the path of each unknown value in `tried`. */
function withStandIns(value: unknown, path: readonly string[], tried: Map<string, number>): unknown {
  // A list unknown at synth is a list of one token.
  if (Token.isUnresolved(value)) return Array.isArray(value) ? [standIn([...path, '0'], tried)] : standIn(path, tried);
  if (Array.isArray(value)) return value.map((one, index) => withStandIns(one, [...path, String(index)], tried));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, of]) => [key, withStandIns(of, [...path, key], tried)]));
}

function standIn(path: readonly string[], tried: Map<string, number>): unknown {
  const at = path.join('.');
  const index = tried.get(at) ?? 0;
  tried.set(at, index);
  return STAND_INS[index];
}
