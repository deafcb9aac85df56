import type { IConstruct } from 'constructs';

/**
 * Refuses an id that Lifeboat gives to something of its own in the same scope. CDK would refuse one of both, too, but only
 * once both are made, and would not say whose the other is.
 *
 * @param what the id is meant for, as in `drill`
 */
export function refuseTakenName(what: string, scope: IConstruct, id: string, taken: readonly string[]): void {
  if (!taken.includes(id)) return;
  throw new Error(
    `${what} '${scope.node.path}/${id}' has an id that Lifeboat needs there itself (${taken.join(', ')}), so one of both could ` +
      `not be made; give the ${what} another, as in '${id}${what.replace(/^./, (first) => first.toUpperCase())}'`,
  );
}
