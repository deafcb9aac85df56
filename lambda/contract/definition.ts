/**
 * How what was deployed with a function reaches it: a file in its code, which nobody who may only start it can change.
 *
 * What only deployment knows, such as ARNs, can't be in a file that synth writes. The file names an environment variable
 * there, which the same deployment sets and a published version freezes.
 */

/** Beside the function's code. */
export const DEFINITION_FILE = 'definition.json';

/** Stands in the file for a text that only deployment knows. */
export interface FromEnvironment {
  readonly fromEnvironment: string;
}

/** The definition as synth wrote it, with what the environment has in its places. */
export function fillIn(definition: unknown, environment: Readonly<Record<string, string | undefined>>): unknown {
  if (typeof definition !== 'object' || definition === null) return definition;
  if (Array.isArray(definition)) return definition.map((item) => fillIn(item, environment));
  if ('fromEnvironment' in definition) return environment[String(definition.fromEnvironment)];
  return Object.fromEntries(Object.entries(definition).map(([key, value]) => [key, fillIn(value, environment)]));
}
