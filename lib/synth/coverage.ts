/** Which constructs Lifeboat backs up, so that `CoverageCheck` can find the others. */
import type { IConstruct } from 'constructs';
import { Mark } from './marks';

const covers = new Mark<readonly string[]>('covered-by');

/**
 * Notes that something of Lifeboat backs up a construct.
 *
 * @param construct a resource, or a construct whose default child is one
 * @param by the class that does, as in `DatabaseBackups`
 */
export function markCovered(construct: IConstruct, by: string): void {
  for (const covered of new Set([construct, construct.node.defaultChild ?? construct])) {
    covers.put(covered, [...coveredBy(covered), by]);
  }
}

/** What backs up a construct; empty if nothing does. */
export function coveredBy(construct: IConstruct): readonly string[] {
  return covers.on(construct) ?? [];
}
