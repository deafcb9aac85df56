import { createHash } from 'node:crypto';
import {
  type CheckResult,
  type DrillDefinition,
  type DrillRequest,
  EVIDENCE_SCHEMA,
  type Evidence,
  type EvidenceDraft,
  GENERIC_CHECKS,
  type ValidationDefinition,
} from '../contract';
import type { StoredInventory } from '../evidence/inventories';
import type { ExaminedDatabase } from '../examiner/conclusion';
import type { Server } from '../examiner/protocol';
import type { InstanceState } from '../rds/instance';
import type { RestorePoint } from '../rds/restore-point';
import type { Source } from '../rds/source';
import type { Phase, Runbook } from '../runbook/runbook';

export class DrillReport {
  source: Source | null = null;
  point: RestorePoint | null = null;
  copy: InstanceState | null = null;
  server: Server | null = null;
  databases: ExaminedDatabase[] = [];
  checks: readonly CheckResult[] = [];
  inventory: StoredInventory | null = null;
  failures: string[] = [];
  warnings: string[] = [];
  /** When the last check had ended. */
  checked: Date | null = null;
  /** What ended the drill before its checks did. */
  error: string | null = null;
  /** What could not be cleaned up. */
  leftover: string | null = null;

  constructor(
    private readonly definition: DrillDefinition | ValidationDefinition,
    private readonly copyName: string,
    /** The request that started the run. */
    private readonly request: DrillRequest = {},
  ) {}

  conclude(runbook: Runbook): EvidenceDraft {
    const { plan, target, drill, objectives } = this.definition;
    const { source, copy, point, server } = this;
    const started = runbook.started;
    const findings = this.problems();
    const outcome = findings.length === 0 ? 'passed' : 'failed';
    const recovered = outcome === 'passed' && this.checked ? secondsBetween(started, this.checked) : null;
    const lost = point && Math.max(0, secondsBetween(new Date(point.latestRestorable), started));
    const freshness = this.databases.flatMap(({ findings }) => findings.flatMap((one) => one.freshnessSeconds ?? []));
    return {
      schema: EVIDENCE_SCHEMA,
      plan,
      target,
      drill,
      run: runbook.id,
      definition: deployed(this.definition, source?.database ?? null),
      request: { restore: this.request.restore ?? null, reason: this.request.reason ?? null },
      outcome,
      findings,
      started: started.toISOString(),
      finished: runbook.now.toISOString(),
      source: source && {
        instance: source.instance,
        engine: source.engine,
        instanceClass: source.instanceClass ?? 'unknown',
        storageGiB: source.storageGiB,
        ...(source.copiedFrom !== null && { copiedFrom: source.copiedFrom }),
      },
      copy: copy && {
        instance: this.copyName,
        instanceClass: copy.instanceClass ?? 'unknown',
        engine: server ? `postgres ${server.version}` : 'not examined',
        databaseBytes: server && this.databases.reduce((sum, { survey }) => sum + survey.bytes, 0),
      },
      restorePoint: point,
      recoveryTime: recovered === null ? null : measured(recovered, objectives.rtoSeconds),
      recoveryPoint: lost === null ? null : measured(lost, objectives.rpoSeconds),
      freshnessSeconds: freshness.length > 0 ? Math.max(0, Math.min(...freshness)) : null,
      phases: grouped(runbook.phases),
      checks: [...this.checks],
      inventory: this.inventory,
      warnings: [
        ...this.checks.flatMap(({ check, warnings = [] }) => warnings.map((warning) => `${check}: ${warning}`)),
        ...this.warnings,
      ],
      notes: this.notes(),
    };
  }

  private problems(): string[] {
    const problems = this.checks.flatMap((result) => {
      if (result.outcome === 'passed') return [];
      const said = result.outcome === 'failed' ? result.observed : `could not run: ${result.reason}`;
      return [`${result.check}: ${said}`];
    });
    problems.push(...this.failures);
    if (this.error !== null) problems.push(this.error);
    // Nothing was checked and nothing says why: this does not count as a proof.
    if (problems.length === 0 && this.checks.length === 0) problems.push('no check has run');
    return problems;
  }

  private notes(): string[] {
    const { source, copy, server, point } = this;
    const notes: string[] = [];
    if (this.request.restore) {
      notes.push('The restore point was chosen by whoever started the run, not by the deployed definition.');
    }
    if (source && copy?.instanceClass && copy.instanceClass !== source.instanceClass) {
      const other = source.instanceClass
        ? `the source runs on ${source.instanceClass}`
        : "the source's class is unknown";
      notes.push(
        `The restored instance ran on ${copy.instanceClass}, ${other}: this proves restorability, not the RTO.`,
      );
    }
    if (source?.copiedFrom && source.parameterGroup === null && copy?.parameterGroup) {
      notes.push(
        `The restored instance ran with parameter group ${copy.parameterGroup}, without the settings of the source's group, ` +
          'which copied backups do not record.',
      );
    }
    if (source?.backupStatus === 'retained') {
      notes.push(
        'These backups are retained and get no newer: the database was deleted, or their replication was stopped, by hand or ' +
          'by RDS, as when a key can not be used; in that case start the replication again.',
      );
    }
    if (source?.copiedFrom && point && point.requested === `snapshot ${point.snapshot}`) {
      notes.push(
        `The snapshot was chosen by its name, and records only the name of its database, ${source.instance}: whoever chose it ` +
          `must make sure that this is ${source.copiedFrom}.`,
      );
    }
    notes.push(...(server?.notes ?? []));
    for (const { survey } of this.databases) notes.push(...survey.notes.map((note) => `${survey.database}: ${note}`));
    if (point?.requested === 'random time' || point?.requested === 'given time') {
      notes.push(
        'The recovery point is measured from the latest restorable time, not from the earlier moment that was restored.',
      );
    }
    if (this.leftover !== null) {
      notes.push(
        `The restored instance '${this.copyName}' may still exist: ${this.leftover}. The janitor deletes it once it has expired.`,
      );
    }
    return [...new Set(notes)];
  }
}

export const measured = (seconds: number, objectiveSeconds: number) => ({
  seconds,
  objectiveSeconds,
  met: seconds <= objectiveSeconds,
});

const secondsBetween = (from: Date, to: Date) => (to.getTime() - from.getTime()) / 1000;

/**
 * What evidence records of the deployed definition.
 *
 * @param initial the database that checks of the user's own are about where none is named
 */
function deployed(definition: DrillDefinition | ValidationDefinition, initial: string | null): Evidence['definition'] {
  const { database = initial, checks } = definition;
  return {
    sha256: createHash('sha256').update(JSON.stringify(definition)).digest('hex'),
    database,
    checks: [...(checks.length > 0 ? checks : GENERIC_CHECKS)],
  };
}

/** The batches of one phase count as one: `run checks (2 of 7)` is `run checks`. */
function grouped(phases: readonly Phase[]): Phase[] {
  const totals = new Map<string, number>();
  for (const { phase, seconds } of phases) {
    const name = phase.replace(/ \(.*\)$/, '');
    totals.set(name, (totals.get(name) ?? 0) + seconds);
  }
  return [...totals].map(([phase, seconds]) => ({ phase, seconds: Math.round(seconds * 1000) / 1000 }));
}
