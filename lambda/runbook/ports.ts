/** What drills reach the world by, and validations of what AWS Backup restored, too. */
import { KMSClient } from '@aws-sdk/client-kms';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { RDSClient } from '@aws-sdk/client-rds';
import { S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { DrillRequest, EvidenceDraft } from '../contract';
import { EvidenceChain, type Published } from '../evidence/evidence-chain';
import { drillMetrics, embeddedMetric } from '../evidence/metrics';
import { kmsSigner } from '../evidence/signing';
import { type Examiner, lambdaExaminer } from './examiner-client';

export interface ProofPorts {
  readonly rds: RDSClient;
  readonly examiner: (functionName: string) => Examiner;
  readonly secret: (id: string) => Promise<string>;
  readonly evidence: (
    request: Pick<DrillRequest, 'plan' | 'target' | 'evidenceBucket' | 'signingKey'>,
  ) => EvidenceChain;
  /** Where metrics are printed. */
  readonly print: (line: string) => void;
}

export function awsProofPorts(): ProofPorts {
  const s3 = new S3Client();
  const kms = new KMSClient();
  const secrets = new SecretsManagerClient();
  // A second try of a call that was cut off would examine the copy twice at once; the step tries again instead.
  const lambda = new LambdaClient({ maxAttempts: 1 });
  return {
    rds: new RDSClient(),
    examiner: (functionName) => lambdaExaminer(lambda, functionName),
    secret: async (id) => (await secrets.send(new GetSecretValueCommand({ SecretId: id }))).SecretString ?? '',
    evidence: (request) => new EvidenceChain(s3, request.evidenceBucket, request, kmsSigner(kms, request.signingKey)),
    print: (line) => process.stdout.write(`${line}\n`),
  };
}

/** Appends a document to its chain, and tells CloudWatch what it says in numbers. */
export async function publish(
  { print }: Pick<ProofPorts, 'print'>,
  evidence: EvidenceChain,
  document: EvidenceDraft,
): Promise<Published> {
  const published = await evidence.append(document);
  for (const metric of drillMetrics(published.document)) {
    print(embeddedMetric(metric, Date.parse(published.document.finished)));
  }
  return published;
}
