import { CfnResource, Stack, Token } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/**
 * What another construct of the app makes of the same type for the same registry, which is an account in a region. ECR
 * has one of each, and CloudFormation refuses to make a second.
 */
export function twinInRegistry(scope: Construct, type: string): CfnResource | undefined {
  const own = Stack.of(scope);
  return scope.node.root.node
    .findAll()
    .filter((each) => CfnResource.isCfnResource(each))
    .find((each) => each.cfnResourceType === type && (each.stack === own || sameRegistry(each.stack, own)));
}

/** Two stacks without an environment may be deployed to different ones. */
const sameRegistry = (one: Stack, other: Stack) =>
  !Token.isUnresolved(one.account) &&
  !Token.isUnresolved(one.region) &&
  one.account === other.account &&
  one.region === other.region;
