import { Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** The stack that people deploy by name. A nested one's name is only known at deployment, so no other could derive it. */
export function primaryOf(scope: IConstruct): Stack {
  let stack = Stack.of(scope);
  while (stack.nestedStackParent) stack = stack.nestedStackParent;
  return stack;
}
