/** What a system is made of, as files that build it again. */

export interface ConfigurationFile {
  /** Under the prefix of all configuration. */
  readonly key: string;
  readonly text: string;
  readonly type: string;
  /** What tells one version from the next. Never a secret: its hash is stored in plain sight. */
  readonly fingerprinted: string;
  /** Encrypts this file, instead of the bucket's own key. */
  readonly encryptionKey?: string;
}

/** One thing that could not be read, while others could. */
export interface Unreadable {
  readonly failure: string;
}

export type Files = AsyncGenerator<ConfigurationFile | Unreadable>;

/** What was asked for by name and is not there is a typing error, or a loss; either way nobody may think it stored. */
export function* missing(
  what: string,
  wanted: readonly string[] | undefined,
  found: ReadonlySet<string>,
): Generator<Unreadable> {
  for (const name of wanted ?? []) if (!found.has(name)) yield { failure: `${what} ${name}: there is none` };
}

export function file(key: string, text: string, type = 'text/plain; charset=utf-8'): ConfigurationFile {
  return { key, text, type, fingerprinted: text };
}

export const json = (key: string, content: unknown) =>
  file(key, `${JSON.stringify(content, null, 2)}\n`, 'application/json');

/** AWS gives lists in no order of their own; a change of order is no change. */
export function sorted<T>(list: readonly T[] | undefined, by: keyof T): T[] {
  return [...(list ?? [])].sort((one, other) => (String(one[by]) < String(other[by]) ? -1 : 1));
}
