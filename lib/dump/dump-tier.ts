import { Duration } from 'aws-cdk-lib';
import { ArchiveTier, StorageTransition } from '../bucket/archive-tier';

/** For how long a dump is meant. It is the start of its key, so that a lifecycle can tell. */
export enum DumpTier {
  /** Whatever is no weekly, monthly or yearly one. */
  DAILY = 'daily',
  /** The first readable dump of each week, by ISO 8601. */
  WEEKLY = 'weekly',
  /** The first readable dump of each month. */
  MONTHLY = 'monthly',
  /** The first readable dump of each year. */
  YEARLY = 'yearly',
}

const TIERS = [DumpTier.YEARLY, DumpTier.MONTHLY, DumpTier.WEEKLY, DumpTier.DAILY];

/** In the order in which a dump looks for its tier; all of them where none is named. */
export const rarestFirst = (tiers: readonly DumpTier[] = TIERS) => TIERS.filter((tier) => tiers.includes(tier));

/** The numbers of a backup scheme by grandfather, father and son, in the cheapest class that pays off in that time. */
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
  // What says which dump is the newest readable one is replaced by each.
  return [...tiers.map((tier) => all[tier]), ArchiveTier.prefixed('dumps/', {})];
}
