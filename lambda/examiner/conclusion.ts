import type { Check, CheckResult } from '../contract';
import type { Finding, Work } from './protocol';

/** What evidence calls a check. */
export function title(check: Check): string {
  switch (check.kind) {
    case 'readable':
      return 'readable';
    case 'indexes':
      return 'indexes agree with tables';
    case 'foreign-keys':
      return 'foreign keys hold';
    case 'not-emptied':
      return 'no table was emptied';
    case 'row-count':
      return `row count of ${check.table}`;
    case 'fresh':
      return `freshness of ${check.table}.${check.column}`;
    case 'nothing-after':
      return `nothing in ${check.table}.${check.column} after the restore point`;
    case 'no-orphans':
      return `no orphans ${check.table}.${check.column} -> ${check.parent}.${check.parentColumn}`;
    case 'query':
      return check.name;
  }
}

/** One result for each check, in the checks' order. */
export function conclude(
  checks: readonly Check[],
  batches: readonly (readonly Work[])[],
  findings: readonly Finding[],
): CheckResult[] {
  const work = batches.flat();
  return checks.map((check, index) => {
    // Sessions report in no order of their own.
    const own = findings.filter((finding) => finding.work.check === index).sort(byObject);
    const told = new Set(own.map((finding) => identity(finding.work)));
    const untold = work.filter((piece) => piece.check === index && !told.has(identity(piece)));
    return concludeOne(check, own, untold);
  });
}

const identity = ({ object, oid, blocks }: Work): string => JSON.stringify([object, oid, blocks]);

const byObject = (a: Finding, b: Finding): number => {
  const [one, other] = [a.work.object ?? '', b.work.object ?? ''];
  return one < other ? -1 : one > other ? 1 : 0;
};

function concludeOne(check: Check, findings: readonly Finding[], untold: readonly Work[]): CheckResult {
  const failed = findings.filter((finding) => finding.outcome === 'failed');
  const missed = [
    ...findings.flatMap((finding) => (finding.outcome === 'not-run' ? [{ ...finding.work, why: finding.reason }] : [])),
    ...untold.map((piece) => ({ ...piece, why: 'was not examined' })),
  ];
  const notRun = missed.length > 0 ? [reasons(missed)] : [];
  if (failed.length > 0) {
    const expected = [...new Set(failed.map((finding) => finding.expected))].join('; ');
    const observed = [listed([...new Set(failed.map((finding) => finding.observed))]), ...notRun].join('; besides, ');
    return { check: title(check), outcome: 'failed', observed, expected };
  }
  if (notRun.length > 0) return { check: title(check), outcome: 'not-run', reason: notRun.join() };
  const passed = findings.filter((finding) => finding.outcome === 'passed');
  if (passed.length === 0) return { check: title(check), outcome: 'not-run', reason: 'was not examined' };
  return { check: title(check), outcome: 'passed', observed: summary(check, passed) };
}

/** Each reason once, with what it kept from being checked. */
function reasons(missed: readonly { readonly object?: string; readonly why: string }[]): string {
  const byReason = new Map<string, Set<string>>();
  for (const { object, why } of missed) {
    const objects = byReason.get(why) ?? new Set();
    byReason.set(why, object === undefined ? objects : objects.add(object));
  }
  return [...byReason]
    .map(([why, objects]) => {
      if (objects.size === 0) return why;
      const what = listed([...objects], ', ');
      if (why === 'was not examined') return `${what} ${objects.size === 1 ? 'was' : 'were'} not examined`;
      return `${what}: ${why}`;
    })
    .join('; ');
}

const LISTED = 10;

const listed = (texts: readonly string[], separator = '; '): string =>
  texts.length <= LISTED
    ? texts.join(separator)
    : `${texts.slice(0, LISTED).join(separator)} and ${texts.length - LISTED} more`;

type Passed = Extract<Finding, { outcome: 'passed' }>;

function summary(check: Check, passed: readonly Passed[]): string {
  const pieces = passed.filter(({ work }) => work.object !== undefined);
  const whole = passed.filter(({ work }) => work.object === undefined).map(({ observed }) => observed);
  const objects = new Set(pieces.map(({ work }) => work.oid ?? work.object)).size;
  const how = [...new Set(pieces.map(({ observed }) => observed))].join('; ');
  switch (check.kind) {
    case 'readable': {
      const bytes = pieces.reduce((sum, { work }) => sum + work.bytes, 0);
      return objects === 0 ? whole.join('; ') : `${many(objects, 'table')}, ${size(bytes)}: ${how}`;
    }
    case 'indexes':
      return [`${many(objects, 'B-tree index', 'B-tree indexes')} compared, row by row`, ...whole].join('; ');
    case 'foreign-keys':
      return [objects === 0 ? [] : `${many(objects, 'foreign key')} without orphans`, ...whole].flat().join('; ');
    default:
      return whole.join('; ');
  }
}

const many = (count: number, one: string, several = `${one}s`): string => `${count} ${count === 1 ? one : several}`;

/** As PostgreSQL gives sizes: in powers of 1024. */
function size(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  const value = bytes / 1024 ** power;
  return `${value >= 100 || power === 0 ? Math.round(value) : Number(value.toPrecision(3))} ${units[power]}`;
}
