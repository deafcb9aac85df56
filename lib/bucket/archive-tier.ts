/**
 * How long one generation of backups is kept, and in which storage class.
 *
 * A lifecycle distinguishes objects only by their keys: a daily backup never becomes a yearly one, so each backup must
 * be written under its tier's prefix.
 */
import { Duration } from 'aws-cdk-lib';
import type { CfnBucket } from 'aws-cdk-lib/aws-s3';

/** What happens to versions that were overwritten or deleted. */
export interface NoncurrentVersions {
  /** How long after its replacement a version is deleted permanently: whole days, at least 1. */
  readonly expireAfter: Duration;
  /**
   * How many of the newest replaced versions are kept at any age, 1 to 100.
   *
   * @default - none
   */
  readonly keepNewest?: number;
  /**
   * Moves to cheaper classes, counted from the day of replacement.
   *
   * @default - they stay in the class they were in
   */
  readonly transitions?: StorageTransition[];
}

export interface ArchiveTierOptions {
  /**
   * When objects move to a cheaper class, in any order.
   *
   * @default - they stay in the class they were written to
   */
  readonly transitions?: StorageTransition[];
  /**
   * When objects are deleted: whole days after they were written. In a versioned bucket they are deleted permanently
   * only when `noncurrentVersions` have expired, too.
   *
   * @default - never
   */
  readonly expireAfter?: Duration;
  /**
   * What happens to versions that were overwritten, deleted or expired.
   *
   * @default - deleted permanently after 30 days
   */
  readonly noncurrentVersions?: NoncurrentVersions;
}

export class ArchiveTier {
  /** Objects under `daily/`. */
  public static daily(options: ArchiveTierOptions): ArchiveTier {
    return new ArchiveTier('daily/', options);
  }

  /** Objects under `weekly/`. */
  public static weekly(options: ArchiveTierOptions): ArchiveTier {
    return new ArchiveTier('weekly/', options);
  }

  /** Objects under `monthly/`. */
  public static monthly(options: ArchiveTierOptions): ArchiveTier {
    return new ArchiveTier('monthly/', options);
  }

  /** Objects under `yearly/`. */
  public static yearly(options: ArchiveTierOptions): ArchiveTier {
    return new ArchiveTier('yearly/', options);
  }

  /**
   * Objects whose keys start with a prefix.
   *
   * @param prefix of keys, without a leading slash, as in 'exports/cache/'
   */
  public static prefixed(prefix: string, options: ArchiveTierOptions): ArchiveTier {
    if (prefix === '' || prefix.startsWith('/')) {
      throw new Error(
        `'prefix' of an archive tier is '${prefix}', and ${prefix === '' ? 'an empty prefix means all objects' : 'keys start without a slash'}, ` +
          `so the tier would not contain what its name says; ${prefix === '' ? 'use ArchiveTier.everything()' : `write '${prefix.replace(/^\/+/, '')}'`}`,
      );
    }
    return new ArchiveTier(prefix, options);
  }

  /** All objects of the bucket. If tiers overlap, S3 applies the one that deletes first. */
  public static everything(options: ArchiveTierOptions): ArchiveTier {
    return new ArchiveTier('', options);
  }

  private constructor(
    /** Prefix of its objects' keys; empty for all. */
    public readonly prefix: string,
    private readonly options: ArchiveTierOptions,
  ) {}

  /** The tier as a CloudFormation property, before limits are checked. */
  public get rule(): CfnBucket.RuleProperty {
    const { transitions, expireAfter } = this.options;
    const noncurrent = this.options.noncurrentVersions ?? { expireAfter: Duration.days(30) };
    return {
      id: this.prefix.replace(/\/$/, '') || 'everything',
      status: 'Enabled',
      ...(this.prefix && { prefix: this.prefix }),
      transitions: inOrder(transitions)?.map(({ storageClass, after }) => ({
        storageClass,
        transitionInDays: daysOf(after),
      })),
      expirationInDays: expireAfter && daysOf(expireAfter),
      noncurrentVersionTransitions: inOrder(noncurrent.transitions)?.map(({ storageClass, after }) => ({
        storageClass,
        transitionInDays: daysOf(after),
        newerNoncurrentVersions: noncurrent.keepNewest,
      })),
      noncurrentVersionExpiration: {
        noncurrentDays: daysOf(noncurrent.expireAfter),
        newerNoncurrentVersions: noncurrent.keepNewest,
      },
    };
  }
}

/** As a number of days, which may be a fraction: the limits report that, with all other problems. */
export const daysOf = (duration: Duration) =>
  duration.isUnresolved() ? duration.toDays() : duration.toDays({ integral: false });

function inOrder(transitions: StorageTransition[] | undefined): StorageTransition[] | undefined {
  if (!transitions || transitions.some(({ after }) => after.isUnresolved())) return transitions;
  return [...transitions].sort((one, other) => daysOf(one.after) - daysOf(other.after));
}

/**
 * When objects move to a cheaper storage class. Each next class is cheaper to store, more expensive to read, and billed
 * for a minimum of days.
 */
export class StorageTransition {
  /**
   * STANDARD_IA: readable at once, for a fee; billed for at least 30 days and 128 KB an object.
   *
   * @param after whole days after the object was written, at least 30
   */
  public static standardInfrequentAccess(after: Duration): StorageTransition {
    return new StorageTransition('STANDARD_IA', after);
  }

  /**
   * Glacier Instant Retrieval: readable at once, for a higher fee; billed for at least 90 days and 128 KB an object.
   *
   * @param after whole days after the object was written
   */
  public static glacierInstantRetrieval(after: Duration): StorageTransition {
    return new StorageTransition('GLACIER_IR', after);
  }

  /**
   * Glacier Flexible Retrieval: retrieved in minutes to hours; billed for at least 90 days.
   *
   * @param after whole days after the object was written
   */
  public static glacierFlexibleRetrieval(after: Duration): StorageTransition {
    return new StorageTransition('GLACIER', after);
  }

  /**
   * Glacier Deep Archive: retrieved in 12 to 48 hours, which count towards the recovery time; billed for at least 180
   * days.
   *
   * @param after whole days after the object was written
   */
  public static deepArchive(after: Duration): StorageTransition {
    return new StorageTransition('DEEP_ARCHIVE', after);
  }

  private constructor(
    /** CloudFormation's name of the class. */
    public readonly storageClass: string,
    public readonly after: Duration,
  ) {}
}
