import { type DrillDefinition, drillDefinition, drillRequest, parse } from '../contract';
import type { Connection } from '../examiner/protocol';
import { DrillCopy, NotThisRun } from '../rds/drill-copy';
import { passwordOf, restoreCopy } from '../rds/restore-copy';
import { chooseRestorePoint } from '../rds/restore-point';
import { describeCopied, describeSource } from '../rds/source';
import { examineCopy } from '../runbook/examine-copy';
import { awsProofPorts, type ProofPorts, publish } from '../runbook/ports';
import { describe, type Runbook, shipped } from '../runbook/runbook';
import { chosenRestore } from './chosen-restore';
import { DrillReport } from './drill-report';

/** What the run returns; the evidence has all of it. */
export interface DrillOutcome {
  readonly outcome: 'passed' | 'failed';
  readonly findings: readonly string[];
  readonly evidence: string;
}

export const drillRestore =
  (ports: ProofPorts) =>
  async (input: unknown, runbook: Runbook): Promise<DrillOutcome> => {
    const definition = parse(drillDefinition, ports.definition, 'drill definition');
    const request = parse(drillRequest, input ?? {}, 'drill request');
    const restore = chosenRestore(definition, request);
    const { rds } = ports;
    const evidence = ports.evidence(definition);
    const copy = new DrillCopy(rds, definition.copy.prefix + runbook.id, definition.source.instance, runbook.id);
    const report = new DrillReport(definition, copy.name, request);
    let asked = false;
    try {
      const { instance, copied } = definition.source;
      const source = await runbook.step('describe the source', () =>
        copied ? describeCopied(rds, definition.source, copied, restore) : describeSource(rds, instance),
      );
      report.source = source;
      const point = await runbook.step('choose restore point', () =>
        chooseRestorePoint(rds, definition.source, restore),
      );
      report.point = point;
      asked = true;
      const settings = definition.copy;
      const expires = new Date(runbook.now.getTime() + settings.expiresAfterSeconds * 1000);
      const password = () => passwordOf(ports, definition, copy);
      report.copy = await restoreCopy(runbook, { copy, source, point, settings, expires, password });
      await examine(ports, definition, copy, report, runbook, expires);
    } catch (error) {
      report.error = describe(error);
    } finally {
      if (asked) report.leftover = await deleteCopy(copy, runbook);
    }
    const { outcome, findings, key } = await runbook.step(
      'publish evidence',
      () => publish(ports, evidence, report.conclude(runbook)),
      'any error',
    );
    return { outcome, findings, evidence: key };
  };

/** Has the examiner check the restored instance. */
async function examine(
  ports: ProofPorts,
  definition: DrillDefinition,
  copy: DrillCopy,
  report: DrillReport,
  runbook: Runbook,
  expires: Date,
): Promise<void> {
  const { source, point } = report;
  const { host, port } = report.copy ?? {};
  if (!source || !point || !host || !port) throw new Error(`RDS gave no endpoint for '${copy.name}'`);
  const connection = async (): Promise<Connection> => ({
    host,
    port,
    user: source.masterUser,
    password: await passwordOf(ports, definition, copy),
    database: definition.database ?? source.database,
  });
  await examineCopy(ports, definition, { connection, restorePoint: point.time, expires }, report, runbook);
}

/** Polls that must agree before the instance counts as deleted: right after the restore, RDS may not list it yet. */
const LOOKS_UNTIL_GONE = 3;

interface Deletion {
  readonly absentLooks: number;
  readonly error?: string;
}

/**
 * Deletes the instance, with retries. @returns why it can't be deleted, so that the drill's own result is not hidden
 */
async function deleteCopy(copy: DrillCopy, runbook: Runbook): Promise<string | null> {
  const look = async (before: Deletion | undefined): Promise<Deletion> => {
    try {
      return { absentLooks: (await copy.delete()) === 'absent' ? (before?.absentLooks ?? 0) + 1 : 0 };
    } catch (error) {
      if (error instanceof NotThisRun) throw error;
      return { absentLooks: 0, error: describe(error) };
    }
  };
  try {
    await runbook.poll('delete the copy', look, ({ absentLooks }) => absentLooks >= LOOKS_UNTIL_GONE, { hours: 2 });
    return null;
  } catch (error) {
    return describe(error);
  }
}

export const handler = shipped(drillRestore, awsProofPorts);
