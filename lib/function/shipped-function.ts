/**
 * One of the Lambda functions that ship with the package, bundled, with a role and a log of its own.
 *
 * Permissions are in managed policies beside the role. The function depends only on its basic ones, so the others may
 * refer to the function.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Annotations, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { HandlerName } from '../../lambda/contract';
import { removalPolicyOf } from '../synth/enclosing-plan';
import { acknowledge, acknowledgeWildcards } from '../synth/nag-acknowledgements';
import { definedCode } from './definition-file';
import { allow, SIGNERS_PATH } from './statements';

export interface FunctionNetwork {
  readonly vpc: ec2.IVpc;
  readonly subnets: ec2.SubnetSelection;
  readonly securityGroup: ec2.ISecurityGroup;
}

export interface ShippedFunctionProps {
  /** File in lambda/ that exports `handler`. */
  readonly entry: HandlerName;
  readonly description: string;
  readonly timeout: Duration;
  readonly memorySize: number;
  /** Encrypts the log. */
  readonly encryptionKey: kms.IKey;
  /** All its permissions, besides writing its log. */
  readonly statements: iam.PolicyStatement[];
  /**
   * Permissions of a signer of evidence, separate from `statements`, since an IAM policy has at most 6,144 characters.
   *
   * @default - none, and it may not sign evidence
   */
  readonly evidence?: iam.PolicyStatement[];
  /**
   * A log group shared with others.
   *
   * @default - one of its own, kept for a year
   */
  readonly logGroup?: logs.ILogGroup;
  /**
   * Why some of its permissions have wildcards, for auditors.
   *
   * @default - none has
   */
  readonly patterns?: string;
  /**
   * Its definition, if that is fixed at deployment: anyone who may invoke it can't change it.
   *
   * @default - none: it works on its input
   */
  readonly definition?: object;
  /**
   * How long a durable execution may take.
   *
   * @default - an ordinary function
   */
  readonly durableFor?: Duration;
  /**
   * VPC that it runs in.
   *
   * @default - none
   */
  readonly network?: FunctionNetwork;
  /**
   * Lets several functions write their log, send to their dead-letter queue, and use what else they share.
   *
   * @default - a policy of its own
   */
  readonly basics?: iam.IManagedPolicy;
  /**
   * Queue of events on which it failed.
   *
   * @default - none: the caller waits for the answer
   */
  readonly deadLetterQueue?: sqs.IQueue;
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length */
const POLICY_LENGTH = 6144;

export class ShippedFunction extends Construct {
  public readonly function: lambda.Function;
  /** Its role, to which CDK adds nothing by itself. */
  public readonly role: iam.IRole;

