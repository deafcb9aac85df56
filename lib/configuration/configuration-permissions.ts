/** What the handler that stores configuration may read. Listing actions can't be narrowed. */
import { ArnFormat, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { allow } from '../function/statements';

/** Names of resources to read, or prefixes of them. */
interface Read {
  /** @default - all */
  readonly stacks?: readonly string[];
  /** @default - all */
  readonly parameters?: readonly string[];
  /** @default - all */
  readonly taskDefinitions?: readonly string[];
  /** @default - all */
  readonly services?: readonly string[];
  /** @default - all */
  readonly zones?: readonly string[];
  /** @default - values of secure parameters are not read */
  readonly secureValuesKey?: kms.IKey;
}

/** Permissions to read all resources, or only those that are named. */
export function reading(scope: Construct, props: Read): iam.PolicyStatement[] {
  const { stacks = ['*'], parameters = [''], taskDefinitions, services = ['*'], zones, secureValuesKey } = props;
  const stack = Stack.of(scope);
  const statements: iam.PolicyStatement[] = [];
  if (stacks.length > 0) {
    const arns = stacks.map((name) =>
      stack.formatArn({ service: 'cloudformation', resource: 'stack', resourceName: `${name}/*` }),
    );
    statements.push(allow(['cloudformation:DescribeStacks'], ['*']), allow(['cloudformation:GetTemplate'], arns));
  }
  if (parameters.length > 0) {
    const arns = parameters.map((start) =>
      stack.formatArn({ service: 'ssm', resource: 'parameter', resourceName: `${start.replace(/^\//, '')}*` }),
    );
    statements.push(allow(['ssm:DescribeParameters'], ['*']), allow(['ssm:GetParameters'], arns));
    statements.push(...secureValues(scope, secureValuesKey));
  }
  if (taskDefinitions?.length !== 0) {
    statements.push(allow(['ecs:DescribeTaskDefinition', 'ecs:ListTaskDefinitionFamilies'], ['*']));
  }
  if (services.length > 0) {
    const arns = services.map((name) => stack.formatArn({ service: 'ecs', resource: 'service', resourceName: name }));
    statements.push(allow(['ecs:ListClusters', 'ecs:ListServices'], ['*']), allow(['ecs:DescribeServices'], arns));
  }
  if (zones?.length !== 0) {
    // IDs of the named zones are known only at run time.
    const any = `arn:${stack.partition}:route53:::hostedzone/*`;
    statements.push(
      allow(['route53:ListHealthChecks', 'route53:ListHostedZones'], ['*']),
      allow(['route53:ListResourceRecordSets'], [any]),
    );
  }
  return statements;
}

/**
 * SSM decrypts for anyone who may use the parameter's key; the AWS managed key for SSM allows everyone in the account.
 */
function secureValues(scope: Construct, key?: kms.IKey): iam.PolicyStatement[] {
  const stack = Stack.of(scope);
  const viaSsm = { StringEquals: { 'kms:ViaService': `ssm.${stack.region}.amazonaws.com` } };
  const anyKey = stack.formatArn({
    service: 'kms',
    resource: 'key',
    resourceName: '*',
    arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
  });
  if (!key) {
    const deny = { effect: iam.Effect.DENY, actions: ['kms:Decrypt'], resources: ['*'], conditions: viaSsm };
    return [new iam.PolicyStatement(deny)];
  }
  return [
    allow(['kms:Decrypt'], [anyKey], viaSsm),
    allow(['kms:GenerateDataKey'], [key.keyArn], {
      StringEquals: { 'kms:ViaService': `s3.${stack.region}.amazonaws.com` },
    }),
  ];
}
