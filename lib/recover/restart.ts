import type { Stack } from 'aws-cdk-lib';
import { ArnFormat } from 'aws-cdk-lib';
import type * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import type * as ecs from 'aws-cdk-lib/aws-ecs';
import type * as eks from 'aws-cdk-lib/aws-eks';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Restart as RestartContract } from '../../lambda/contract';
import { allow } from '../function/statements';

export interface CommandRestartOptions {
  /** Key of the tag that the hosts have. */
  readonly tagKey: string;

  /** Value of that tag. */
  readonly tagValue: string;

  /** What is run on each host, as in `docker compose up --detach --force-recreate`. */
  readonly commands: string[];

  /**
   * Document of Systems Manager that takes `commands`.
   *
   * @default 'AWS-RunShellScript'
   */
  readonly documentName?: string;
}

export interface KubernetesRestartOptions {
  /** Namespace of the deployments. */
  readonly namespace: string;

  /** Deployments that are restarted, by their names. */
  readonly deployments: string[];

  /**
   * A secret of Kubernetes that gets the recovered database's host first.
   *
   * @default - none: the deployments read where the database is from somewhere else
   */
  readonly secret?: KubernetesSecret;
}

export interface KubernetesSecret {
  /** Name of the secret. */
  readonly name: string;

  /** Field that holds the host. */
  readonly hostField: string;
}

/** What is restarted after the cut-over, so that it reads where the database is now. */
export class Restart {
  /** An ECS service: its tasks are replaced as in a deployment, since they read secrets only when they start. */
  public static ecs(service: ecs.IBaseService): Restart {
    const { clusterName, clusterArn } = service.cluster;
    return new Restart({ kind: 'ecs', cluster: clusterName, service: service.serviceName }, (stack) => [
      allow(
        ['ecs:DescribeServices', 'ecs:UpdateService'],
        [
          stack.formatArn({
            service: 'ecs',
            resource: 'service',
            resourceName: `${clusterName}/${service.serviceName}`,
          }),
        ],
        { ArnEquals: { 'ecs:cluster': clusterArn } },
      ),
    ]);
  }

  /** An Auto Scaling group: its instances are replaced by an instance refresh. */
  public static instanceRefresh(group: autoscaling.IAutoScalingGroup): Restart {
    const name = group.autoScalingGroupName;
    return new Restart({ kind: 'instance-refresh', group: name }, (stack) => [
      allow(
        ['autoscaling:StartInstanceRefresh'],
        [
          stack.formatArn({
            service: 'autoscaling',
            resource: 'autoScalingGroup',
            resourceName: `*:autoScalingGroupName/${name}`,
            arnFormat: ArnFormat.COLON_RESOURCE_NAME,
          }),
        ],
      ),
      // Describing can't be narrowed to one group.
      allow(['autoscaling:DescribeAutoScalingGroups', 'autoscaling:DescribeInstanceRefreshes'], ['*']),
    ]);
  }

  /** A Lambda function: a version of it is published, and the alias moved there, so that no environment is reused. */
  public static lambda(restarted: lambda.IFunction, aliasName: string): Restart {
    const { functionName, functionArn } = restarted;
    return new Restart({ kind: 'lambda', function: functionName, alias: aliasName }, () => [
      allow(
        [
          'lambda:GetAlias',
          'lambda:GetFunctionConfiguration',
          'lambda:PublishVersion',
          'lambda:UpdateAlias',
          'lambda:UpdateFunctionConfiguration',
        ],
        [functionArn, `${functionArn}:*`],
      ),
    ]);
  }

  /** Commands on EC2 instances with a tag, sent by Systems Manager: for hosts that run containers or services. */
  public static command(options: CommandRestartOptions): Restart {
    const { documentName = 'AWS-RunShellScript', tagKey, tagValue, commands } = options;
    // Documents of AWS belong to no account.
    const account = documentName.startsWith('AWS-') ? '' : undefined;
    return new Restart({ kind: 'command', document: documentName, tagKey, tagValue, commands }, (stack) => [
      allow(
        ['ssm:SendCommand'],
        [stack.formatArn({ service: 'ssm', account, resource: 'document', resourceName: documentName })],
      ),
      allow(['ssm:SendCommand'], [stack.formatArn({ service: 'ec2', resource: 'instance', resourceName: '*' })], {
        StringEquals: { [`ssm:resourceTag/${tagKey}`]: tagValue },
      }),
      // Neither can be narrowed to one command.
      allow(['ssm:GetCommandInvocation', 'ssm:ListCommandInvocations', 'ssm:ListCommands'], ['*']),
    ]);
  }

  /**
   * Deployments of Kubernetes on EKS, through the cluster's public endpoint. The cluster has to let the recovery's role
   * in: an access entry for `recovery.role`, that may patch these deployments and the secret.
   */
  public static kubernetes(cluster: eks.ICluster, options: KubernetesRestartOptions): Restart {
    const { namespace, deployments, secret } = options;
    const { clusterName } = cluster;
    return new Restart(
      {
        kind: 'kubernetes',
        cluster: clusterName,
        namespace,
        deployments,
        secret: secret && { name: secret.name, hostField: secret.hostField },
      },
      (stack) => [
        allow(
          ['eks:DescribeCluster'],
          [stack.formatArn({ service: 'eks', resource: 'cluster', resourceName: clusterName })],
        ),
      ],
    );
  }

  private constructor(
    /** The restart in the contract. */
    public readonly request: RestartContract,
    private readonly allowed: (stack: Stack) => iam.PolicyStatement[],
  ) {}

  /** What the recovery may do for it. */
  public statements(stack: Stack): iam.PolicyStatement[] {
    return this.allowed(stack);
  }
}
