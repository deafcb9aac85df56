/** What recoveries of a database and of tables reach alike. */
import { KMSClient } from '@aws-sdk/client-kms';
import { RDSClient } from '@aws-sdk/client-rds';
import { S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { SSMClient } from '@aws-sdk/client-ssm';
import { RecoveryChain } from '../evidence/recovery-chain';
import { kmsSigner } from '../evidence/signing';
import type { Identify } from '../runbook/approval';
import { deployedDefinition } from '../runbook/definition';
import { identifyBySts } from '../runbook/proof';

/** Where evidence of the target lies, and what signs it. */
export interface Filed {
  readonly plan: string;
  readonly target: string;
  readonly evidenceBucket: string;
  readonly signingKey: string;
}

export interface SharedPorts {
  /** The deployed definition, unchecked; the runbook parses it at its start. */
  readonly definition: unknown;
  readonly rds: RDSClient;
  /** Read in steps and polls only. */
  readonly clock: () => number;
  readonly secret: (id: string) => Promise<string>;
  readonly chain: (of: Filed) => RecoveryChain;
  /** Tells people. Failing to is told in the report, and stops nothing. */
  readonly notify: (topic: string, subject: string, text: string) => Promise<void>;
  /** Where the lock of the recovery is. */
  readonly ssm: SSMClient;
  /** Proves the identity of whoever starts a run, or answers a question. */
  readonly identify: Identify;
}

export function awsSharedPorts(): SharedPorts {
  const s3 = new S3Client();
  const kms = new KMSClient();
  const sns = new SNSClient();
  const secrets = new SecretsManagerClient();
  return {
    definition: deployedDefinition(),
    rds: new RDSClient(),
    ssm: new SSMClient(),
    clock: Date.now,
    secret: async (id) => (await secrets.send(new GetSecretValueCommand({ SecretId: id }))).SecretString ?? '',
    chain: (of) => new RecoveryChain(s3, of.evidenceBucket, of, kmsSigner(kms, of.signingKey)),
    notify: async (TopicArn, subject, Message) => {
      // SNS takes 100 printable ASCII characters of a subject.
      const Subject = subject.replace(/[^ -~]/g, '?').slice(0, 100);
      await sns.send(new PublishCommand({ TopicArn, Subject, Message }));
    },
    identify: identifyBySts(),
  };
}
