/**
 * AWS Backup beside the plan: tiers in a locked vault, copies in another region, and restore tests that are checked.
 */
import { Duration } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import {
  BackupAudit,
  BackupControl,
  BackupTarget,
  BackupTier,
  BackupTiers,
  type IDrillSite,
  ProtectedVault,
  Recurrence,
  RestoreTesting,
  TestedRecoveryPoints,
  VaultCopy,
  VaultLock,
  Weekday,
} from '../../lib';
import { VAULT_WEST, WEST } from './west';

export interface AwsBackupProps {
  readonly database: rds.DatabaseInstance;
  /** The plan's, so that all drills share one network, one examiner and one place of evidence. */
  readonly site: IDrillSite;
  readonly vpc: ec2.IVpc;
  readonly key: kms.IKey;
  readonly notify: sns.ITopic;
}

export function addAwsBackup(scope: Construct, { database, site, vpc, key, notify }: AwsBackupProps): void {
  const files = new efs.FileSystem(scope, 'Uploads', { vpc, encrypted: true, kmsKey: key });
  const { vault } = new ProtectedVault(scope, 'Vault', {
    lock: VaultLock.governance({ minRetention: Duration.days(7) }),
    notify,
  });
  const west = VaultCopy.toRegion(WEST, VAULT_WEST, { retention: Duration.days(30), tiers: ['Daily'] });
  new BackupTiers(scope, 'Databases', {
    targets: [BackupTarget.database(database)],
    vault,
    copies: [west],
    notify,
  });
  new BackupTiers(scope, 'Files', {
    targets: [BackupTarget.fileSystem(files)],
    vault,
    tiers: [
      BackupTier.daily({ hour: 6 }),
      BackupTier.weekly({ weekday: Weekday.SUNDAY, hour: 7 }),
      BackupTier.monthly({ hour: 8, coldAfter: Duration.days(30) }),
      BackupTier.yearly({ hour: 9, coldAfter: Duration.days(30) }),
    ],
    copies: [west],
    notify,
  });
  new RestoreTesting(scope, 'RestoreTests', {
    vaults: [vault],
    schedule: Recurrence.quarterly({ hour: 10 }),
    recoveryPoints: TestedRecoveryPoints.random({ within: Duration.days(90) }),
    site,
    notify,
  }).addDatabase('OrdersFromVault', {
    database,
    objectives: { rpo: Duration.hours(24), rto: Duration.hours(4) },
  });
  new BackupAudit(scope, 'Audit', {
    controls: [BackupControl.protectedByPlan(), BackupControl.encrypted(), BackupControl.noManualDeletion()],
  });
}
