/** Recoveries, for tests to take apart. */
import type { Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { CutOver, DrillSource, RecoveryRunbook, type RecoveryRunbookProps } from '../../../lib';
import { importedDatabase, OBJECTIVES } from '../../template/stacks';

export const vpcOf = (stack: Stack, id = 'Network') =>
  ec2.Vpc.fromVpcAttributes(stack, id, {
    vpcId: 'vpc-0123456789abcdef0',
    availabilityZones: ['eu-west-1a', 'eu-west-1b'],
    isolatedSubnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
  });

export const secretOf = (stack: Stack, name: string) =>
  secretsmanager.Secret.fromSecretNameV2(new Construct(stack, `Scope${stack.node.children.length}`), 'Secret', name);

/** What a recovery of the imported database `orders` takes at least. */
export const least = (stack: Stack): RecoveryRunbookProps => ({
  source: DrillSource.database(importedDatabase(stack)),
  objectives: OBJECTIVES,
  credentials: secretOf(stack, 'master'),
  vpc: vpcOf(stack),
  cutOver: [CutOver.secret(secretOf(stack, 'application'))],
});

export function newRecovery(stack: Stack, props: Partial<RecoveryRunbookProps> = {}): RecoveryRunbook {
  return new RecoveryRunbook(stack, 'Production', {
    ...least(stack),
    target: 'Orders',
    notify: new sns.Topic(stack, 'Oncall'),
    ...props,
  });
}
