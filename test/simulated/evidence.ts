/** A run's document, before it has its place. */
import { EVIDENCE_SCHEMA, type Evidence, type EvidenceDraft } from '../../lambda/contract';

export const draft = (run: string, over: Partial<Evidence> = {}): EvidenceDraft => ({
  schema: EVIDENCE_SCHEMA,
  plan: 'Protection',
  target: 'Orders',
  drill: 'Monthly',
  run,
  outcome: 'passed',
  findings: [],
  started: '2026-11-01T10:00:00.000Z',
  finished: '2026-11-01T10:20:00.000Z',
  source: null,
  copy: null,
  restorePoint: null,
  recoveryTime: { seconds: 1100, objectiveSeconds: 3600, met: true },
  recoveryPoint: { seconds: 240, objectiveSeconds: 300, met: true },
  freshnessSeconds: null,
  phases: [{ phase: 'wait until available', seconds: 720 }],
  checks: [{ check: 'readable', outcome: 'passed', observed: '4 tables' }],
  warnings: [],
  notes: [],
  ...over,
});
