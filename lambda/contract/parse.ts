/** How outside input is read: once, whole, and with every problem named. */
import * as v from 'valibot';

export type Schema<T> = v.GenericSchema<unknown, T>;

/**
 * Reads outside input once: at a runbook's start, before any effect, and at synth.
 *
 * @throws Error that names every problem, not just the first
 */
export function parse<T>(schema: Schema<T>, input: unknown, what: string): T {
  const result = v.safeParse(schema, input);
  if (result.success) return result.output;
  const problems = result.issues.map((issue) => `  ${v.getDotPath(issue) ?? what}: ${issue.message}`);
  throw new Error(`${what} is not valid, so it can't be used; correct:\n${problems.join('\n')}`);
}

/** Paths at which an input breaks its schema, as in `copy.prefix`. Problems of the input as a whole are left out. */
export function pathsRefused(schema: Schema<unknown>, input: unknown): string[] {
  const { issues = [] } = v.safeParse(schema, input);
  return issues.flatMap((issue) => v.getDotPath(issue) ?? []);
}