  constructor(scope: Construct, id: string, props: ShippedFunctionProps) {
    super(scope, id);
    const { network, durableFor, deadLetterQueue } = props;

    const logGroup = props.logGroup ?? runbookLog(this, props.encryptionKey);
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
      path: props.evidence && SIGNERS_PATH,
      managedPolicies: props.basics && [props.basics],
    });
    this.role = role.withoutPolicyUpdates();

    const folder = bundle(props.entry);
    const { code, environment } = props.definition
      ? definedCode(this, folder, props.definition)
      : { code: lambda.Code.fromAsset(folder), environment: undefined };

    this.function = new lambda.Function(this, 'Function', {
      description: props.description,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      handler: 'index.handler',
      code,
      environment,
      timeout: props.timeout,
      memorySize: props.memorySize,
      role: this.role,
      logGroup,
      deadLetterQueue,
      ...(durableFor && {
        // History is kept for a quarter, so that a run can still be examined at the next drill.
        durableConfig: { executionTimeout: durableFor, retentionPeriod: Duration.days(90) },
        // A running drill ends on the code that it began with. A version left behind by a rollback would fail the next
        // deployment, since Lambda publishes no second version of the same code.
        currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE },
      }),
      ...(network && {
        vpc: network.vpc,
        vpcSubnets: network.subnets,
        securityGroups: [network.securityGroup],
      }),
    });

    acknowledge(this, 'concurrency');
    Annotations.of(this).acknowledgeInfo(
      'aws-lambda:Function.DurableConfig',
      'the function has been durable since it was created',
    );
    const then = [...props.statements];
    if (props.basics) then.push(...(props.evidence ?? []));
    else {
      // Lambda refuses a function without permission on its own dead-letter queue, so this policy comes first, and does
      // not refer to the function.
      const first = [...basicPermissions(logGroup, deadLetterQueue), ...(props.evidence ?? [])];
      this.function.node.addDependency(this.policy('Basics', role, first, props.patterns));
    }
    if (durableFor) {
      const actions = ['lambda:CheckpointDurableExecution', 'lambda:GetDurableExecutionState'];
      then.push(allow(actions, [`${this.function.functionArn}:*`]));
    }
    const executions = durableFor && 'A durable execution is named under its function, at run time.';
    const reasons = [props.patterns, executions].filter((reason) => reason !== undefined);
    if (then.length > 0) this.policy('Policy', role, then, reasons.join(' ') || undefined);
    if (network) this.attachToNetwork(role);
    else acknowledge(this, 'outside any network');
  }

  private policy(
    id: string,
    role: iam.Role,
    statements: iam.PolicyStatement[],
    patterns: string | undefined,
  ): iam.ManagedPolicy {
    const policy = new iam.ManagedPolicy(this, id, { roles: [role], statements });
    policy.node.addValidation({ validate: () => tooLong(policy) });
    if (patterns) acknowledgeWildcards(policy, patterns);
    return policy;
  }

  /** Lambda needs these permissions to place the function in subnets; they are denied to the function's own code. */
  private attachToNetwork(role: iam.Role): void {
    const actions = [
      'ec2:AssignPrivateIpAddresses',
      'ec2:CreateNetworkInterface',
      'ec2:DeleteNetworkInterface',
      'ec2:DescribeNetworkInterfaces',
      'ec2:DescribeSubnets',
      'ec2:UnassignPrivateIpAddresses',
    ];
    const attachment = new iam.ManagedPolicy(this, 'Attachment', {
      roles: [role],
      statements: [allow(actions, ['*'])],
    });
    acknowledgeWildcards(
      attachment,
      'Lambda needs these on all resources to place a function in subnets; they are denied to the code itself.',
    );
    this.function.node.addDependency(attachment);
    // https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-best-practice
    new iam.ManagedPolicy(this, 'NoCallsOfItsOwn', {
      roles: [role],
      statements: [
        new iam.PolicyStatement({
          effect: iam.Effect.DENY,
          actions,
          resources: ['*'],
          conditions: { ArnEquals: { 'lambda:SourceFunctionArn': this.function.functionArn } },
        }),
      ],
    });
  }
}

/** To write a log, and to send events on which a function failed to its queue. */
export const basicPermissions = (log: logs.ILogGroup, deadLetterQueue?: sqs.IQueue): iam.PolicyStatement[] => [
  allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [log.logGroupArn]),
  ...(deadLetterQueue ? [allow(['sqs:SendMessage'], [deadLetterQueue.queueArn])] : []),
];

/** The log group of functions: encrypted, and kept for a year. */
export const runbookLog = (scope: Construct, encryptionKey: kms.IKey) =>
  new logs.LogGroup(scope, 'Log', {
    retention: logs.RetentionDays.ONE_YEAR,
    encryptionKey,
    removalPolicy: removalPolicyOf(scope),
  });

/** Values unknown at synth are counted with the least length that they can have. */
export function tooLong(policy: iam.ManagedPolicy): string[] {
  const text = JSON.stringify(Stack.of(policy).resolve(policy.document));
  const least = text.replace(/\{"(Ref|Fn::GetAtt)":[^{}]*\}/g, 'x').length;
  if (least <= POLICY_LENGTH) return [];
  return [
    `its policy has at least ${least} characters, and IAM allows ${POLICY_LENGTH}, so the deployment would fail; name fewer ` +
      'resources here, and the others in a second construct',
  ];
}

/** The build puts bundles beside the compiled constructs; from the sources, they are one folder further. */
function bundle(entry: string): string {
  const places = [
    join(__dirname, '..', '..', 'handlers', entry),
    join(__dirname, '..', '..', 'dist', 'handlers', entry),
  ];
  const found = places.find((place) => existsSync(place));
  if (found) return found;
  throw new Error(
    `the bundled handler '${entry}' is missing (looked for ${places.join(' and ')}), so the function could not be deployed; ` +
      'run `npm run build` in a checkout, or install cdk-lifeboat again',
  );
}
