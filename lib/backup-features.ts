/**
 * What AWS Backup can do with which kind of resource. What it can't do it ignores or fails, each night.
 * https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-feature-availability.html#features-by-resource
 */

/** As AWS Backup names it in metrics and restore tests, but for Multi-AZ clusters, which it counts as RDS. */
export type BackedUp = 'RDS' | 'RDS Multi-AZ cluster' | 'Aurora' | 'S3' | 'EBS' | 'EC2' | 'EFS';

interface Features {
  /** Recovery points can be moved to cold storage. */
  readonly cold: boolean;
  /** Any second of the last days can be restored. */
  readonly continuous: boolean;
  /** Recovery points can be copied into other regions and accounts. */
  readonly copies: boolean;
  /** They can go to a logically air-gapped vault. */
  readonly airGapped: boolean;
}

export const FEATURES: Record<BackedUp, Features> = {
  RDS: { cold: false, continuous: true, copies: true, airGapped: false },
  'RDS Multi-AZ cluster': { cold: false, continuous: false, copies: false, airGapped: false },
  Aurora: { cold: false, continuous: true, copies: true, airGapped: true },
  S3: { cold: false, continuous: true, copies: true, airGapped: true },
  EBS: { cold: true, continuous: false, copies: true, airGapped: true },
  EC2: { cold: false, continuous: false, copies: true, airGapped: true },
  EFS: { cold: true, continuous: false, copies: true, airGapped: true },
};
