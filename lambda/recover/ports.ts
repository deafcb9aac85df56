/** What recoveries of a database reach. */
import { KMSClient } from '@aws-sdk/client-kms';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import type { CutOver, Health, Restart } from '../contract';
import type { CutOverWay, HealthCheck, RestartWay } from '../cut-over/way';
import { awsWayClients, cutOverWay, healthCheck, restartWay } from '../cut-over/ways';
import { EvidenceChain } from '../evidence/evidence-chain';
import { Inventories } from '../evidence/inventories';
import { kmsSigner } from '../evidence/signing';
import { type Live, liveOf } from '../live/client';
import { callFunction, type Examiner, lambdaExaminer } from '../runbook/examiner-client';
import { awsSharedPorts, type Filed, type SharedPorts } from './shared-ports';

export interface RecoveryPorts extends SharedPorts {
  /** The recoveries' examiner: its tasks on what was restored, and those on production. */
  readonly examiner: (functionName: string) => Examiner;
  readonly live: (functionName: string) => Live;
  readonly inventories: (of: Filed) => Inventories;
  readonly way: (of: Exclude<CutOver, { kind: 'rename' }>) => CutOverWay;
  readonly restart: (of: Restart) => RestartWay;
  readonly health: (of: Exclude<Health, { kind: 'query' }>) => HealthCheck;
}

export function awsRecoveryPorts(): RecoveryPorts {
  const s3 = new S3Client();
  const kms = new KMSClient();
  const ways = awsWayClients();
  // The SDK's second try of a call that was cut off would examine twice at once; the step tries again instead.
  const lambda = new LambdaClient({ maxAttempts: 1 });
  return {
    ...awsSharedPorts({ ...ways, s3, kms }),
    examiner: (functionName) => lambdaExaminer(lambda, functionName),
    live: (functionName) => liveOf((task) => callFunction(lambda, functionName, task)),
    inventories: (of) =>
      new Inventories(
        s3,
        of.evidenceBucket,
        of,
        new EvidenceChain(s3, of.evidenceBucket, of, kmsSigner(kms, of.signingKey)),
      ),
    way: (of) => cutOverWay(of, ways),
    restart: (of) => restartWay(of, ways),
    health: (of) => healthCheck(of, ways),
  };
}
