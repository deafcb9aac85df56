import { RemovalPolicy, Token } from 'aws-cdk-lib';
import * as backup from 'aws-cdk-lib/aws-backup';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { ownKey } from '../function/log-key';
import { enclosingPlan, removalPolicyOf } from '../synth/enclosing-plan';
import { warnOfFleetingKey } from '../synth/kept-keys';
import { Mark } from '../synth/marks';
import { accountIdProblem } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';
import { VaultAlarms } from './vault-alarms';
import { VaultLock } from './vault-lock';

export interface ProtectedVaultProps {
  /**
   * Name of the vault: 2 to 50 letters, digits, hyphens and underscores. Give one to a vault that another region or
   * account copies into: their stacks then name the vault without a reference to this one.
   *
   * @default - a name that CDK makes of the path
   */
  readonly vaultName?: string;

  /**
   * The lock that protects its recovery points.
   *
   * @default VaultLock.governance(): at least 7 days; anyone with permission to remove the lock can undo it
   */
  readonly lock?: VaultLock;

  /**
   * Encrypts the recovery points of resources that AWS Backup manages fully, and copies of all others. Its key policy
   * must delegate to IAM, as policies of CDK's keys do.
   *
   * @default - the key of the enclosing plan; without one, a key of the vault's own, rotated yearly, retained
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * 12-digit IDs of accounts that may copy recovery points into this vault. AWS Organizations must also allow copies
   * between accounts.
   * https://docs.aws.amazon.com/aws-backup/latest/devguide/create-cross-account-backup.html
   *
   * @default - only this account
   */
  readonly copiesFrom?: string[];

  /**
   * Topic to notify when a job of this vault fails or expires.
   *
   * @default - the `notify` of the enclosing plan; without one, alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

const made = new Mark<true>('protected-vault');

/** A protected vault has its own alarms for jobs that fail. */
export const hasOwnAlarms = (vault: backup.IBackupVault): boolean => made.on(vault) === true;

const PROPS: PropsOf<ProtectedVaultProps> = {
  vaultName: true,
  lock: true,
  encryptionKey: true,
  copiesFrom: true,
  notify: true,
};

/**
 * A vault whose recovery points can't be deleted early: encrypted with a key of its own, locked, and retained when its
 * stack is deleted. Its policy denies deletion as well, so removing the lock alone is not enough.
 */
export class ProtectedVault extends Construct {
  public readonly vault: backup.IBackupVault;
  /** Encrypts its recovery points. */
  public readonly encryptionKey: kms.IKey;

  constructor(scope: Construct, id: string, props: ProtectedVaultProps = {}) {
    super(scope, id);
    checkProps(this, props, PROPS);
    refuseAll(`vault '${this.node.path}'`, problemsOf(props));
    const lock = props.lock ?? VaultLock.governance();
    warnOfFleetingKey(this, props.encryptionKey?.keyArn);
    this.encryptionKey = props.encryptionKey ?? enclosingPlan(this)?.encryptionKey ?? ownKey(this);
    const vault = new backup.BackupVault(this, 'Vault', {
      backupVaultName: props.vaultName,
      encryptionKey: this.encryptionKey,
      blockRecoveryPointDeletion: true,
      lockConfiguration: {
        minRetention: lock.minRetention,
        maxRetention: lock.maxRetention,
        changeableFor: lock.changeableFor,
      },
      // A first deployment that fails leaves no empty vault behind, whose name the second one would find taken.
      removalPolicy: removalPolicyOf(this, RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE),
    });
    if (props.copiesFrom?.length) {
      vault.addToAccessPolicy(
        new iam.PolicyStatement({
          principals: props.copiesFrom.map((account) => new iam.AccountPrincipal(account)),
          actions: ['backup:CopyIntoBackupVault'],
          resources: ['*'],
        }),
      );
    }
    this.vault = vault;
    made.put(vault, true);
    new VaultAlarms(this, 'Alarms', { vault, notify: props.notify });
  }
}

function problemsOf({ vaultName, copiesFrom = [] }: ProtectedVaultProps): string[] {
  const problems = copiesFrom.flatMap(
    (account) => accountIdProblem(account, 'no account could copy into this vault') ?? [],
  );
  if (vaultName !== undefined && !Token.isUnresolved(vaultName) && !/^[A-Za-z0-9_-]{2,50}$/.test(vaultName)) {
    problems.push(
      `'vaultName' is '${vaultName}', not 2 to 50 letters, digits, hyphens and underscores, so AWS Backup would refuse it; ` +
        'rename the vault',
    );
  }
  return problems;
}
