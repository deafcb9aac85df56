/**
 * How a construct refuses what AWS would refuse, or what would lose data: all problems at once, before anything is made.
 *
 * `...Problems()` and `problemsOf...()` return sentences, one a problem; `refuse...()` throws.
 */

/**
 * @param what the construct, with its path, as in `vault 'Stack/Vault'`
 * @param problems each a sentence: the fact with its value, the consequence, the remedy
 * @throws Error that names all problems, when there is one
 */
export function refuseAll(what: string, problems: readonly string[]): void {
  if (problems.length > 0) throw refusal(what, problems);
}

/** For a caller that knows more than the number of problems: that something it needs is missing. */
export function refusal(what: string, problems: readonly string[]): Error {
  return new Error(`${what}:\n  ${problems.join('\n  ')}`);
}
