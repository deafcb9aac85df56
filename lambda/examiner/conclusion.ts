/**
 * What the findings amount to. Failed beats not run, not run beats passed, and an object that nobody reported on was
 * not examined: silence never passes. Warnings stand beside the result and change nothing about it.
 */
import type { Check, CheckResult } from '../contract';
import { many, size } from './figures';
import type { Finding, Problem, Survey } from './protocol';

/** What was found out about one database. */
export interface ExaminedDatabase {
  readonly survey: Survey;
  readonly findings: readonly Finding[];
}

/** What evidence calls a check. */
export function title(check: Check): string {
  switch (check.kind) {
    case 'readable':
      return 'readable';
    case 'indexes':
      return 'indexes agree with tables';
    case 'constraints':
      return 'declared constraints hold';
    case 'foreign-keys':
      return 'foreign keys hold';
    case 'not-shrunk':
      return 'nothing was lost since the last proof';
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
export function conclude(checks: readonly Check[], databases: readonly ExaminedDatabase[]): CheckResult[] {
  return checks.map((check, index) => concludeOne(check, index, databases));
}

function concludeOne(check: Check, index: number, databases: readonly ExaminedDatabase[]): CheckResult {
  const several = databases.length > 1;
  const own = databases.map(({ survey, findings }) => ({
    survey,
    prefix: several ? `${survey.database}: ` : '',
    findings: findings.filter((finding) => finding.check === index),
  }));
  const texts = (kind: 'failures' | 'warnings' | 'notRun') =>
    listed(
      own.flatMap(({ prefix, findings }) =>
        findings.flatMap((one) => one[kind].first.map((problem) => prefix + sentence(problem))),
      ),
      own.reduce((sum, { findings }) => sum + findings.reduce((more, one) => more + one[kind].count, 0), 0),
    );
  const failures = own.flatMap(({ findings }) => findings.flatMap(({ failures }) => failures.first));
  const notRun = [
    texts('notRun'),
    ...own.flatMap(({ survey, prefix, findings }) => missed(survey, index, findings).map((text) => prefix + text)),
  ]
    .filter((text) => text !== '')
    .join('; ');
  const warnings = own.flatMap(({ prefix, findings }) =>
    findings.flatMap((one) => one.warnings.first.map((problem) => prefix + withRemedy(problem))),
  );
  const beside = warnings.length > 0 ? { warnings } : {};
  const of = title(check);
  if (failures.length > 0) {
    const expected = [...new Set(failures.flatMap((problem) => problem.expected ?? []))].join('; ');
    const remedy = [...new Set(failures.flatMap((problem) => problem.remedy ?? []))].join('; ');
    const observed = [texts('failures'), notRun].filter((text) => text !== '').join('; besides, not examined: ');
    return { check: of, outcome: 'failed', observed, expected, ...(remedy && { remedy }), ...beside };
  }
  const findings = own.flatMap((one) => one.findings);
  // A database may have nothing to check, such as no foreign key; that nobody looked for any is something else.
  const nothing = own.length > 0 && own.every(({ survey }) => survey.lookedFor.includes(index));
  if (notRun !== '' || (findings.length === 0 && !nothing)) {
    const remedies = findings.flatMap((one) => one.notRun.first.flatMap((problem) => problem.remedy ?? []));
    const remedy = [...new Set(remedies)].join('; ');
    return {
      check: of,
      outcome: 'not-run',
      reason: notRun || 'was not examined',
      ...(remedy && { remedy }),
      ...beside,
    };
  }
  return { check: of, outcome: 'passed', observed: summary(check, findings), ...beside };
}

/** Objects that the survey counted and no finding speaks of. */
function missed(survey: Survey, check: number, findings: readonly Finding[]): string[] {
  const planned = new Map<string, number>();
  for (const work of survey.calls.flat()) {
    // A table that is read in parts is one object, however many parts.
    if (!work.checks.includes(check)) continue;
    planned.set(work.detector, (planned.get(work.detector) ?? 0) + work.objects);
  }
  for (const { work, examined } of findings) planned.set(work.detector, (planned.get(work.detector) ?? 0) - examined);
  return [...planned].flatMap(([detector, count]) =>
    count > 0 ? [`${many(count, 'object')} of '${detector}' ${count === 1 ? 'was' : 'were'} not examined`] : [],
  );
}

const sentence = ({ object, observed }: Problem) => (object === undefined ? observed : `${object}: ${observed}`);

const withRemedy = (problem: Problem) =>
  [sentence(problem), problem.expected && `expected ${problem.expected}`, problem.remedy].filter(Boolean).join('; ');

const LISTED = 10;

/** The first ones, each text once, and how many more there are. */
function listed(texts: readonly string[], count: number): string {
  const different = [...new Set(texts)];
  const shown = different.slice(0, LISTED);
  const more = count - texts.length + different.length - shown.length;
  return more > 0 && shown.length > 0 ? `${shown.join('; ')} and ${more} more` : shown.join('; ');
}

function summary(check: Check, findings: readonly Finding[]): string {
  const observed = [...new Set(findings.flatMap((finding) => finding.observed))].join('; ');
  const count = (detector: string) =>
    findings.reduce(
      (sum, { work, examined }) =>
        work.detector === detector ? sum + (work.blocks && work.blocks[0] > 0 ? 0 : examined) : sum,
      0,
    );
  const bytes = findings.reduce((sum, finding) => (finding.work.detector === 'rows' ? sum + finding.bytes : sum), 0);
  switch (check.kind) {
    case 'readable':
      return `${many(count('rows'), 'table')}, ${size(bytes)}: ${observed}`;
    case 'indexes':
      return `${many(count('btree'), 'B-tree index', 'B-tree indexes')}: ${observed}`;
    case 'not-shrunk':
      // Of the work on this check, only the comparison is reported, not the counting of rows.
      return findings.flatMap((one) => (one.work.detector === 'last proof' ? one.observed : [])).join('; ');
    case 'foreign-keys':
      return count('foreign keys') === 0
        ? 'no foreign keys are declared'
        : `${many(count('foreign keys'), 'foreign key')} without orphans`;
    default:
      return observed || 'there is nothing of that kind';
  }
}
