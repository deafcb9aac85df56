/** Values that may only be known at deployment. */
import { Token } from 'aws-cdk-lib';

/** Undefined where the value is only known at deployment: then it is not compared. */
export function known<T>(value: T | undefined): T | undefined {
  return Token.isUnresolved(value) ? undefined : value;
}

/** RDS keeps identifiers in lower case, and IAM compares them as they are kept. What is only known at deployment stays. */
export const asKept = (identifier: string): string =>
  Token.isUnresolved(identifier) ? identifier : identifier.toLowerCase();
