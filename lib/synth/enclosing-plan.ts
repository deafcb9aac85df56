/**
 * The plan that encloses a construct. Constructs in a plan's scope, or in that of one of its databases, use the plan's
 * `notify`, and its name in metrics and evidence, unless they state their own.
 */
import { Stack } from 'aws-cdk-lib';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { IConstruct } from 'constructs';
import { Mark } from './marks';

/** Defaults of a plan for all in its scope. Its site is shared by lib/drill (`shareSite`). */
export interface PlanDefaults {
  /** Name of the plan, in evidence and metrics. */
  readonly planName: string;
  /**
   * Topic to notify.
   *
   * @default - none
   */
  readonly notify?: sns.ITopic;
}

const plans = new Mark<PlanDefaults>('plan-defaults');

/** Notes that a construct is a plan. Called by the plan. */
export function registerPlan(plan: IConstruct & PlanDefaults): void {
  plans.put(plan, plan);
}

/** The innermost enclosing plan in the construct's region and account, if there is one. */
export function enclosingPlan(construct: IConstruct): PlanDefaults | undefined {
  return nearestMark(construct, plans);
}

/**
 * The mark of the innermost enclosing construct in the construct's region and account. A plan's scope may contain a
 * stack of another region, whose alarms can't notify the plan's topic and whose drills can't use its site.
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
