import { Duration, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Schedule, type ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import { EcsRunFargateTask } from 'aws-cdk-lib/aws-scheduler-targets';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { allow } from '../function/statements';
import type { DumpTask } from './dump-task';

export interface DumpScheduleProps {
  readonly task: DumpTask;
  readonly schedule: ScheduleExpression;
  readonly cluster: ecs.ICluster;
  /**
   * Subnets of the task.
   *
   * @default - private subnets with egress
   */
  readonly subnets?: ec2.SubnetSelection;
  readonly securityGroups: ec2.ISecurityGroup[];
  /** Holds requests that could not be started. */
  readonly deadLetterQueue: sqs.IQueue;
}

/** Starts a dump's task on a schedule, with a role that can only start this task in this cluster. */
export function scheduleDump(scope: Construct, props: DumpScheduleProps): void {
  const { task, cluster, deadLetterQueue } = props;
  const role = new iam.Role(scope, 'SchedulerRole', {
    assumedBy: new iam.ServicePrincipal('scheduler.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
    }),
  });
  const policy = new iam.ManagedPolicy(scope, 'SchedulerPolicy', {
    roles: [role],
    statements: [
      allow(['ecs:RunTask'], [task.definition.taskDefinitionArn], { ArnEquals: { 'ecs:cluster': cluster.clusterArn } }),
      allow(
        ['iam:PassRole'],
        task.roles.map(({ roleArn }) => roleArn),
        { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
      ),
      allow(['sqs:SendMessage'], [deadLetterQueue.queueArn]),
    ],
  });
  const trigger = new Schedule(scope, 'Schedule', {
    schedule: props.schedule,
    description: `Lifeboat: logical dump ${scope.node.id}`,
    target: new EcsRunFargateTask(cluster, {
      taskDefinition: task.definition,
      vpcSubnets: props.subnets ?? { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS },
      securityGroups: props.securityGroups,
      assignPublicIp: false,
      role: role.withoutPolicyUpdates(),
      deadLetterQueue,
      // Two dumps at the same time would slow each other.
      retryAttempts: 2,
      maxEventAge: Duration.hours(1),
    }),
  });
  trigger.node.addDependency(policy);
}
