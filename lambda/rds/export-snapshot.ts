/**
 * Runbook: export the newest automated snapshot of a database to S3 as Parquet.
 *
 * It reads a snapshot and writes under a prefix of its own run, so it may run at any hour. An export that RDS did not
 * complete ends the run in an error, and an alarm fires; a complete one gets a success marker beside it, for the watch.
 */
import {
  DescribeExportTasksCommand,
  type ExportTask,
  paginateDescribeExportTasks,
  RDSClient,
  StartExportTaskCommand,
} from '@aws-sdk/client-rds';
import { PutObjectCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';
import {
  EXPORTS_IN_FLIGHT,
  type LastGood,
  lastGoodKey,
  parse,
  type SnapshotExportRequest,
  snapshotExportRequest,
} from '../contract';
import { type Runbook, shipped } from '../runbook/runbook';
import { latestSnapshot, takenAt } from './backups';
import { isFault } from './fault';

export interface Exported {
  readonly exportTask: string;
  readonly snapshot: string;
  /** When the snapshot was taken. ISO 8601. */
  readonly taken: string;
  /** Where its files are. They can be read with Athena and the like, but not restored. */
  readonly location: string;
  /** Bytes of these files. */
  readonly bytes: number;
  /** RDS's warning about data that it could not export unchanged. */
  readonly warning: string | null;
}

export interface SnapshotExportPorts {
  readonly rds: RDSClient;
  readonly s3: S3Client;
}

/** RDS allows 60 characters; the run has 12 of them. */
const NAME_LENGTH = 60;
/**
 * RDS reports an export that lacks tables as complete, and names them in JSON:
 * `{"skippedTables":["public.votes"],...}`.
 */
const SKIPPED = /"skippedTables"\s*:\s*\[\s*[^\]\s]/;
const HOURS = { start: 12, export: 72 };

export const exportSnapshot =
  ({ rds, s3 }: SnapshotExportPorts) =>
  async (input: unknown, runbook: Runbook): Promise<Exported> => {
    const request = parse(snapshotExportRequest, input, 'export request');
    const task = exportName(request.instance, runbook.id);
    const { snapshot, arn, taken } = await runbook.step('choose the newest snapshot', async () => {
      const newest = await latestSnapshot(rds, { instance: request.instance });
      const { DBSnapshotIdentifier: snapshot = '', DBSnapshotArn: arn = '' } = newest;
      return { snapshot, arn, taken: takenAt(newest).toISOString() };
    });
    await runbook.poll(
      'start the export',
      () => start(rds, task, arn, request),
      (seen) => seen === 'started',
      { hours: HOURS.start },
    );
    const ended = await runbook.poll(
      'wait until it is exported',
      () => look(rds, task),
      ({ status }) => ['COMPLETE', 'FAILED', 'CANCELED'].includes(status),
      { hours: HOURS.export },
    );
    const folder = `${request.prefix}/${task}/`;
    const location = `s3://${request.bucket}/${folder}`;
    if (ended.status !== 'COMPLETE') {
      const { status, reason } = ended;
      throw new Error(
        `export '${task}' of ${snapshot} is ${status}: ${reason ?? 'RDS gives no reason'}; its files under ${location} are ` +
          'incomplete',
      );
    }
    if (ended.warning && SKIPPED.test(ended.warning)) {
      throw new Error(
        `export '${task}' of ${snapshot} lacks tables that RDS skipped: ${ended.warning.slice(0, 2000)}; the others are under ` +
          `${location}; dump the skipped tables with LogicalDump, or change their rows to what RDS can export`,
      );
    }
    const bytes = await runbook.step('measure it', () => measure(s3, request.bucket, folder));
    if (bytes === 0) {
      throw new Error(
        `export '${task}' of ${snapshot} is complete according to RDS, but ${location} is empty; find out what moves or ` +
          'deletes objects there',
      );
    }
    // Its age is that of the data: an export of an old snapshot is no newer than the snapshot.
    const good: LastGood = { finished: taken, bytes };
    await runbook.step('say that it is good', async () => {
      const document = { Bucket: request.bucket, Key: lastGoodKey(request.statusPrefix), Body: JSON.stringify(good) };
      await s3.send(new PutObjectCommand({ ...document, ContentType: 'application/json' }));
    });
    return { exportTask: task, snapshot, taken, location, bytes, warning: ended.warning };
  };

/** Starts with a letter and has no two hyphens in a row, like the identifier and the run. */
export function exportName(instance: string, run: string): string {
  return `${instance.slice(0, NAME_LENGTH - run.length - 1).replace(/-+$/, '')}-${run}`;
}

/** RDS refuses a sixth export in the account; this one waits for the others. */
async function start(
  rds: RDSClient,
  task: string,
  snapshot: string,
  { bucket, prefix, role, key }: SnapshotExportRequest,
): Promise<string> {
  let inFlight = 0;
  for await (const { ExportTasks = [] } of paginateDescribeExportTasks({ client: rds }, {})) {
    // An earlier try took effect: no other run has this name.
    if (ExportTasks.some(({ ExportTaskIdentifier }) => ExportTaskIdentifier === task)) return 'started';
    inFlight += ExportTasks.filter(({ Status }) => /^(STARTING|IN_PROGRESS|CANCELING)$/.test(Status ?? '')).length;
  }
  if (inFlight >= EXPORTS_IN_FLIGHT) return `waiting: ${inFlight} exports of the account are in flight`;
  try {
    await rds.send(
      new StartExportTaskCommand({
        ExportTaskIdentifier: task,
        SourceArn: snapshot,
        S3BucketName: bucket,
        S3Prefix: prefix,
        IamRoleArn: role,
        KmsKeyId: key,
      }),
    );
  } catch (error) {
    if (!isFault(error, 'ExportTaskAlreadyExists')) throw error;
  }
  return 'started';
}

interface Seen {
  readonly status: string;
  readonly percent: number;
  readonly reason: string | null;
  readonly warning: string | null;
}

async function look(rds: RDSClient, task: string): Promise<Seen> {
  const { ExportTasks } = await rds
    .send(new DescribeExportTasksCommand({ ExportTaskIdentifier: task }))
    .catch((error) => {
      if (isFault(error, 'ExportTaskNotFound')) return { ExportTasks: [] };
      throw error;
    });
  const { Status, PercentProgress, FailureCause, WarningMessage }: ExportTask = ExportTasks?.[0] ?? {};
  return {
    status: Status ?? 'not visible yet',
    percent: PercentProgress ?? 0,
    reason: FailureCause ?? null,
    warning: WarningMessage ?? null,
  };
}

/** Measured in S3: RDS reports whole gigabytes, so a small database would never change its size, or double it. */
async function measure(s3: S3Client, bucket: string, folder: string): Promise<number> {
  let bytes = 0;
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: folder })) {
    for (const { Size = 0 } of Contents) bytes += Size;
  }
  return bytes;
}

export const handler = shipped(exportSnapshot, () => ({ rds: new RDSClient(), s3: new S3Client() }));
