/** Publishes every hour how long ago AWS Backup last completed a copy; an alarm fires when that is too long. */

import { createHash } from 'node:crypto';
import { Annotations, Duration, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as kms from 'aws-cdk-lib/aws-kms';
import { ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { type CopyWatchRequest, METRICS } from '../../lambda/contract';
import { addAlarm } from '../alarm/alarm';
import { deadLetterAlarm, deadLetters } from '../alarm/dead-letters';
import { logKey } from '../function/log-key';
import { ScheduleTrigger } from '../function/schedule-trigger';
import { ShippedFunction } from '../function/shipped-function';
import { allow } from '../function/statements';
import type { BackupTier } from './backup-tier';
import type { VaultCopy } from './vault-copy';

export interface CopyWatchProps {
  /** Id of the backup plan. */
  readonly plan: string;
  /** Name of the backup, in metrics. */
  readonly backup: string;
  readonly copies: readonly VaultCopy[];
  readonly tiers: readonly BackupTier[];
  /** As AWS Backup names them; none if unknown at synth. */
  readonly resourceTypes: readonly string[];
  readonly logEncryptionKey: kms.IKey | undefined;
  readonly notify: sns.ITopic | undefined;
}

/** AWS Backup lists jobs of the last 30 days, so an older one can't be seen. */
export const MAX_COPY_GAP_DAYS = 29;

interface WatchedCopy {
  readonly vaultArn: string;
  readonly overdueAfter: Duration;
}

export class CopyWatch extends Construct {
  constructor(scope: Construct, id: string, props: CopyWatchProps) {
    super(scope, id);
    const { backup, notify } = props;
    const watched = this.watched(props);
    if (watched.length === 0) return;
    const deadLetterQueue = deadLetters(this, 'NotStarted');
    deadLetterAlarm(this, 'NotStartedAlarm', {
      queue: deadLetterQueue,
      description: `The watch on copies of backup ${backup} could not be started, or failed. The messages in the queue say why.`,
      notify,
    });
    const handler = new ShippedFunction(this, 'Handler', {
      entry: 'watch-copies',
      description: `Lifeboat: publishes when backup ${backup} was last copied`,
      timeout: Duration.minutes(5),
      memorySize: 256,
      encryptionKey: logKey(this, props.logEncryptionKey),
      deadLetterQueue,
      patterns: "Permission to list AWS Backup's copy jobs can't be narrowed.",
      statements: [allow(['backup:ListCopyJobs'], ['*'])],
    });
    for (const copy of watched) this.watch(copy, handler, deadLetterQueue, props);
  }

  /** Each vault once: several copies may go into one vault, with different retentions. */
  private watched({ copies, tiers }: CopyWatchProps): WatchedCopy[] {
    const days = new Map<string, number>();
    for (const copy of copies) {
      const copied = tiers.filter(({ name }) => copy.tiers?.includes(name) ?? true);
      const longestGap = Math.min(...copied.map(({ schedule }) => schedule.longestGap.toDays()));
      const vaultArn = copy.vaultArn(this);
      const wanted = copy.missingAfter?.toDays();
      days.set(vaultArn, Math.min(days.get(vaultArn) ?? Number.POSITIVE_INFINITY, wanted ?? longestGap + 1));
    }
    return [...days].flatMap(([vaultArn, after]) => {
      if (after <= MAX_COPY_GAP_DAYS) return [{ vaultArn, overdueAfter: Duration.days(after) }];
      Annotations.of(this).addWarningV2(
        'lifeboat:missing-copies-go-unnoticed',
        `the most frequent tier copied into ${vaultArn} runs every ${after - 1} days, and AWS Backup lists jobs of the last 30 days, ` +
          'so no alarm would fire when copies stop; copy a tier that runs more often',
      );
      return [];
    });
  }

  private watch(
    { vaultArn, overdueAfter }: WatchedCopy,
    handler: ShippedFunction,
    deadLetterQueue: sqs.IQueue,
    { plan, backup, resourceTypes, notify }: CopyWatchProps,
  ): void {
    // The vault's name may be unknown until deployment; the reference to it is stable.
    const id = createHash('sha256')
      .update(JSON.stringify(Stack.of(this).resolve(vaultArn)))
      .digest('hex')
      .slice(0, 8);
    const request: CopyWatchRequest = {
      plan,
      backup,
      vault: vaultArn,
      resourceTypes: [...resourceTypes],
      overdueAfterSeconds: overdueAfter.toSeconds(),
    };
    const hourly = new ScheduleTrigger(this, `Hourly${id}`, {
      target: handler.function,
      schedule: ScheduleExpression.rate(Duration.hours(1)),
      description: `Lifeboat: publishes when backup ${backup} was last copied`,
      request,
      deadLetterQueue,
    });
    hourly.node.addDependency(handler);
    const alarm = addAlarm(this, `CopyMissing${id}`, {
      metric: new cloudwatch.Metric({
        namespace: METRICS.namespace,
        metricName: METRICS.secondsSinceCopy,
        dimensionsMap: { [METRICS.dimensions.backup]: backup, [METRICS.dimensions.copy]: vaultArn },
        statistic: cloudwatch.Stats.MAXIMUM,
        period: Duration.hours(6),
      }),
      threshold: overdueAfter.toSeconds(),
      treatMissingData: cloudwatch.TreatMissingData.BREACHING,
      description:
        `AWS Backup has completed no copy of ${resourceTypes.length > 1 ? `one kind (${resourceTypes.join(', ')}) of ` : ''}backup ${backup} ` +
        `into ${vaultArn} for ${overdueAfter.toHumanString()}, or the hourly watch stopped. See AWS Backup's list of copy jobs.`,
      notify,
    });
    // The first run of the watch precedes the alarm, so that its metric is not missing.
    alarm.node.addDependency(hourly);
  }
}
