/** What recoveries of tables reach. */
import { KMSClient } from '@aws-sdk/client-kms';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SSMClient } from '@aws-sdk/client-ssm';
import { awsSharedPorts, type SharedPorts } from '../recover/shared-ports';
import { callFunction } from '../runbook/examiner-client';
import type { TablesAnswers, TablesRequest } from '../tables/protocol';

/** The function that reaches both databases. */
export interface Tables {
  ask<Task extends TablesRequest['task']>(
    request: Extract<TablesRequest, { task: Task }>,
  ): Promise<TablesAnswers[Task]>;
}

export interface TableRecoveryPorts extends SharedPorts {
  readonly tables: (functionName: string) => Tables;
}

export function awsTableRecoveryPorts(): TableRecoveryPorts {
  // The SDK's second try of a call that was cut off would work twice at once; the step tries again instead.
  const lambda = new LambdaClient({ maxAttempts: 1 });
  const clients = {
    s3: new S3Client(),
    kms: new KMSClient(),
    ssm: new SSMClient(),
    secrets: new SecretsManagerClient(),
  };
  return {
    ...awsSharedPorts(clients),
    tables: (functionName) => ({ ask: (request) => callFunction(lambda, functionName, request) }),
  };
}
