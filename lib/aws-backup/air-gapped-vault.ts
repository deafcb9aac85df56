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
   * The shortest retention that recovery points may have, in whole days: at least 7. The vault is locked in compliance
   * mode from its first day: no one, AWS included, can delete a recovery point earlier.
   * https://docs.aws.amazon.com/aws-backup/latest/devguide/logicallyairgappedvault.html
   */
  readonly minRetention: Duration;

  /** The longest retention that recovery points may have, in whole days. */
  readonly maxRetention: Duration;

  /**
   * Encrypts its recovery points.
   *
   * @default - a key that AWS Backup owns outside this account: an attacker with control of the account can't delete it
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
 * A logically air-gapped vault, kept outside the account that fills it and locked in compliance mode. The account can
 * only restore its recovery points. It can be shared with a recovery account.
 *
 * For Aurora, S3, EBS and EFS; not for RDS instances.
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
      `'vaultName' is '${vaultName}', not 2 to 50 letters, digits, hyphens and underscores, so AWS Backup would refuse it; ` +
        'rename the vault',
    );
  }
  if (least !== undefined && !(Number.isInteger(least) && least >= 7)) {
    problems.push(
      `'minRetention' is ${minRetention.toHumanString()}, not whole days from 7, so AWS Backup would refuse it; set at least 7 days`,
    );
  }
  if (most !== undefined && !(Number.isInteger(most) && most >= Math.max(least ?? 7, 7) && most <= 36_500)) {
    problems.push(
      `'maxRetention' is ${maxRetention.toHumanString()}, not whole days between 'minRetention' and 36500, so AWS Backup ` +
        'would refuse it; set one between them',
    );
  }
  return problems;
}
