/** The drills' functions written by hand, with role, log and permissions, and what starts them. */
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duration, RemovalPolicy, type Stack, Stage } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Schedule, type ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type * as sqs from 'aws-cdk-lib/aws-sqs';

/** What all of them share. */
export interface Site {
  readonly stack: Stack;
  readonly key: kms.IKey;
  readonly deadLetterQueue: sqs.IQueue;
}

export function addFunction(
  { stack, key, deadLetterQueue }: Site,
  id: string,
  entry: string,
  statements: iam.PolicyStatement[],
  settings: Partial<lambda.FunctionProps>,
  moreBasics: iam.PolicyStatement[] = [],
) {
  const logGroup = new logs.LogGroup(stack, `${id}Log`, {
    retention: logs.RetentionDays.ONE_YEAR,
    encryptionKey: key,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  const role = new iam.Role(stack, `${id}Role`, { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
  const made = new lambda.Function(stack, id, {
    runtime: lambda.Runtime.NODEJS_24_X,
    architecture: lambda.Architecture.ARM_64,
    handler: 'index.handler',
    code: lambda.Code.fromAsset(join(__dirname, '..', '..', 'handlers', entry)),
    role: role.withoutPolicyUpdates(),
    logGroup,
    deadLetterQueue,
    ...settings,
  });
  const basics = [
    allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [logGroup.logGroupArn]),
    allow(['sqs:SendMessage'], [deadLetterQueue.queueArn]),
    ...moreBasics,
  ];
  if (settings.durableConfig) {
    const actions = ['lambda:CheckpointDurableExecution', 'lambda:GetDurableExecutionState'];
    statements.push(allow(actions, [`${made.functionArn}:*`]));
  }
  // Lambda makes no function that may not send to its own dead letter queue; one policy for all would be too long for IAM.
  made.node.addDependency(new iam.ManagedPolicy(stack, `${id}Basics`, { roles: [role], statements: basics }));
  if (statements.length > 0) new iam.ManagedPolicy(stack, `${id}Policy`, { roles: [role], statements });
  return { function: made, role };
}

export function addSchedule(
  { stack, deadLetterQueue }: Site,
  id: string,
  target: lambda.IFunction,
  schedule: ScheduleExpression,
  input: object,
): void {
  const role = new iam.Role(stack, `${id}Role`, { assumedBy: new iam.ServicePrincipal('scheduler.amazonaws.com') });
  const policy = new iam.ManagedPolicy(stack, `${id}Policy`, {
    roles: [role],
    statements: [
      allow(['lambda:InvokeFunction'], [target.functionArn]),
      allow(['sqs:SendMessage'], [deadLetterQueue.queueArn]),
    ],
  });
  new Schedule(stack, id, {
    schedule,
    target: new LambdaInvoke(target, {
      role: role.withoutPolicyUpdates(),
      input: ScheduleTargetInput.fromObject(input),
      deadLetterQueue,
      retryAttempts: 2,
      maxEventAge: Duration.hours(1),
    }),
  }).node.addDependency(policy);
}

/** What a drill is deployed with lies beside its code, where whoever starts it can't change it. */
export function codeWith(stack: Stack, entry: string, definition: object): lambda.Code {
  const folder = join(String(Stage.of(stack)?.assetOutdir), `by-hand-${entry}`);
  cpSync(join(__dirname, '..', '..', 'handlers', entry), folder, { recursive: true });
  writeFileSync(join(folder, 'definition.json'), JSON.stringify(definition));
  return lambda.Code.fromAsset(folder);
}

export const allow = (actions: string[], resources: string[], conditions?: iam.Conditions) =>
  new iam.PolicyStatement({ actions, resources, conditions });
