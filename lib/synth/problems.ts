/**
 * How a construct refuses what AWS would refuse, or what would lose data: all problems at once, before it creates
 * anything.
 *
 * `...Problems()` and `problemsOf...()` return sentences, one a problem; `refuse...()` throws.
 */

/**
 * @param what the construct, with its path, as in `vault 'Stack/Vault'`
 * @param problems each a sentence: the fact with its value, the consequence, the remedy
 * @throws Error that lists all problems, if there are any
 */
export function refuseAll(what: string, problems: readonly string[]): void {
  if (problems.length > 0) throw refusal(what, problems);
}

/** For a caller that has to throw in any case, because something it needs is missing. */
export function refusal(what: string, problems: readonly string[]): Error {
  return new Error(`${what}:\n  ${problems.join('\n  ')}`);
}
