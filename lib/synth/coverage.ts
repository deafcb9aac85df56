/**
 * Which constructs Lifeboat looks after, for `CoverageCheck` to tell the others from.
 *
 * Kept beside the constructs, not on them: what was handed over is not changed by being noted.
 */
import type { IConstruct } from 'constructs';

const covers = new WeakMap<IConstruct, string[]>();

/**
 * Notes that something of Lifeboat's looks after a construct.
 *
 * @param construct a resource, or a construct whose default child is one
 * @param by what does, as in `DatabaseBackups`
 */
export function markCovered(construct: IConstruct, by: string): void {
  for (const covered of new Set([construct, construct.node.defaultChild ?? construct])) {
    covers.set(covered, [...(covers.get(covered) ?? []), by]);
  }
}

/** What looks after a construct; empty when nothing does. */
export function coveredBy(construct: IConstruct): readonly string[] {
  return covers.get(construct) ?? [];
}
