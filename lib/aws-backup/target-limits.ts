/**
 * Compares a target's own settings with its tiers: windows that jobs would overlap, versioning, events, retention.
 * Called once the app is complete, since Mixins may set all of these later.
 */
import { Annotations, CfnResource, Stack, Token } from 'aws-cdk-lib';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type { IConstruct } from 'constructs';
import { windowProblems } from '../database/backup-settings';
import { backupSpans, dueInUtc, maintenanceSpans, meeting } from '../schedule/week';
import { known } from '../synth/tokens';
import type { BackupTarget } from './backup-target';
import type { BackupTier } from './backup-tier';

/** @returns what AWS Backup would refuse or fail on each night; adds warnings to the scope */
export function targetProblems(scope: IConstruct, tiers: readonly BackupTier[], target: BackupTarget): string[] {
  for (const tier of tiers) if (tier.kind === 'continuous') warnOfContinuous(scope, tier, target);
  const snapshots = tiers.filter(({ kind }) => kind === 'snapshot');
  return [...meetings(scope, snapshots, target), ...unversioned(target)];
}

function meetings(scope: IConstruct, snapshots: readonly BackupTier[], target: BackupTarget): string[] {
  const { kind, backupWindow, maintenanceWindow } = target;
  if (kind !== 'RDS' && kind !== 'RDS Multi-AZ cluster') return [];
  if (snapshots.length > 0 && target.resource && !(backupWindow && maintenanceWindow)) {
    Annotations.of(scope).addWarningV2(
      'lifeboat:windows-left-to-rds',
      `${target} states no backup or no maintenance window, so RDS picks one at random, and jobs that are due in it ` +
        'or within the hour before fail; state both windows',
    );
  }
  const refused = windowProblems(backupWindow, maintenanceWindow);
  if (refused.length > 0) return refused.map((problem) => `${target}: ${problem}`);
  const windows = [
    ['backup', backupWindow, backupSpans(backupWindow)],
    ['maintenance', maintenanceWindow, maintenanceSpans(maintenanceWindow)],
  ] as const;
  return snapshots.flatMap((tier) =>
    windows.flatMap(([what, window, spans]) => {
      const start = tier.startWithin.toMinutes();
      const met = meeting(dueInUtc(tier.schedule), start, spans);
      if (met === 'due in it') {
        return [
          `tier ${tier.name} is due (${tier.schedule.expression.expressionString}) during the ${what} window ${window} of ` +
            `${target} or within the hour before, so its jobs would fail; start it after the window, or use a ` +
            'continuous tier',
        ];
      }
      if (met === 'may start in it') {
        Annotations.of(scope).addWarningV2(
          'lifeboat:job-may-start-in-a-window',
          `jobs of tier ${tier.name} may start up to ${start} minutes after their scheduled time, and so less than an hour before the ${what} window ` +
            `${window} of ${target} or in it, and would then fail; start them earlier, or after the window`,
        );
      }
      return [];
    }),
  );
}

/** https://docs.aws.amazon.com/aws-backup/latest/devguide/point-in-time-recovery.html */
function warnOfContinuous(scope: IConstruct, { retention }: BackupTier, target: BackupTarget): void {
  const { kind, resource } = target;
  const days = retention.toDays();
  if (kind === 'S3' && resource && sendsNoEvents(resource)) {
    Annotations.of(scope).addWarningV2(
      'lifeboat:bucket-sends-no-events',
      `${target} does not state that it sends its events to EventBridge, which continuous backups need, so they may ` +
        'stop; set eventBridgeEnabled: true',
    );
  }
  const own = known((resource as rds.CfnDBInstance | undefined)?.backupRetentionPeriod);
  if ((kind !== 'RDS' && kind !== 'Aurora') || own === undefined || Token.isUnresolved(days) || own === days) return;
  Annotations.of(scope).addWarningV2(
    'lifeboat:two-retentions',
    `${target} keeps automated backups for ${own} days, and a continuous tier keeps ${days}; a database has only one ` +
      'retention, which AWS Backup and deployments would each set to their own number; state the same number in both',
  );
}

/** https://docs.aws.amazon.com/aws-backup/latest/devguide/s3-backups.html */
function unversioned(target: BackupTarget): string[] {
  const { resource } = target;
  if (target.kind !== 'S3' || resource?.cfnResourceType !== 'AWS::S3::Bucket') return [];
  const stated = Stack.of(resource).resolve((resource as s3.CfnBucket).versioningConfiguration);
  if (stated !== undefined && stated.status !== 'Suspended') return [];
  return [`${target} is not versioned, so AWS Backup would refuse to back it up; set versioned: true`];
}

/** Not when the bucket's own custom resource may turn events on, which synth can't see. */
function sendsNoEvents(resource: CfnResource): boolean {
  const stated = Stack.of(resource).resolve((resource as s3.CfnBucket).notificationConfiguration);
  if (stated?.eventBridgeConfiguration !== undefined) return false;
  const others = resource.node.scope?.node.findAll() ?? [];
  return !others.some(
    (one) => CfnResource.isCfnResource(one) && one.cfnResourceType === 'Custom::S3BucketNotifications',
  );
}
