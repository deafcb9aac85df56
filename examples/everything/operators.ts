/** The topic of those who operate the stack, encrypted with a key that lets alarms publish to it. */
import { Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';

export interface Operators {
  /** Encrypts what a stack holds, the topic, logs, and backups. */
  readonly key: kms.Key;
  readonly operators: sns.Topic;
}

export function addOperators(scope: Construct): Operators {
  const key = new kms.Key(scope, 'Key', { enableKeyRotation: true });
  const { region } = Stack.of(scope);
  for (const service of ['cloudwatch.amazonaws.com', `logs.${region}.amazonaws.com`, 'backup.amazonaws.com']) {
    key.grantEncryptDecrypt(new iam.ServicePrincipal(service));
  }
  return { key, operators: new sns.Topic(scope, 'Operators', { masterKey: key, enforceSSL: true }) };
}
