/**
 * The plan that a construct lies under. What is put into a plan's scope, or into that of one of its databases, tells whom
 * the plan tells, and has its name in metrics and evidence, unless it is told otherwise.
 *
 * Kept beside the plans, so that what looks for one need not know how they are made.
 */
import type { IConstruct } from 'constructs';
import type { ProtectionPlan } from './protection-plan';

const plans = new WeakMap<IConstruct, ProtectionPlan>();

/** Notes that a construct is a plan. Called by the plan. */
export function notePlan(plan: ProtectionPlan): void {
  plans.set(plan, plan);
}

/** The innermost plan around a construct, if there is one. */
export function planAround(construct: IConstruct): ProtectionPlan | undefined {
  return construct.node.scopes.flatMap((scope) => plans.get(scope) ?? []).at(-1);
}
