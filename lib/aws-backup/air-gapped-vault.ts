import type { Duration } from 'aws-cdk-lib';
import { RemovalPolicy, Token } from 'aws-cdk-lib';
import { CfnLogicallyAirGappedBackupVault } from 'aws-cdk-lib/aws-backup';
import type * as kms from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { removalPolicyOf } from '../synth/enclosing-plan';
import { warnOfFleetingKey } from '../synth/kept-keys';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';
import { known } from '../synth/tokens';

export interface AirGappedVaultProps {
  /** Name of the vault: 2 to 50 letters, digits, hyphens and underscores. */
  readonly vaultName: string;

  /**
   * The shortest retention that recovery points may have, in whole days: 7 at least. The vault is locked in compliance
   * mode from its first day: nobody deletes a recovery point earlier, AWS included.
   * https://docs.aws.amazon.com/aws-backup/latest/devguide/logicallyairgappedvault.html
   */
  readonly minRetention: Duration;

  /** The longest retention that recovery points may have, in whole days. */
  readonly maxRetention: Duration;

  /**
   * Encrypts its recovery points.
   *
   * @default - a key that AWS Backup owns, outside of this account: who takes the account over can't delete it
   */
  readonly encryptionKey?: kms.IKey;
}

const PROPS: PropsOf<AirGappedVaultProps> = {
  vaultName: true,
  minRetention: true,
  maxRetention: true,
  encryptionKey: true,
};

/**
 * A vault apart from the account that fills it: locked in compliance mode, its recovery points out of the account's
 * reach but for restoring, and shared with a recovery account where needed.
 *
 * RDS instances can't go there; Aurora, S3, EBS and EFS can.
 */
export class AirGappedVault extends Construct {
  public readonly vaultArn: string;
  /** Shortest retention accepted. */
  public readonly minRetention: Duration;
  /** Longest retention accepted. */
  public readonly maxRetention: Duration;

  constructor(scope: Construct, id: string, props: AirGappedVaultProps) {
    super(scope, id);
    checkProps(this, props, PROPS);
    this.minRetention = props.minRetention;
    this.maxRetention = props.maxRetention;
    refuseAll(`air-gapped vault '${this.node.path}'`, problemsOf(props));
    warnOfFleetingKey(this, props.encryptionKey?.keyArn);
    const vault = new CfnLogicallyAirGappedBackupVault(this, 'Vault', {
      backupVaultName: props.vaultName,
      minRetentionDays: props.minRetention.toDays(),
      maxRetentionDays: props.maxRetention.toDays(),
      encryptionKeyArn: props.encryptionKey?.keyArn,
    });
    // A first deployment that fails leaves no empty vault behind, whose name the second one would find taken.
    vault.applyRemovalPolicy(removalPolicyOf(this, RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE));
    this.vaultArn = vault.attrBackupVaultArn;
  }
}

function problemsOf({ vaultName, minRetention, maxRetention }: AirGappedVaultProps): string[] {
  const problems: string[] = [];
  const least = known(minRetention.toDays({ integral: false }));
  const most = known(maxRetention.toDays({ integral: false }));
  if (!Token.isUnresolved(vaultName) && !/^[A-Za-z0-9_-]{2,50}$/.test(vaultName)) {
    problems.push(
      `'${vaultName}' is not of 2 to 50 letters, digits, hyphens and underscores, so AWS Backup would refuse it; ` +
        'rename the vault',
    );
  }
  if (least !== undefined && !(Number.isInteger(least) && least >= 7)) {
    problems.push(
      `a minimum retention of ${minRetention.toHumanString()} is not of 7 whole days or more, so AWS Backup would refuse it; raise it to 7 days`,
    );
  }
  if (most !== undefined && !(Number.isInteger(most) && most >= Math.max(least ?? 7, 7) && most <= 36_500)) {
    problems.push(
      `a maximum retention of ${maxRetention.toHumanString()} is not of whole days from the minimum to 36500, so AWS Backup ` +
        'would refuse it; choose one between',
    );
  }
  return problems;
}
