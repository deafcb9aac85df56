/** The site of the enclosing plan, so that all drills of a plan share one. */
import type { IConstruct } from 'constructs';
import { nearestMark } from '../synth/enclosing-plan';
import { Mark } from '../synth/marks';
import type { IDrillSite } from './shared-site';

/** Created when first used, since a plan without drills needs none. */
export interface SharedSite {
  readonly site: IDrillSite;
}

const sites = new Mark<SharedSite>('shared-site');

/** Notes that drills under a plan run at its site. Called by the plan. */
export function shareSite(plan: IConstruct & SharedSite): void {
  sites.put(plan, plan);
}

/** The site of the innermost plan around a construct, if there is one in its region and account. */
export function enclosingSite(construct: IConstruct): IDrillSite | undefined {
  return nearestMark(construct, sites)?.site;
}
