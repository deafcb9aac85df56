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
  /** Whose jobs are watched. Jobs that copy into it count as its own. */
  readonly vault: backup.IBackupVault;

  /**
   * After how long without a single backup job that succeeded somebody is told: whole days, 7 at most, since no alarm of
   * CloudWatch looks back further.
   * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
   *
   * @default - missing jobs are not noticed
   */
  readonly missingAfter?: Duration;

  /**
   * Who is told. A topic of another app must let `events.amazonaws.com` and `cloudwatch.amazonaws.com` in, and so must its
   * key.
   *
   * @default - the topic of the plan around it; else alarms have no action, failed restores are not told, and synth warns
   */
  readonly notify?: sns.ITopic;
}

/** AWS Backup publishes counts above zero only, so silence is no failure; and no job at all is silence, too. */
const FAILURES = {
  BackupFailed: ['NumberOfBackupJobsFailed', 'A backup job failed'],
  BackupExpired: ['NumberOfBackupJobsExpired', 'A backup job did not start within its start window'],
  CopyFailed: ['NumberOfCopyJobsFailed', 'A copy into the vault failed'],
} as const;

const PROPS: PropsOf<VaultAlarmsProps> = { vault: true, missingAfter: true, notify: true };

/** Rings when jobs of one vault fail, expire, or stop coming, and tells of restores that fail. */
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
        description: `${what} (vault ${name}): AWS Backup's list of jobs says why`,
        notify,
      });
    }
    if (missingAfter) missingBackups(this, { vault, missingAfter, notify });
    const topic = notify ?? enclosingPlan(this)?.notify;
    if (topic) tellOfFailedRestores(this, topic);
  }
}

/**
 * By event: AWS Backup documents no vault for the metrics of restore jobs, and its events name none, so this tells of all
 * restores of the region. https://docs.aws.amazon.com/aws-backup/latest/devguide/eventbridge.html
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
      "A restore by AWS Backup failed and could not be told: see AWS Backup's list of restore jobs, and let " +
      'events.amazonaws.com publish to the topic and use its key',
  });
}

/**
 * Rings when no backup job of a vault has succeeded for so long.
 *
 * @param resourceType counts jobs of this kind of resource alone, so that others can't stand in for it
 */
export function missingBackups(
  scope: Construct,
  { vault, missingAfter, notify }: VaultAlarmsProps & { readonly missingAfter: Duration },
  resourceType?: string,
): void {
  const days = missingAfter.toDays({ integral: false });
  if (!Token.isUnresolved(days) && !(Number.isInteger(days) && days >= 1 && days <= 7)) {
    throw new Error(
      `alarms '${scope.node.path}': missing jobs would be noticed after ${missingAfter.toHumanString()}, and alarms of CloudWatch look back ` +
        'whole days up to 7, so this one would never tell; choose 1 to 7 days, and have something backed up that often',
    );
  }
  addAlarm(scope, `${resourceType ?? ''}BackupMissing`, {
    metric: vaultMetric(vault, 'NumberOfBackupJobsCompleted', missingAfter, resourceType),
    threshold: 1,
    comparison: 'below',
    treatMissingData: cloudwatch.TreatMissingData.BREACHING,
    description:
      `No backup job${resourceType ? ` for ${resourceType}` : ''} of vault ${vault.backupVaultName} has succeeded for ` +
      `${missingAfter.toHumanString()}`,
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
