/** What a recovery may do with secrets. */
import type { Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { allow } from '../function/statements';

/** The ARN of a secret imported by its name has six unknown characters more. */
export const secretArn = (secret: secretsmanager.ISecret): string =>
  secret.secretFullArn ?? `${secret.secretArn}-??????`;

export const readSecret = (stack: Stack, secret: secretsmanager.ISecret): iam.PolicyStatement[] => [
  allow(['secretsmanager:GetSecretValue'], [secretArn(secret)]),
  ...useOfSecretKey(stack, secret, ['kms:Decrypt']),
];

/** Only through Secrets Manager, and only a customer managed key that synth knows: AWS's own needs no permission. */
export function useOfSecretKey(
  stack: Stack,
  { encryptionKey }: secretsmanager.ISecret,
  actions: string[],
): iam.PolicyStatement[] {
  if (!encryptionKey) return [];
  return [
    allow(actions, [encryptionKey.keyArn], {
      StringEquals: { 'kms:ViaService': `secretsmanager.${stack.region}.amazonaws.com` },
    }),
  ];
}
