/**
 * The plan that a construct lies under. What is put into a plan's scope, or into that of one of its databases, tells whom
 * the plan tells, and has its name in metrics and evidence, unless it is told otherwise.
 *
 * Kept beside the plans, so that what looks for one need not know how they are made.
 */
import { Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { ProtectionPlan } from '../plan/protection-plan';

const plans = new WeakMap<IConstruct, ProtectionPlan>();

/** Notes that a construct is a plan. Called by the plan. */
export function registerPlan(plan: ProtectionPlan): void {
  plans.set(plan, plan);
}

/**
 * The innermost plan around a construct, if there is one in its region and account. A stack of another region may lie in a
 * plan's scope, too, and no alarm reaches a topic of another region, and no drill a site there.
 */
export function enclosingPlan(construct: IConstruct): ProtectionPlan | undefined {
  const { region, account } = Stack.of(construct);
  const isNear = (plan: ProtectionPlan) => {
    const stack = plan.node.scopes.filter(Stack.isStack).at(-1);
    return !stack || (stack.region === region && stack.account === account);
  };
  return construct.node.scopes
    .flatMap((scope) => plans.get(scope) ?? [])
    .filter(isNear)
    .at(-1);
}
