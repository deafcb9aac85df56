/**
 * Copies into other accounts, whose jobs would fail for want of a key: what isn't fully managed by AWS Backup stays
 * encrypted with the resource's own key until it is there. Told once the app is whole, since keys may be told more until then.
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
      `${resource.node.path} is encrypted with the key that AWS keeps for ${service}, which account ${account} can't use, so ` +
        `copies into it would fail; copy a snapshot with a key of your own that lets ${account} use it, restore that as a new ` +
        'resource, and move to it. Do not set that key on this one: CloudFormation would replace a database with an empty one',
    );
    return;
  }
  const key = keyOf(resource, keyId);
  if (!key) return;
  const policy = JSON.stringify(Stack.of(key).resolve(key.keyPolicy) ?? {});
  if (policy.includes(account) || policy.includes('aws:PrincipalOrg')) return;
  Annotations.of(scope).addWarningV2(
    'lifeboat:copy-needs-the-key',
    `${resource.node.path} is encrypted with ${key.node.path}, whose policy does not let account ${account} use it, so copies into ` +
      `it would fail; say key.grantEncryptDecrypt(new iam.AccountPrincipal('${account}')), and let it create grants`,
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

/** A key of the same stack. What other stacks and accounts let whom do, synth can't see. */
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
