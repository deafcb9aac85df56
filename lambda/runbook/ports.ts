/** Clients and stores that drills use, and validations of AWS Backup's restores too. */
import { KMSClient } from '@aws-sdk/client-kms';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { RDSClient } from '@aws-sdk/client-rds';
import { S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { DrillDefinition, Evidence, EvidenceDraft } from '../contract';
import { EvidenceChain } from '../evidence/evidence-chain';
import { Inventories } from '../evidence/inventories';
import { drillMetrics, embeddedMetric } from '../evidence/metrics';
import { kmsSigner } from '../evidence/signing';
import { deployedDefinition } from './definition';
import { type Examiner, lambdaExaminer } from './examiner-client';

export interface ProofPorts {
  /** The deployed definition, unchecked; the runbook parses it at its start. */
  readonly definition: unknown;
  readonly rds: RDSClient;
  readonly examiner: (functionName: string) => Examiner;
  readonly secret: (id: string) => Promise<string>;
  readonly evidence: (of: Pick<DrillDefinition, 'plan' | 'target' | 'evidenceBucket' | 'signingKey'>) => EvidenceChain;
  readonly inventories: (of: Pick<DrillDefinition, 'plan' | 'target' | 'evidenceBucket' | 'signingKey'>) => Inventories;
  /** Where metrics are printed. */
  readonly print: (line: string) => void;
}

export function awsProofPorts(): ProofPorts {
  const s3 = new S3Client();
  const kms = new KMSClient();
  const secrets = new SecretsManagerClient();
  // The SDK's second try of a call that was cut off would examine the instance twice at once; the step tries again
  // instead.
  const lambda = new LambdaClient({ maxAttempts: 1 });
  const evidence: ProofPorts['evidence'] = (of) =>
    new EvidenceChain(s3, of.evidenceBucket, of, kmsSigner(kms, of.signingKey));
  return {
    definition: deployedDefinition(),
    rds: new RDSClient(),
    examiner: (functionName) => lambdaExaminer(lambda, functionName),
    secret: async (id) => (await secrets.send(new GetSecretValueCommand({ SecretId: id }))).SecretString ?? '',
    evidence,
    inventories: (of) => new Inventories(s3, of.evidenceBucket, of, evidence(of)),
    print: (line) => process.stdout.write(`${line}\n`),
  };
}

/** The parts of a published document that fit into a step's result. */
export interface PublishedEvidence {
  readonly key: string;
  readonly outcome: Evidence['outcome'];
  readonly findings: readonly string[];
  /** How many. */
  readonly checks: number;
}

/** Appends a document to its chain, and publishes its metrics. */
export async function publish(
  { print }: Pick<ProofPorts, 'print'>,
  evidence: EvidenceChain,
  draft: EvidenceDraft,
): Promise<PublishedEvidence> {
  const { key, document } = await evidence.append(draft);
  for (const metric of drillMetrics(document)) print(embeddedMetric(metric, Date.parse(document.finished)));
  const { outcome, findings, checks } = document;
  return { key, outcome, findings, checks: checks.length };
}
