/**
 * Runbook: check what AWS Backup restored, as a drill checks its restored instance, and report the result to AWS
 * Backup.
 *
 * EventBridge may deliver the event of a job twice, and a result can't be changed once it is set. So evidence comes
 * first, one document for each job however many events arrive, and the result is that of the document. Without evidence
 * no result is set, and AWS Backup's validation times out. A restore that could not be checked has failed.
 */
import { BackupClient } from '@aws-sdk/client-backup';
import type { RDSClient } from '@aws-sdk/client-rds';
import {
  type EvidenceDraft,
  parse,
  type ValidationDefinition,
  validationDefinition,
  validationRequest,
} from '../contract';
import type { Connection } from '../examiner/protocol';
import { isFault } from '../rds/fault';
import { copyPassword } from '../rds/password';
import { describeSource, type Source } from '../rds/source';
import { examineCopy } from '../runbook/examine-copy';
import { awsProofPorts, type ProofPorts, publish } from '../runbook/ports';
import { describe, type Runbook, shipped } from '../runbook/runbook';
import { DrillReport, measured } from './drill-report';
import { answer, describeRecoveryPoint, describeRestoreJob, type RestoreJob } from './restore-job';
import { RestoredInstance } from './restored-instance';

/** Clients and stores that a validation uses. */
export interface ValidationPorts extends ProofPorts {
  readonly backup: BackupClient;
}

/** What the run returns; the evidence has all of it. */
export type ValidationOutcome =
  | { readonly outcome: 'passed' | 'failed'; readonly findings: readonly string[]; readonly evidence: string }
  /** The job restored another database, or has a result already. */
  | { readonly outcome: 'nothing to do'; readonly reason: string };

/** The part of the window that is reserved for evidence and result. */
const MARGIN_MS = 10 * 60_000;

export const validateRestore =
  (ports: ValidationPorts) =>
  async (input: unknown, runbook: Runbook): Promise<ValidationOutcome> => {
    const definition = parse(validationDefinition, ports.definition, 'validation definition');
    const { restoreJob } = parse(validationRequest, input, 'validation request');
    const { backup, rds } = ports;
    const job = await runbook.step('describe the restore job', () => describeRestoreJob(backup, restoreJob));
    if (job.testingPlan !== definition.testingPlan) {
      return { outcome: 'nothing to do', reason: `restore job ${job.id} belongs to another restore testing plan` };
    }
    if (job.answered) return { outcome: 'nothing to do', reason: `restore job ${job.id} already has a result` };
    const { instance, point } = await runbook.step('describe the recovery point', () =>
      describeRecoveryPoint(rds, job.recoveryPoint),
    );
    if (instance !== definition.source.instance) {
      return { outcome: 'nothing to do', reason: `restore job ${job.id} restored another database, '${instance}'` };
    }

    const evidence = ports.evidence(definition);
    const report = new DrillReport(definition, job.instance ?? 'none');
    report.point = point;
    try {
      if (job.status !== 'COMPLETED') {
        throw new Error(
          `AWS Backup could not restore the recovery point: ${job.status}, ${job.message ?? 'no reason given'}`,
        );
      }
      report.source = await runbook.step('describe the source', () => sourceIfThere(rds, instance));
      await examineRestored(ports, definition, job, report, runbook);
    } catch (error) {
      report.error = describe(error);
    }
    const { key, outcome, findings, checks } = await runbook.step(
      'publish evidence',
      () => publish(ports, evidence, conclude(report, definition, job, runbook)),
      'any error',
    );
    if (job.status === 'COMPLETED') {
      const said = findings.length > 0 ? findings.join('; ') : `${checks} checks passed`;
      const result = outcome === 'passed' ? 'SUCCESSFUL' : 'FAILED';
      await runbook.step('answer AWS Backup', () => answer(backup, job.id, result, `${said} (${key})`), 'any error');
    }
    return { outcome, findings, evidence: key };
  };

async function examineRestored(
  ports: ValidationPorts,
  definition: ValidationDefinition,
  job: RestoreJob,
  report: DrillReport,
  runbook: Runbook,
): Promise<void> {
  const { point } = report;
  if (!job.instance || !point) throw new Error(`AWS Backup does not say which instance restore job ${job.id} made`);
  const restored = new RestoredInstance(ports.rds, job.instance);
  const password = async () => copyPassword(await ports.secret(definition.passwordKey), restored.name);
  const expires = new Date(Date.parse(job.completed ?? job.created) + definition.windowSeconds * 1000 - MARGIN_MS);

  await runbook.poll(
    'wait until available',
    () => restored.look(),
    ({ usable }) => usable,
    { hours: 2 },
  );
  const { masterUser, database } = await runbook.step('describe the restored instance', () =>
    describeSource(ports.rds, restored.name),
  );
  await runbook.step('reset the master password', async () => restored.setPassword(await password()));
  const { host, port, ...state } = await runbook.poll(
    'wait until the password is set',
    () => restored.look(),
    ({ usable, passwordPending }) => usable && !passwordPending,
    { hours: 1 },
  );
  report.copy = { host, port, ...state };
  if (!host || !port) throw new Error(`RDS gave no endpoint for '${restored.name}'`);
  const connection = async (): Promise<Connection> => ({
    host,
    port,
    user: masterUser,
    password: await password(),
    database: definition.database ?? database,
  });
  await examineCopy(ports, definition, { connection, restorePoint: point.time, expires }, report, runbook);
}

/** The source may be gone by now; it is only described in the evidence. */
async function sourceIfThere(rds: RDSClient, instance: string): Promise<Source | null> {
  try {
    return await describeSource(rds, instance);
  } catch (error) {
    if (isFault(error, 'DBInstanceNotFound')) return null;
    throw error;
  }
}

/** The clock starts with AWS Backup's job, and its ID names the run: two events of a job leave one document. */
function conclude(
  report: DrillReport,
  { newest, objectives }: ValidationDefinition,
  job: RestoreJob,
  runbook: Runbook,
): EvidenceDraft {
  const concluded = report.conclude(runbook);
  const began = Date.parse(job.created);
  const recovered = concluded.outcome === 'passed' && report.checked ? report.checked.getTime() - began : null;
  const lost = newest && report.point ? Math.max(0, began - Date.parse(report.point.latestRestorable)) : null;
  return {
    ...concluded,
    run: job.id,
    started: job.created,
    recoveryTime: recovered === null ? null : measured(recovered / 1000, objectives.rtoSeconds),
    recoveryPoint: lost === null ? null : measured(lost / 1000, objectives.rpoSeconds),
    notes: [...concluded.notes, `Restored by AWS Backup, job ${job.id}, from ${job.recoveryPoint}.`],
  };
}

export const handler = shipped(validateRestore, () => ({ ...awsProofPorts(), backup: new BackupClient() }));
