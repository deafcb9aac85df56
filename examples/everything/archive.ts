/** A bucket for exports and dumps: each tier expires on its own, and all is replicated into the other region. */
import { Duration } from 'aws-cdk-lib';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { ArchiveBucket, ArchiveTier, StorageTransition } from '../../lib';
import { ARCHIVE_WEST, WEST } from './west';

export function addArchive(scope: Construct, notify: sns.ITopic): s3.IBucket {
  const cold = (days: number) => StorageTransition.glacierFlexibleRetrieval(Duration.days(days));
  return new ArchiveBucket(scope, 'Archive', {
    tiers: [
      ArchiveTier.daily({ expireAfter: Duration.days(30) }),
      ArchiveTier.weekly({ expireAfter: Duration.days(90) }),
      ArchiveTier.monthly({ transitions: [cold(30)], expireAfter: Duration.days(365) }),
      ArchiveTier.yearly({ transitions: [cold(30)], expireAfter: Duration.days(7 * 365) }),
      ArchiveTier.prefixed('weekly-sessions-', { expireAfter: Duration.days(365) }),
    ],
    replication: { bucketName: ARCHIVE_WEST, region: WEST },
    notify,
  }).bucket;
}
