/**
 * Warns of copies into other accounts that would fail because the other account can't use the key: recovery points that
 * AWS Backup doesn't fully manage stay encrypted with the resource's own key until they are copied. Called once the app
 * is complete, since key policies may change until then.
 * https://docs.aws.amazon.com/aws-backup/latest/devguide/create-cross-account-backup.html
 */
import { Annotations, CfnResource, Stack, Token } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type { Construct } from 'constructs';
import type { BackupTarget } from './backup-target';
import type { VaultCopy } from './vault-copy';

export function warnOfForeignCopies(
  scope: Construct,
  targets: readonly BackupTarget[],
  copies: readonly VaultCopy[],
): void {
  const { account } = Stack.of(scope);
  const others = copies
    .map((copy) => copy.account(scope))
    .filter((other) => other !== undefined && !Token.isUnresolved(account) && other !== account);
  for (const other of new Set(others)) {
    for (const { resource } of targets) if (resource && other) warnOfKey(scope, resource, other);
  }
}

function warnOfKey(scope: Construct, resource: CfnResource, account: string): void {
  const { encrypted, keyId, service } = encryptionOf(resource);
  if (encrypted !== true) return;
  if (keyId === undefined) {
    Annotations.of(scope).addWarningV2(
      'lifeboat:copy-needs-a-key-of-your-own',
      `${resource.node.path} is encrypted with the AWS managed key for ${service}, which account ${account} can't use, so ` +
        `copies into that account would fail; copy a snapshot with a key of your own that allows ${account}, restore it as a new ` +
        'resource, and switch to that. Do not set that key on the existing resource: CloudFormation would replace a database with an empty one',
    );
    return;
  }
  const key = keyOf(resource, keyId);
  if (!key) return;
  const policy = JSON.stringify(Stack.of(key).resolve(key.keyPolicy) ?? {});
  if (policy.includes(account) || policy.includes('aws:PrincipalOrg')) return;
  Annotations.of(scope).addWarningV2(
    'lifeboat:copy-needs-the-key',
    `${resource.node.path} is encrypted with ${key.node.path}, whose policy does not allow account ${account}, so copies into ` +
      `that account would fail; call key.grantEncryptDecrypt(new iam.AccountPrincipal('${account}')), and allow it kms:CreateGrant`,
  );
}

function encryptionOf(resource: CfnResource): { encrypted?: unknown; keyId?: unknown; service: string } {
  switch (resource.cfnResourceType) {
    case 'AWS::RDS::DBInstance':
    case 'AWS::RDS::DBCluster': {
      const { storageEncrypted, kmsKeyId } = resource as rds.CfnDBInstance | rds.CfnDBCluster;
      return { encrypted: storageEncrypted, keyId: kmsKeyId, service: 'RDS' };
    }
    case 'AWS::EC2::Volume': {
      const { encrypted, kmsKeyId } = resource as ec2.CfnVolume;
      return { encrypted, keyId: kmsKeyId, service: 'EBS' };
    }
    default:
      return { service: '' };
  }
}

/** A key of the same stack. Policies of keys in other stacks and accounts are unknown at synth. */
function keyOf(resource: CfnResource, keyId: unknown): kms.CfnKey | undefined {
  const stack = Stack.of(resource);
  const referred = JSON.stringify(stack.resolve(keyId));
  return stack.node
    .findAll()
    .find(
      (other): other is kms.CfnKey =>
        CfnResource.isCfnResource(other) &&
        other.cfnResourceType === 'AWS::KMS::Key' &&
        referred.includes(`"${stack.resolve(other.logicalId)}"`),
    );
}
