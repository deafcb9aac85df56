import { Duration } from 'aws-cdk-lib';
import { ArchiveTier, StorageTransition } from '../bucket/archive-tier';

/** The tier of a dump, which is the start of its key, so that a lifecycle can select it. */
export enum DumpTier {
  /** All other dumps. */
  DAILY = 'daily',
  /** The first readable dump of each week, by ISO 8601. */
  WEEKLY = 'weekly',
  /** The first readable dump of each month. */
  MONTHLY = 'monthly',
  /** The first readable dump of each year. */
  YEARLY = 'yearly',
}

const TIERS = [DumpTier.YEARLY, DumpTier.MONTHLY, DumpTier.WEEKLY, DumpTier.DAILY];

/** Tiers in the order in which a dump looks for one without a dump; all if none are stated. */
export const rarestFirst = (tiers: readonly DumpTier[] = TIERS) => TIERS.filter((tier) => tiers.includes(tier));

/** Retentions of GFS rotation, in the cheapest storage class for each. */
export function dumpLifecycle(tiers: readonly DumpTier[]): ArchiveTier[] {
  const all = {
    daily: ArchiveTier.daily({ expireAfter: Duration.days(30) }),
    weekly: ArchiveTier.weekly({ expireAfter: Duration.days(90) }),
    monthly: ArchiveTier.monthly({
      transitions: [StorageTransition.glacierInstantRetrieval(Duration.days(30))],
      expireAfter: Duration.days(365),
    }),
    yearly: ArchiveTier.yearly({
      transitions: [StorageTransition.deepArchive(Duration.days(90))],
      expireAfter: Duration.days(7 * 365 + 2),
    }),
  };
  // Each dump overwrites the success marker.
  return [...tiers.map((tier) => all[tier]), ArchiveTier.prefixed('dumps/', {})];
}
