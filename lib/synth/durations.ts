/** Checks of durations, since callers without a compiler may pass a number, which has no unit. */
import { refuseAll } from './problems';

/** By a method, since there are two classes of that name if CDK is loaded twice. */
export const isDuration = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'toSeconds' in value;

/** A value in an error message. */
export const shown = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : String(value));

/**
 * @param what the construct, with its path
 * @param durations by the names of their properties
 * @param optional those that may be left out
 * @throws Error that lists each that is not a Duration
 */
export function refuseOtherUnits(
  what: string,
  durations: Readonly<Record<string, unknown>>,
  optional: Readonly<Record<string, unknown>> = {},
): void {
  const stated = Object.entries(optional).filter(([, value]) => value !== undefined);
  const problems = [...Object.entries(durations), ...stated].flatMap(([name, value]) =>
    isDuration(value)
      ? []
      : [`'${name}' is ${shown(value)} and not a Duration, so its unit is unknown; write it as in Duration.days(7)`],
  );
  refuseAll(what, problems);
}
