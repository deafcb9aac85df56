import type { Duration } from 'aws-cdk-lib';

/**
 * When objects move to a cheaper storage class. Each class down is cheaper to keep, dearer to read, and billed for a
 * minimum of days.
 */
export class StorageTransition {
  /**
   * STANDARD_IA: read at once, for a fee; billed for at least 30 days and 128 KB an object.
   *
   * @param after whole days after the object was written, at least 30
   */
  public static standardInfrequentAccess(after: Duration): StorageTransition {
    return new StorageTransition('STANDARD_IA', after);
  }

  /**
   * Glacier Instant Retrieval: read at once, for a higher fee; billed for at least 90 days and 128 KB an object.
   *
   * @param after whole days after the object was written
   */
  public static glacierInstantRetrieval(after: Duration): StorageTransition {
    return new StorageTransition('GLACIER_IR', after);
  }

  /**
   * Glacier Flexible Retrieval: brought back in minutes to hours; billed for at least 90 days.
   *
   * @param after whole days after the object was written
   */
  public static glacierFlexibleRetrieval(after: Duration): StorageTransition {
    return new StorageTransition('GLACIER', after);
  }

  /**
   * Glacier Deep Archive: brought back in 12 to 48 hours, which belongs into the recovery time; billed for at least 180
   * days.
   *
   * @param after whole days after the object was written
   */
  public static deepArchive(after: Duration): StorageTransition {
    return new StorageTransition('DEEP_ARCHIVE', after);
  }

  private constructor(
    /** As CloudFormation writes it. */
    public readonly storageClass: string,
    public readonly after: Duration,
  ) {}
}
