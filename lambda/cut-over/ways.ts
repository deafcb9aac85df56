/** The ways that a definition names. A rename is not one: the runbook drives its steps and waits itself. */
import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { ECSClient } from '@aws-sdk/client-ecs';
import { EKSClient } from '@aws-sdk/client-eks';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { Route53Client } from '@aws-sdk/client-route-53';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { CutOver, Health, Restart } from '../contract';
import { AlarmsHealthCheck } from './alarms';
import { DnsCutOver } from './dns';
import { EcsRestart } from './ecs';
import { HostCommandRestart } from './host-command';
import { HttpHealthCheck } from './http';
import { InstanceRefreshRestart } from './instance-refresh';
import { KubernetesRestart } from './kubernetes';
import { LambdaAliasRestart } from './lambda-alias';
import { ParameterCutOver } from './parameter';
import { SecretCutOver } from './secret';
import type { CutOverWay, HealthCheck, RestartWay } from './way';

/** All that cut-overs, restarts and health checks reach. */
export interface WayClients {
  readonly secrets: SecretsManagerClient;
  readonly route53: Route53Client;
  readonly ssm: SSMClient;
  readonly ecs: ECSClient;
  readonly autoScaling: AutoScalingClient;
  readonly lambda: LambdaClient;
  readonly eks: EKSClient;
  readonly cloudWatch: CloudWatchClient;
}

/** Makes the clients; once for a function. */
export function awsWayClients(): WayClients {
  return {
    secrets: new SecretsManagerClient(),
    route53: new Route53Client(),
    ssm: new SSMClient(),
    ecs: new ECSClient(),
    autoScaling: new AutoScalingClient(),
    lambda: new LambdaClient(),
    eks: new EKSClient(),
    cloudWatch: new CloudWatchClient(),
  };
}

export function cutOverWay(of: Exclude<CutOver, { kind: 'rename' }>, clients: WayClients): CutOverWay {
  switch (of.kind) {
    case 'secret':
      return new SecretCutOver(clients.secrets, of);
    case 'dns':
      return new DnsCutOver(clients.route53, of.zone, of.record);
    case 'parameter':
      return new ParameterCutOver(clients.ssm, of.parameter, of.withPort);
  }
}

export function restartWay(of: Restart, clients: WayClients): RestartWay {
  switch (of.kind) {
    case 'ecs':
      return new EcsRestart(clients.ecs, of.cluster, of.service);
    case 'instance-refresh':
      return new InstanceRefreshRestart(clients.autoScaling, of.group);
    case 'lambda':
      return new LambdaAliasRestart(clients.lambda, of.function, of.alias);
    case 'command':
      return new HostCommandRestart(clients.ssm, of);
    case 'kubernetes':
      return new KubernetesRestart(clients.eks, of);
  }
}

/** Queries are asked by the examiner, which alone reaches the database. */
export function healthCheck(of: Exclude<Health, { kind: 'query' }>, clients: WayClients): HealthCheck {
  switch (of.kind) {
    case 'http':
      return new HttpHealthCheck(of);
    case 'alarms':
      return new AlarmsHealthCheck(clients.cloudWatch, of.names);
  }
}
