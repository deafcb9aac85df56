/** What a system is made of, as files that build it again. */

export interface ConfigurationFile {
  /** Under the prefix of all configuration. */
  readonly key: string;
  readonly text: string;
  readonly type: string;
  /** Distinguishes versions. Never a secret, since its hash can be read. */
  readonly fingerprinted: string;
  /** Encrypts this file, instead of the bucket's own key. */
  readonly encryptionKey?: string;
}

/** One thing that could not be read, while others could. */
export interface Unreadable {
  readonly failure: string;
}

export type Files = AsyncGenerator<ConfigurationFile | Unreadable>;

/** A name that is not found is a typing error or a loss; it is reported so that nobody believes it is stored. */
export function* missing(
  what: string,
  wanted: readonly string[] | undefined,
  found: ReadonlySet<string>,
): Generator<Unreadable> {
  for (const name of wanted ?? []) if (!found.has(name)) yield { failure: `${what} ${name} does not exist` };
}

export function file(key: string, text: string, type = 'text/plain; charset=utf-8'): ConfigurationFile {
  return { key, text, type, fingerprinted: text };
}

export const json = (key: string, content: unknown) =>
  file(key, `${JSON.stringify(content, null, 2)}\n`, 'application/json');

/** AWS returns lists in any order; a change of order must not count as a change. */
export function sorted<T>(list: readonly T[] | undefined, by: keyof T): T[] {
  return [...(list ?? [])].sort((one, other) => (String(one[by]) < String(other[by]) ? -1 : 1));
}
