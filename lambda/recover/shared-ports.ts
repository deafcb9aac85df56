/** What recoveries of a database and of tables reach alike. */
import type { KMSClient } from '@aws-sdk/client-kms';
import { RDSClient } from '@aws-sdk/client-rds';
import type { S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import type { SSMClient } from '@aws-sdk/client-ssm';
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

/** Clients that other ports use as well: each is made once. */
export interface SharedClients {
  readonly s3: S3Client;
  readonly kms: KMSClient;
  readonly ssm: SSMClient;
  readonly secrets: SecretsManagerClient;
}

export function awsSharedPorts({ s3, kms, ssm, secrets }: SharedClients): SharedPorts {
  const sns = new SNSClient();
  return {
    definition: deployedDefinition(),
    rds: new RDSClient(),
    ssm,
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
