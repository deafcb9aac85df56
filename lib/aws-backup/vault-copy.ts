import { Arn, ArnFormat, type Duration, Stack, Token } from 'aws-cdk-lib';
import type * as backup from 'aws-cdk-lib/aws-backup';
import type { IConstruct } from 'constructs';
import { regionNameProblem } from '../synth/names';

export interface VaultCopyOptions {
  /**
   * How long a copy is kept, in whole days.
   *
   * @default - as long as the original
   */
  readonly retention?: Duration;

  /**
   * After how long a copy goes to cold storage, in whole days. It stays there for at least 90 days.
   *
   * @default - never
   */
  readonly coldAfter?: Duration;

  /**
   * Names of the tiers whose recovery points are copied.
   *
   * @default - all
   */
  readonly tiers?: string[];

  /**
   * An alarm fires after this long without a completed copy: 1 to 29 whole days, since AWS Backup lists jobs of the
   * last 30.
   * https://docs.aws.amazon.com/aws-backup/latest/devguide/API_ListCopyJobs.html
   *
   * @default - the longest gap of the most frequent tier that is copied, and one day; if that is more than 29 days
   * synth warns, and there is no such alarm
   */
  readonly missingAfter?: Duration;
}

/**
 * A copy into another vault. AWS Backup encrypts each copy with the key of the vault that it goes into, so the other
 * region needs no other key.
 */
export class VaultCopy {
  /** Into a vault that this app creates or imports. */
  public static to(vault: backup.IBackupVault, options: VaultCopyOptions = {}): VaultCopy {
    return new VaultCopy(() => vault.backupVaultArn, options, vault);
  }

  /**
   * Into a vault of this account in another region, by name, without a reference to the other region's stack.
   *
   * @param vaultName 2 to 50 letters, digits, hyphens and underscores
   * @throws Error when the vault name or the region name is not valid
   */
  public static toRegion(region: string, vaultName: string, options: VaultCopyOptions = {}): VaultCopy {
    const unknown = regionNameProblem(region);
    if (unknown) throw new Error(`copies into vault '${vaultName}': ${unknown}`);
    if (!Token.isUnresolved(vaultName) && !/^[A-Za-z0-9_-]{2,50}$/.test(vaultName)) {
      throw new Error(
        `'vaultName' is '${vaultName}', not 2 to 50 letters, digits, hyphens and underscores, so nothing would be copied to ` +
          `${region}; use the name of the vault there`,
      );
    }
    const arn = (scope: IConstruct) =>
      Stack.of(scope).formatArn({
        service: 'backup',
        region,
        resource: 'backup-vault',
        resourceName: vaultName,
        arnFormat: ArnFormat.COLON_RESOURCE_NAME,
      });
    return new VaultCopy(arn, options);
  }

  /**
   * Into any vault, for example of another account. That vault's policy must allow this account to copy into it, and
   * AWS Organizations must allow copies between accounts.
   *
   * @param vaultArn as in `arn:aws:backup:us-west-2:111122223333:backup-vault:Orders`
   * @throws Error when it is not the ARN of a backup vault
   */
  public static toArn(vaultArn: string, options: VaultCopyOptions = {}): VaultCopy {
    if (!Token.isUnresolved(vaultArn) && !/^arn:[\w-]+:backup:[\w-]+:\d{12}:backup-vault:[\w.-]+$/.test(vaultArn)) {
      throw new Error(
        `'vaultArn' is '${vaultArn}', not the ARN of a backup vault, so AWS Backup would refuse the plan; write it as in ` +
          `'arn:aws:backup:us-west-2:111122223333:backup-vault:Orders'`,
      );
    }
    return new VaultCopy(() => vaultArn, options);
  }

  /** How long a copy is kept; if absent, as long as the original. */
  public readonly retention?: Duration;
  /** After how long a copy goes to cold storage. */
  public readonly coldAfter?: Duration;
  /** Names of the tiers that are copied; if absent, all. */
  public readonly tiers?: readonly string[];
  /** An alarm fires after this long without a completed copy. */
  public readonly missingAfter?: Duration;

  private constructor(
    private readonly arn: (scope: IConstruct) => string,
    options: VaultCopyOptions,
    /** The vault, if it is a construct of this app. */
    public readonly vault?: backup.IBackupVault,
  ) {
    this.retention = options.retention;
    this.coldAfter = options.coldAfter;
    this.tiers = options.tiers;
    this.missingAfter = options.missingAfter;
  }

  /** ARN of the vault, for use in a construct. */
  public vaultArn(scope: IConstruct): string {
    return this.arn(scope);
  }

  /** Account of the vault, if known at synth. */
  public account(scope: IConstruct): string | undefined {
    const arn = this.arn(scope);
    if (Token.isUnresolved(arn)) return undefined;
    return Arn.split(arn, ArnFormat.COLON_RESOURCE_NAME).account;
  }
}
