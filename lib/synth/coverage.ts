/** Which constructs Lifeboat looks after, for `CoverageCheck` to tell the others from. */
import type { IConstruct } from 'constructs';
import { Mark } from './marks';

const covers = new Mark<readonly string[]>('covered-by');

/**
 * Notes that something of Lifeboat's looks after a construct.
 *
 * @param construct a resource, or a construct whose default child is one
 * @param by what does, as in `DatabaseBackups`
 */
export function markCovered(construct: IConstruct, by: string): void {
  for (const covered of new Set([construct, construct.node.defaultChild ?? construct])) {
    covers.put(covered, [...coveredBy(covered), by]);
  }
}

/** What looks after a construct; empty when nothing does. */
export function coveredBy(construct: IConstruct): readonly string[] {
  return covers.on(construct) ?? [];
}
