import { Duration, Token } from 'aws-cdk-lib';
import type * as backup from 'aws-cdk-lib/aws-backup';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { addAlarm } from '../alarm/alarm';
import { tellOfEvents } from '../alarm/told-events';
import { enclosingPlan } from '../synth/enclosing-plan';
import { checkProps, type PropsOf } from '../synth/props';

export interface VaultAlarmsProps {
  /** The vault to watch. Jobs that copy into it count as its own. */
  readonly vault: backup.IBackupVault;

  /**
   * An alarm fires after this long without a successful backup job: 1 to 7 whole days, since CloudWatch alarms look
   * back no further.
   * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
   *
   * @default - no alarm for missing jobs
   */
  readonly missingAfter?: Duration;

  /**
   * Topic to notify. The policy of a topic of another app must allow `events.amazonaws.com` and
   * `cloudwatch.amazonaws.com`, and so must the policy of its key.
   *
   * @default - the `notify` of the enclosing plan; without one, alarms have no action, failed restores are not
   * reported, and synth warns
   */
  readonly notify?: sns.ITopic;
}

/**
 * AWS Backup publishes only counts above zero, so a missing metric is not a failure here, but may mean that no job ran.
 */
const FAILURES = {
  BackupFailed: ['NumberOfBackupJobsFailed', 'A backup job failed'],
  BackupExpired: ['NumberOfBackupJobsExpired', 'A backup job did not start within its start window'],
  CopyFailed: ['NumberOfCopyJobsFailed', 'A copy into the vault failed'],
} as const;

const PROPS: PropsOf<VaultAlarmsProps> = { vault: true, missingAfter: true, notify: true };

/** Alarms on jobs of one vault that fail, expire or stop coming, and a notification of restores that fail. */
export class VaultAlarms extends Construct {
  constructor(scope: Construct, id: string, props: VaultAlarmsProps) {
    super(scope, id);
    checkProps(this, props, PROPS);
    const { vault, missingAfter, notify } = props;
    const name = vault.backupVaultName;
    for (const [alarm, [metricName, what]] of Object.entries(FAILURES)) {
      addAlarm(this, alarm, {
        metric: vaultMetric(vault, metricName, Duration.hours(1)),
        threshold: 0,
        description: `${what} (vault ${name}). AWS Backup's list of jobs says why.`,
        notify,
      });
    }
    if (missingAfter) missingBackups(this, { vault, missingAfter, notify });
    const topic = notify ?? enclosingPlan(this)?.notify;
    if (topic) tellOfFailedRestores(this, topic);
  }
}

/**
 * By event, for all restores of the region: neither metrics nor events of restore jobs name a vault.
 * https://docs.aws.amazon.com/aws-backup/latest/devguide/eventbridge.html
 */
function tellOfFailedRestores(scope: Construct, topic: sns.ITopic): void {
  tellOfEvents(scope, {
    ruleId: 'RestoreFailed',
    alarmId: 'RestoreNotTold',
    description: 'Lifeboat: restores by AWS Backup that failed',
    eventPattern: {
      source: ['aws.backup'],
      detailType: ['Restore Job State Change'],
      detail: { status: ['FAILED', 'ABORTED'] },
    },
    topic,
    notTold:
      "A restore by AWS Backup failed, and the topic could not be notified. See AWS Backup's list of restore jobs, and allow " +
      'events.amazonaws.com to publish to the topic and to use its key.',
  });
}

/**
 * An alarm that fires when no backup job of a vault has succeeded for this long.
 *
 * @param resourceType counts only jobs of this kind of resource, so that jobs of others can't hide missing ones
 */
export function missingBackups(
  scope: Construct,
  { vault, missingAfter, notify }: VaultAlarmsProps & { readonly missingAfter: Duration },
  resourceType?: string,
): void {
  const days = missingAfter.toDays({ integral: false });
  if (!Token.isUnresolved(days) && !(Number.isInteger(days) && days >= 1 && days <= 7)) {
    throw new Error(
      `alarms '${scope.node.path}': 'missingAfter' is ${missingAfter.toHumanString()}, and CloudWatch alarms look back whole days ` +
        'up to 7, so this one would never fire; set 1 to 7 days, and back something up that often',
    );
  }
  addAlarm(scope, `${resourceType ?? ''}BackupMissing`, {
    metric: vaultMetric(vault, 'NumberOfBackupJobsCompleted', missingAfter, resourceType),
    threshold: 1,
    comparison: 'below',
    treatMissingData: cloudwatch.TreatMissingData.BREACHING,
    description:
      `No backup job${resourceType ? ` for ${resourceType}` : ''} of vault ${vault.backupVaultName} has succeeded for ` +
      `${missingAfter.toHumanString()}. See AWS Backup's list of backup jobs.`,
    notify,
  });
}

/** https://docs.aws.amazon.com/aws-backup/latest/devguide/cloudwatch.html */
function vaultMetric(
  vault: backup.IBackupVault,
  metricName: string,
  period: Duration,
  resourceType?: string,
): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: 'AWS/Backup',
    metricName,
    dimensionsMap: { BackupVaultName: vault.backupVaultName, ...(resourceType && { ResourceType: resourceType }) },
    statistic: cloudwatch.Stats.SUM,
    period,
  });
}
