/** For auditors: why this example does not follow some rules of cdk-nag's packs. */
import { Validations } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

export function acknowledge(on: Construct, reason: string, ...rules: string[]): void {
  Validations.of(on).acknowledge(...rules.map((id) => ({ id, reason })));
}

/** Rules that ask for rotation of secrets. */
export const ROTATION = [
  'AwsSolutions-SMG4',
  'NIST.800.53.R5-SecretsManagerRotationEnabled',
  'HIPAA.Security-SecretsManagerRotationEnabled',
];
