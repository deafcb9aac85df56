import type { Check } from '../../lambda/contract';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const checks: readonly Check[] = [
  { kind: 'row-count', table: 'polls', atLeast: 1 },
  { kind: 'row-count', table: 'participants', atLeast: 1 },
  { kind: 'row-count', table: 'votes', atLeast: 1 },
  { kind: 'row-count', table: 'audit_logs', atLeast: 1 },
  { kind: 'fresh', table: 'polls', column: 'created_at', withinSeconds: DAY },
  { kind: 'nothing-after', table: 'polls', column: 'created_at' },
  { kind: 'nothing-after', table: 'votes', column: 'created_at' },
  { kind: 'nothing-after', table: 'audit_logs', column: 'created_at' },
  // What counts can't tell: a count may read an index alone, and never the table.
  { kind: 'readable' },
  { kind: 'indexes' },
  { kind: 'constraints' },
  { kind: 'foreign-keys' },
  { kind: 'not-shrunk' },
];

export const zephyr = {
  system: 'zephyr',
  database: 'zephyr',
  objectives: { rpoSeconds: 5 * MINUTE, rtoSeconds: HOUR },
  checks,
} as const;
