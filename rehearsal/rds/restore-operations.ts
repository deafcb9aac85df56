/** RDS's two restores. Each makes a new instance, never over an old one. */
import type * as rds from '@aws-sdk/client-rds';
import { PointInTimeRestoreNotEnabledFault } from '@aws-sdk/client-rds';
import { notModelled, QueryError } from '../server/query-protocol';
import { Instance } from './instance';
import { REFUSED_UNLESS_OFF, refuseWhatIsOff, SETTINGS } from './instance-operations';
import { restoredSettings } from './instance-settings';
import { operation } from './operation';
import type { RdsRegion } from './region-state';
import type { Restorable } from './restorable';
import { notAvailable } from './snapshot-operations';
import { checkedTags } from './tags';

const SHARED = [
  ...SETTINGS.filter((name) => name !== 'MaxAllocatedStorage'),
  ...REFUSED_UNLESS_OFF.filter((name) => name !== 'MonitoringInterval' && name !== 'EnablePerformanceInsights'),
] as Exclude<
  (typeof SETTINGS)[number] | (typeof REFUSED_UNLESS_OFF)[number],
  'MaxAllocatedStorage' | 'MonitoringInterval' | 'EnablePerformanceInsights' | 'MultiTenant'
>[];

export const restoreOperations = [
  operation<rds.RestoreDBInstanceFromDBSnapshotMessage, rds.RestoreDBInstanceFromDBSnapshotResult>(
    'RestoreDBInstanceFromDBSnapshot',
    [...SHARED, 'DBInstanceIdentifier', 'DBSnapshotIdentifier', 'DBName', 'Engine', 'AvailabilityZone', 'Port', 'Tags'],
    async (region, input) => {
      refuseWhatIsOff(input);
      if (!input.DBSnapshotIdentifier) throw notModelled('restoring from anything but a DB snapshot');
      const snapshot = region.snapshot(input.DBSnapshotIdentifier);
      const name = region.freeInstanceName(input.DBInstanceIdentifier!);
      region.checkInstanceQuota();
      if (!snapshot.backup) throw notAvailable(snapshot);
      const settings = restoredSettings(region, snapshot.source.settings, input);
      // Tags are those of the instance when the snapshot was taken; passed ones replace them.
      const tags = input.Tags?.length ? checkedTags(input.Tags) : [...snapshot.source.tags];
      const instance = new Instance(region, name, settings, tags);
      instance.restore({ backup: snapshot.backup }, `Restored from snapshot ${snapshot.identifier}`);
      return { DBInstance: await instance.describe() };
    },
  ),

  operation<rds.RestoreDBInstanceToPointInTimeMessage, rds.RestoreDBInstanceToPointInTimeResult>(
    'RestoreDBInstanceToPointInTime',
    [
      ...SHARED,
      'MaxAllocatedStorage',
      'SourceDBInstanceIdentifier',
      'SourceDbiResourceId',
      'SourceDBInstanceAutomatedBackupsArn',
      'TargetDBInstanceIdentifier',
      'RestoreTime',
      'UseLatestRestorableTime',
      'DBName',
      'Engine',
      'AvailabilityZone',
      'Port',
      'Tags',
    ],
    async (region, input) => {
      refuseWhatIsOff(input);
      if ((input.RestoreTime !== undefined) === (input.UseLatestRestorableTime === true)) {
        throw new QueryError(
          'InvalidParameterCombination',
          'Exactly one of RestoreTime and UseLatestRestorableTime must be specified.',
        );
      }
      const source = sourceOf(region, input);
      const name = region.freeInstanceName(input.TargetDBInstanceIdentifier!);
      region.checkInstanceQuota();
      const settings = restoredSettings(region, source.source.settings, input);
      const recovery = await source.recoveryTo(input.RestoreTime);
      // Another request may have taken the name while the archive was read.
      region.freeInstanceName(name);
      const tags = input.Tags?.length ? checkedTags(input.Tags) : [...source.inheritedTags];
      const instance = new Instance(region, name, settings, tags);
      const moment = input.RestoreTime?.toISOString() ?? 'the latest restorable time';
      instance.restore(recovery, `Restored from DB instance ${source.source.identifier} to ${moment}`);
      return { DBInstance: await instance.describe() };
    },
  ),
];

function sourceOf(region: RdsRegion, input: rds.RestoreDBInstanceToPointInTimeMessage): Restorable {
  const named = [
    input.SourceDBInstanceIdentifier,
    input.SourceDbiResourceId,
    input.SourceDBInstanceAutomatedBackupsArn,
  ];
  if (named.filter((name) => name !== undefined).length !== 1) {
    const message =
      'Exactly one of SourceDBInstanceIdentifier, SourceDbiResourceId and SourceDBInstanceAutomatedBackupsArn must be specified.';
    throw new QueryError('InvalidParameterCombination', message);
  }
  const [name, resourceId, arn] = named;
  if (name !== undefined) return withBackups(region.instance(name).automated);
  return withBackups(resourceId !== undefined ? region.backupOf(resourceId) : region.restorable(arn!));
}

function withBackups(backup: Restorable): Restorable {
  if (backup.source.settings.BackupRetentionPeriod > 0) return backup;
  const message = `Point in time restore is not enabled for ${backup.source.identifier}: its backup retention period is 0.`;
  throw new PointInTimeRestoreNotEnabledFault({ message, $metadata: {} });
}
