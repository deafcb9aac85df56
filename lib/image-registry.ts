import { CfnResource, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/**
 * What another construct of the app makes of the same type for the same registry, which is an account in a region. ECR
 * has one of each, and CloudFormation refuses to make a second.
 */
export function twinInRegistry(scope: Construct, type: string): CfnResource | undefined {
  const { account, region } = Stack.of(scope);
  return scope.node.root.node
    .findAll()
    .filter((each) => CfnResource.isCfnResource(each))
    .find((each) => each.cfnResourceType === type && each.stack.account === account && each.stack.region === region);
}
