/**
 * How a function gets its deployed definition: from a file in its code, which a caller of the function can't change.
 *
 * Values that only deployment knows, such as ARNs, can't be in a file that synth writes. For these the file names
 * environment variables, which the same deployment sets and a published version freezes.
 */

/** Beside the function's code. */
export const DEFINITION_FILE = 'definition.json';

/** Placeholder in the file for a text that only deployment knows. */
export interface FromEnvironment {
  readonly fromEnvironment: string;
}

/** The definition that synth wrote, with placeholders replaced from the environment. */
export function fillIn(definition: unknown, environment: Readonly<Record<string, string | undefined>>): unknown {
  if (typeof definition !== 'object' || definition === null) return definition;
  if (Array.isArray(definition)) return definition.map((item) => fillIn(item, environment));
  if ('fromEnvironment' in definition) return environment[String(definition.fromEnvironment)];
  return Object.fromEntries(Object.entries(definition).map(([key, value]) => [key, fillIn(value, environment)]));
}
