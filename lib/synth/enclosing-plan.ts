/**
 * The plan that a construct lies under. What is put into a plan's scope, or into that of one of its databases, tells whom
 * the plan tells, and has its name in metrics and evidence, unless it is told otherwise.
 */
import { Stack } from 'aws-cdk-lib';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { IConstruct } from 'constructs';
import { Mark } from './marks';

/** What a plan gives to all that lies under it, besides its site: that is a class of lib/drill, which shares it (`shareSite`). */
export interface PlanDefaults {
  /** Name of the plan, in evidence and metrics. */
  readonly planName: string;
  /**
   * Topic to notify.
   *
   * @default - nobody
   */
  readonly notify?: sns.ITopic;
}

const plans = new Mark<PlanDefaults>('plan-defaults');

/** Notes that a construct is a plan. Called by the plan. */
export function registerPlan(plan: IConstruct & PlanDefaults): void {
  plans.put(plan, plan);
}

/** The innermost plan around a construct, if there is one in its region and account. */
export function enclosingPlan(construct: IConstruct): PlanDefaults | undefined {
  return nearestMark(construct, plans);
}

/**
 * What is noted on the innermost construct around another one, in its region and account. A stack of another region may lie
 * in a plan's scope, too, and no alarm reaches a topic of another region, and no drill a site there.
 */
export function nearestMark<T>(construct: IConstruct, mark: Mark<T>): T | undefined {
  const { region, account } = Stack.of(construct);
  const isNear = ({ node }: IConstruct) => {
    const stack = node.scopes.filter(Stack.isStack).at(-1);
    return !stack || (stack.region === region && stack.account === account);
  };
  const marked = construct.node.scopes.filter((scope) => mark.on(scope) !== undefined);
  const nearest = marked.filter(isNear).at(-1);
  return nearest && mark.on(nearest);
}
