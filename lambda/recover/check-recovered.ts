/** The checks of a drill, on a database that is about to be production: they leave nothing on it. */
import { type CheckResult, GENERIC_CHECKS } from '../contract';
import { type Examined, examineCopy } from '../runbook/examine-copy';
import type { Recovery, Side } from './recovery';

export interface CheckedDatabase {
  readonly checks: readonly CheckResult[];
  /** What failed, could not be checked, or was changed, a sentence each. */
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

const YEARS = 10 * 365 * 24 * 3_600_000;

export async function checkRecovered(recovery: Recovery, side: Side, restorePoint: string): Promise<CheckedDatabase> {
  const { ports, definition, runbook } = recovery;
  const report: Examined = {
    server: null,
    databases: [],
    checks: [],
    inventory: null,
    failures: [],
    warnings: [],
    checked: null,
  };
  const connection = () => recovery.connection(side);
  // It does not expire: it is kept.
  const copy = { connection, restorePoint, expires: new Date(runbook.now.getTime() + YEARS), kept: true };
  const checks = definition.checks.length > 0 ? definition.checks : [...GENERIC_CHECKS];
  await examineCopy(ports, { ...definition, checks }, copy, report, runbook);
  const problems = report.checks.flatMap((result) => {
    if (result.outcome === 'passed') return [];
    const said = result.outcome === 'failed' ? result.observed : `could not run: ${result.reason}`;
    return [`${result.check}: ${said}`];
  });
  return {
    checks: report.checks,
    problems: [...problems, ...report.failures],
    notes: [
      ...(report.server?.notes ?? []),
      ...report.databases.flatMap(({ survey }) => survey.notes.map((note) => `${survey.database}: ${note}`)),
      ...report.warnings,
    ],
  };
}
