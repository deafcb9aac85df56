/** A restore that AWS Backup made to test a recovery point: its state, and how its result is set. */
import {
  type BackupClient,
  DescribeRestoreJobCommand,
  PutRestoreValidationResultCommand,
} from '@aws-sdk/client-backup';
import { paginateDescribeDBSnapshots, type RDSClient } from '@aws-sdk/client-rds';
import { visible } from '../evidence/visible';
import type { RestorePoint } from '../rds/restore-point';

export interface RestoreJob {
  readonly id: string;
  /** As AWS Backup reports it; only a COMPLETED job has an instance to check. */
  readonly status: string;
  readonly message: string | null;
  /** Whether a result is set, which can't be changed. */
  readonly answered: boolean;
  /** ARN of the restore testing plan that started it; null when it was started otherwise. */
  readonly testingPlan: string | null;
  readonly recoveryPoint: string;
  /** Identifier of the instance that it made. */
  readonly instance: string | null;
  /** ISO 8601. */
  readonly created: string;
  /** ISO 8601; null while it runs. */
  readonly completed: string | null;
}

/** The result can be set while it is being validated, and never again. */
const ANSWERS = ['SUCCESSFUL', 'FAILED', 'TIMED_OUT'];

export async function describeRestoreJob(backup: BackupClient, id: string): Promise<RestoreJob> {
  const job = await backup.send(new DescribeRestoreJobCommand({ RestoreJobId: id }));
  if (!job.RecoveryPointArn || !job.CreationDate) {
    throw new Error(`AWS Backup does not say when restore job ${id} began, or what it restored; look at the job`);
  }
  return {
    id,
    status: job.Status ?? 'unknown',
    message: job.StatusMessage ?? null,
    answered: ANSWERS.includes(job.ValidationStatus ?? ''),
    testingPlan: job.CreatedBy?.RestoreTestingPlanArn ?? null,
    recoveryPoint: job.RecoveryPointArn,
    instance: /^arn:[^:]*:rds:[^:]*:[^:]*:db:(.+)$/.exec(job.CreatedResourceArn ?? '')?.[1] ?? null,
    created: job.CreationDate.toISOString(),
    completed: job.CompletionDate?.toISOString() ?? null,
  };
}

/**
 * Database and moment of a recovery point.
 *
 * @throws when it is not a snapshot: for a continuous one, AWS Backup doesn't say which moment it restored
 */
export async function describeRecoveryPoint(
  rds: RDSClient,
  recoveryPoint: string,
): Promise<{ readonly instance: string; readonly point: RestorePoint }> {
  const [, snapshot] = /^arn:[^:]*:rds:[^:]*:[^:]*:snapshot:(.+)$/.exec(recoveryPoint) ?? [];
  if (!snapshot) {
    throw new Error(
      `recovery point ${recoveryPoint} is not an RDS snapshot, so its moment is unknown; test snapshots only`,
    );
  }
  const query = { DBSnapshotIdentifier: snapshot, SnapshotType: 'awsbackup' };
  for await (const { DBSnapshots = [] } of paginateDescribeDBSnapshots({ client: rds }, query)) {
    for (const found of DBSnapshots) {
      const taken = found.OriginalSnapshotCreateTime ?? found.SnapshotCreateTime;
      if (!found.DBInstanceIdentifier || !taken) continue;
      const time = taken.toISOString();
      const requested = 'recovery point that AWS Backup chose';
      return { instance: found.DBInstanceIdentifier, point: { requested, time, snapshot, latestRestorable: time } };
    }
  }
  throw new Error(
    `the snapshot ${snapshot} was not found, so it is unknown what was restored; look at the restore job`,
  );
}

/** Longer messages are refused. */
const MESSAGE_LENGTH = 1000;

/** Sets the result, unless there is one. @throws when another result was set at the same moment: call it again */
export async function answer(
  backup: BackupClient,
  id: string,
  result: 'SUCCESSFUL' | 'FAILED',
  message: string,
): Promise<void> {
  if ((await describeRestoreJob(backup, id)).answered) return;
  await backup.send(
    new PutRestoreValidationResultCommand({
      RestoreJobId: id,
      ValidationStatus: result,
      // Findings name what is in the database.
      ValidationStatusMessage: visible(message).slice(0, MESSAGE_LENGTH),
    }),
  );
}
