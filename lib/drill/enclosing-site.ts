/** The site of the enclosing plan, so that all drills of a plan share one. */
import type { IConstruct } from 'constructs';
import { nearestMark } from '../synth/enclosing-plan';
import { Mark } from '../synth/marks';
import type { DrillSite } from './drill-site';

/** Created when first used, since a plan without drills needs none. */
export interface SharedSite {
  readonly site: DrillSite;
}

const sites = new Mark<SharedSite>('shared-site');

/** Notes that drills under a plan run at its site. Called by the plan. */
export function shareSite(plan: IConstruct & SharedSite): void {
  sites.put(plan, plan);
}

/** The site of the innermost enclosing plan in the construct's region and account, if there is one. */
export function enclosingSite(construct: IConstruct): DrillSite | undefined {
  return nearestMark(construct, sites)?.site;
}
