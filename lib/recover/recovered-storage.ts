import type * as kms from 'aws-cdk-lib/aws-kms';

/** How the recovered database is encrypted if the damaged one is not. An encrypted one keeps its key. */
export class RecoveredStorage {
  /**
   * Encrypted, by a copy of the snapshot that it is restored from, which takes longer.
   *
   * @param key its key policy must delegate to IAM, as policies of CDK's keys do
   */
  public static encrypted(key: kms.IKey): RecoveredStorage {
    return new RecoveredStorage(key);
  }

  /** Not encrypted, as the damaged one is: faster, and what data protection rules may forbid. */
  public static unencrypted(): RecoveredStorage {
    return new RecoveredStorage(undefined);
  }

  private constructor(
    /** The key; undefined for a database that stays unencrypted. */
    public readonly encryptionKey: kms.IKey | undefined,
  ) {}
}
