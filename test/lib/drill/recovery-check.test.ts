import { Duration } from 'aws-cdk-lib';
import { check, parse, restorePoint } from '../../../lambda/contract';
import { RecoveryCheck, RestorePoint } from '../../../lib';

const votes = { table: 'votes', column: 'poll_id' };

test.each([
  [RecoveryCheck.readable(), { kind: 'readable' }],
  [RecoveryCheck.indexes(), { kind: 'indexes' }],
  [RecoveryCheck.foreignKeys(), { kind: 'foreign-keys' }],
  [RecoveryCheck.constraints(), { kind: 'constraints' }],
  [RecoveryCheck.notShrunk(), { kind: 'not-shrunk' }],
  [RecoveryCheck.rowCount('polls', { atLeast: 1 }), { kind: 'row-count', table: 'polls', atLeast: 1 }],
  [
    RecoveryCheck.fresh({ table: 'polls', column: 'created_at', within: Duration.hours(1) }),
    { kind: 'fresh', table: 'polls', column: 'created_at', withinSeconds: 3600 },
  ],
  [
    RecoveryCheck.nothingAfter({ table: 'polls', column: 'created_at' }),
    { kind: 'nothing-after', table: 'polls', column: 'created_at' },
  ],
  [
    RecoveryCheck.noOrphans({ ...votes, parent: 'polls' }),
    { kind: 'no-orphans', ...votes, parent: 'polls', parentColumn: 'id' },
  ],
  [
    RecoveryCheck.query({ name: 'admins', sql: 'SELECT count(*) FROM admins', atLeast: 1 }),
    { kind: 'query', name: 'admins', sql: 'SELECT count(*) FROM admins', atLeast: 1 },
  ],
  [RecoveryCheck.fromContract({ kind: 'indexes' }), { kind: 'indexes' }],
])('a check is the JSON that its runbook reads: %#', (value, contract) => {
  expect(JSON.parse(JSON.stringify(value.contract))).toEqual(contract);
  expect(parse(check, contract, 'request')).toEqual(contract);
});

test.each([
  ['rowCount', () => RecoveryCheck.rowCount('polls', {}), 'needs atLeast, atMost or both'],
  ['rowCount', () => RecoveryCheck.rowCount('', { atLeast: 1 }), 'table: must not be empty'],
  ['rowCount', () => RecoveryCheck.rowCount('polls', { atLeast: -1 }), 'atLeast: must be a whole number from 0'],
  ['rowCount', () => RecoveryCheck.rowCount('polls', { atLeast: 1.5 }), 'atLeast: must be a whole number from 0'],
  ['rowCount', () => RecoveryCheck.rowCount('polls', { atLeast: 2, atMost: 1 }), 'so no restored instance could pass'],
  ['query', () => RecoveryCheck.query({ name: 'admins', sql: 'SELECT 1' }), 'needs an expectation'],
  [
    'query',
    () => RecoveryCheck.query({ name: 'a', sql: 'SELECT 1', atLeast: 0.2, atMost: 0.1 }),
    'no restored instance could pass',
  ],
  [
    'fresh',
    () => RecoveryCheck.fresh({ table: 'polls', column: 'created_at', within: Duration.seconds(0) }),
    'withinSeconds: must be more than 0 seconds',
  ],
])('refuses a %s that can not be checked', (_, make, reason) => {
  expect(make).toThrow(reason);
});

test('takes bounds that meet', () => {
  expect(RecoveryCheck.rowCount('polls', { atLeast: 2, atMost: 2 }).contract).toMatchObject({ atLeast: 2, atMost: 2 });
});

test('refuses a query that one NULL would blind, and takes the same asked by NOT EXISTS', () => {
  const orphans = (condition: string) => () =>
    RecoveryCheck.query({ name: 'orphans', sql: `SELECT count(*) FROM votes v WHERE ${condition}`, equals: '0' });
  expect(orphans('v.poll_id NOT IN (SELECT id FROM polls)')).toThrow(/'orphans': 'sql' has NOT IN.*NOT EXISTS/);
  expect(orphans('v.poll_id not  in\n( select id from polls )')).toThrow('noOrphans');
  expect(orphans('NOT EXISTS (SELECT FROM polls p WHERE p.id = v.poll_id)')).not.toThrow();
  expect(orphans("v.kind NOT IN ('up', 'down')")).not.toThrow();
});

test.each([
  [
    'rds:orders-2025-11-09',
    "RDS names automated snapshots 'rds:<database>-YYYY-MM-DD-HH-MM'",
    'rds:orders-2025-11-09-03-10',
  ],
  ['arn:aws:rds:us-east-1:111122223333:snapshot:before', 'only in its own region', 'before'],
  ['before release', 'letters, digits and single hyphens', 'before-release'],
  ['before--release', 'letters, digits and single hyphens', 'awsbackup:job-1b2c'],
])("refuses '%s', which no snapshot is called", (identifier, why, legal) => {
  expect(() => RestorePoint.snapshot(identifier)).toThrow(why);
  expect(() => RestorePoint.snapshot(legal)).not.toThrow();
});

test.each([
  [RestorePoint.latest(), { kind: 'latest' }],
  [RestorePoint.latestSnapshot(), { kind: 'latest-snapshot' }],
  [RestorePoint.snapshot('before-release'), { kind: 'snapshot', snapshot: 'before-release' }],
  [RestorePoint.at('2026-11-09T14:25:00Z'), { kind: 'time', time: '2026-11-09T14:25:00Z' }],
  [RestorePoint.random({ within: Duration.days(7) }), { kind: 'random', withinSeconds: 604_800 }],
])('a restore point is the JSON that its runbook reads: %#', (value, request) => {
  expect(value.request).toEqual(request);
  expect(parse(restorePoint, request, 'request')).toEqual(request);
});

/** What is wrong, a line each. */
function problemsOf(make: () => unknown): string[] {
  try {
    make();
  } catch (error) {
    return String(error).split('\n').slice(1);
  }
  return [];
}

test('one mistake is told once', () => {
  expect(problemsOf(() => RestorePoint.at('yesterday'))).toEqual(['  time: must be like 2026-11-01T10:00:00Z']);
  expect(problemsOf(() => RestorePoint.at('2026-02-31T10:00:00Z'))).toEqual(['  time: must be a date of the calendar']);
  expect(problemsOf(() => RestorePoint.at('2026-02-28T10:00:00Z'))).toEqual([]);
  expect(problemsOf(() => RecoveryCheck.rowCount('polls', { atLeast: -1.5 }))).toEqual([
    '  atLeast: must be a whole number from 0',
  ]);
});

test('refuses a moment without an offset, which would mean another one elsewhere', () => {
  expect(() => RestorePoint.at('2026-11-09 14:25:00')).toThrow(
    "restore point is not valid, so it can't be used; correct:",
  );
});
