/** The primary stack, and its sibling stacks in other regions. */
import { Stack, Token } from 'aws-cdk-lib';
import type { Construct, IConstruct } from 'constructs';

/** The outermost stack. The name of a nested one is unknown until deployment, so no other stack could derive it. */
export function outermostStack(scope: IConstruct): Stack {
  let stack = Stack.of(scope);
  while (stack.nestedStackParent) stack = stack.nestedStackParent;
  return stack;
}

/**
 * A stack of another region beside a construct's own, of the same account. Created by the first call.
 *
 * @param name suffix of the primary's name, as in `us-west-2`
 */
export function siblingStack(scope: IConstruct, region: string, name: string, description: string): Stack {
  const primary = outermostStack(scope);
  const parent = primary.node.scope as Construct;
  const id = `${primary.node.id}-${name}`;
  const found = parent.node.tryFindChild(id);
  if (found) return found as Stack;
  return new Stack(parent, id, {
    stackName: `${primary.stackName}-${name}`,
    description,
    env: { region, account: Token.isUnresolved(primary.account) ? undefined : primary.account },
    terminationProtection: true,
  });
}

/** Only an order of deployment. Older versions of CDK call it `addDependency`. */
export function deployAfter(stack: Stack, first: Stack, reason: string): void {
  const add = stack.addStackDependency ?? stack.addDependency;
  add.call(stack, first, reason);
}
