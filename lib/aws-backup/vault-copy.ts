import { Arn, ArnFormat, type Duration, Stack, Token } from 'aws-cdk-lib';
import type * as backup from 'aws-cdk-lib/aws-backup';
import type { IConstruct } from 'constructs';
import { regionNameProblem } from '../synth/names';

export interface VaultCopyOptions {
  /**
   * How long a copy is kept, in whole days.
   *
   * @default - as long as what it is a copy of
   */
  readonly retention?: Duration;

  /**
   * After how long a copy goes to cold storage, in whole days. It stays there for 90 days at least.
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
   * After how long without a completed copy an alarm fires: whole days, 29 at most, since AWS Backup lists jobs of the last 30 days.
   * https://docs.aws.amazon.com/aws-backup/latest/devguide/API_ListCopyJobs.html
   *
   * @default - the longest gap of the most frequent tier that is copied, and one day; where that is above 29 days synth
   * warns, and no alarm fires
   */
  readonly missingAfter?: Duration;
}

/**
 * Where else recovery points go. AWS Backup encrypts each copy with the key of the vault that it goes into, so the other
 * region needs no key of its own beside the vault's.
 */
export class VaultCopy {
  /** Into a vault that this app makes or imports. */
  public static to(vault: backup.IBackupVault, options: VaultCopyOptions = {}): VaultCopy {
    return new VaultCopy(() => vault.backupVaultArn, options, vault);
  }

  /**
   * Into a vault of this account in another region, agreed on by name: the other region's stack is not asked.
   *
   * @param vaultName 2 to 50 letters, digits, hyphens and underscores
   * @throws Error when no vault can have the name, or no region the other
   */
  public static toRegion(region: string, vaultName: string, options: VaultCopyOptions = {}): VaultCopy {
    const unknown = regionNameProblem(region);
    if (unknown) throw new Error(`copies into vault '${vaultName}': ${unknown}`);
    if (!Token.isUnresolved(vaultName) && !/^[A-Za-z0-9_-]{2,50}$/.test(vaultName)) {
      throw new Error(
        `no vault can be called '${vaultName}', so nothing would be copied to ${region}; name one of 2 to 50 letters, ` +
          'digits, hyphens and underscores',
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
   * Into any vault, of another account say. That vault must let this account copy into it, and AWS Organizations must
   * allow copies between accounts.
   *
   * @param vaultArn as in `arn:aws:backup:us-west-2:111122223333:backup-vault:Orders`
   * @throws Error when it is the ARN of something else
   */
  public static toArn(vaultArn: string, options: VaultCopyOptions = {}): VaultCopy {
    if (!Token.isUnresolved(vaultArn) && !/^arn:[\w-]+:backup:[\w-]+:\d{12}:backup-vault:[\w.-]+$/.test(vaultArn)) {
      throw new Error(
        `'${vaultArn}' is not the ARN of a backup vault, so AWS Backup would refuse the plan; write it as in ` +
          `'arn:aws:backup:us-west-2:111122223333:backup-vault:Orders'`,
      );
    }
    return new VaultCopy(() => vaultArn, options);
  }

  /** How long a copy is kept; as long as its source when absent. */
  public readonly retention?: Duration;
  /** After how long a copy goes to cold storage. */
  public readonly coldAfter?: Duration;
  /** Names of the tiers that are copied; all when absent. */
  public readonly tiers?: readonly string[];
  /** After how long without a completed copy an alarm fires. */
  public readonly missingAfter?: Duration;

  private constructor(
    private readonly arn: (scope: IConstruct) => string,
    options: VaultCopyOptions,
    /** The vault, where the app has it. */
    public readonly vault?: backup.IBackupVault,
  ) {
    this.retention = options.retention;
    this.coldAfter = options.coldAfter;
    this.tiers = options.tiers;
    this.missingAfter = options.missingAfter;
  }

  /** ARN of the vault, seen from a construct. */
  public vaultArn(scope: IConstruct): string {
    return this.arn(scope);
  }

  /** Account of the vault, where synth can tell. */
  public account(scope: IConstruct): string | undefined {
    const arn = this.arn(scope);
    if (Token.isUnresolved(arn)) return undefined;
    return Arn.split(arn, ArnFormat.COLON_RESOURCE_NAME).account;
  }
}
