/** What recoveries of a database reach. */
import { KMSClient } from '@aws-sdk/client-kms';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { RDSClient } from '@aws-sdk/client-rds';
import { S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { CutOver, Health, Restart } from '../contract';
import type { CutOverWay, HealthCheck, RestartWay } from '../cut-over/way';
import { awsWayClients, cutOverWay, healthCheck, restartWay } from '../cut-over/ways';
import { EvidenceChain } from '../evidence/evidence-chain';
import { Inventories } from '../evidence/inventories';
import { RecoveryChain } from '../evidence/recovery-chain';
import { kmsSigner } from '../evidence/signing';
import { type Live, liveOf } from '../live/client';
import type { Identify } from '../runbook/approval';
import { deployedDefinition } from '../runbook/definition';
import { callFunction, type Examiner, lambdaExaminer } from '../runbook/examiner-client';
import { identifyBySts } from '../runbook/proof';
import type { TablesAnswers, TablesRequest } from '../tables/protocol';

/** Where evidence of the target lies, and what signs it. */
export interface Filed {
  readonly plan: string;
  readonly target: string;
  readonly evidenceBucket: string;
  readonly signingKey: string;
}

export interface RecoveryPorts {
  /** The deployed definition, unchecked; the runbook parses it at its start. */
  readonly definition: unknown;
  readonly rds: RDSClient;
  /** Read in steps and polls only. */
  readonly clock: () => number;
  /** The recoveries' examiner: its tasks on what was restored, and those on production. */
  readonly examiner: (functionName: string) => Examiner;
  readonly live: (functionName: string) => Live;
  readonly secret: (id: string) => Promise<string>;
  readonly inventories: (of: Filed) => Inventories;
  readonly chain: (of: Filed) => RecoveryChain;
  readonly way: (of: Exclude<CutOver, { kind: 'rename' }>) => CutOverWay;
  readonly restart: (of: Restart) => RestartWay;
  readonly health: (of: Exclude<Health, { kind: 'query' }>) => HealthCheck;
  /** Tells people. Failing to is told in the report, and stops nothing. */
  readonly notify: (topic: string, subject: string, text: string) => Promise<void>;
  /** Where the lock of the recovery is. */
  readonly ssm: SSMClient;
  /** Proves the identity of whoever starts a run, or answers a question. */
  readonly identify: Identify;
}

/** What recoveries of a database and of tables share. */
export type SharedPorts = Pick<
  RecoveryPorts,
  'definition' | 'rds' | 'clock' | 'secret' | 'chain' | 'notify' | 'ssm' | 'identify'
>;

/** The function that reaches both databases of a recovery of tables. */
export interface Tables {
  ask<Task extends TablesRequest['task']>(
    request: Extract<TablesRequest, { task: Task }>,
  ): Promise<TablesAnswers[Task]>;
}

export interface TableRecoveryPorts extends SharedPorts {
  readonly tables: (functionName: string) => Tables;
}

export function awsTableRecoveryPorts(): TableRecoveryPorts {
  const lambda = new LambdaClient({ maxAttempts: 1 });
  return {
    ...awsRecoveryPorts(),
    tables: (functionName) => ({ ask: (task) => callFunction(lambda, functionName, task) }),
  };
}

export function awsRecoveryPorts(): RecoveryPorts {
  const s3 = new S3Client();
  const kms = new KMSClient();
  const sns = new SNSClient();
  const ssm = new SSMClient();
  const ways = awsWayClients();
  // The SDK's second try of a call that was cut off would examine twice at once; the step tries again instead.
  const lambda = new LambdaClient({ maxAttempts: 1 });
  return {
    definition: deployedDefinition(),
    rds: new RDSClient(),
    ssm,
    clock: Date.now,
    examiner: (functionName) => lambdaExaminer(lambda, functionName),
    live: (functionName) => liveOf((task) => callFunction(lambda, functionName, task)),
    secret: async (id) => (await ways.secrets.send(new GetSecretValueCommand({ SecretId: id }))).SecretString ?? '',
    inventories: (of) =>
      new Inventories(
        s3,
        of.evidenceBucket,
        of,
        new EvidenceChain(s3, of.evidenceBucket, of, kmsSigner(kms, of.signingKey)),
      ),
    chain: (of) => new RecoveryChain(s3, of.evidenceBucket, of, kmsSigner(kms, of.signingKey)),
    way: (of) => cutOverWay(of, ways),
    restart: (of) => restartWay(of, ways),
    health: (of) => healthCheck(of, ways),
    notify: async (TopicArn, subject, Message) => {
      // SNS takes 100 printable ASCII characters of a subject.
      const Subject = subject.replace(/[^ -~]/g, '?').slice(0, 100);
      await sns.send(new PublishCommand({ TopicArn, Subject, Message }));
    },
    identify: identifyBySts(),
  };
}
