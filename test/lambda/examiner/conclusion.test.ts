import { type Check, GENERIC_CHECKS } from '../../../lambda/contract';
import { conclude } from '../../../lambda/examiner/conclusion';
import type { Finding, Problem, Survey, Work } from '../../../lambda/examiner/protocol';

const READABLE: readonly Check[] = [{ kind: 'readable' }];
const rows = (from: number, objects = 1): Work => ({
  detector: 'rows',
  checks: [0],
  oids: [from, from + objects - 1],
  objects,
  bytes: 1024 ** 2,
});
const surveyOf = (work: readonly Work[], database = 'shop'): Survey => ({
  database,
  bytes: 1,
  lookedFor: [...new Set(work.flatMap(({ checks }) => checks))],
  calls: [work],
  tables: 1,
  holdsRows: true,
  notes: [],
});

const found = (work: Work, problems: Partial<Record<'failures' | 'warnings' | 'notRun', Problem[]>> = {}): Finding => {
  const listed = (some: Problem[] = []) => ({ count: some.length, first: some });
  const { failures, warnings, notRun } = problems;
  const whole = !failures && !notRun;
  return {
    work,
    check: work.checks[0]!,
    examined: work.objects,
    bytes: work.bytes,
    observed: whole ? ['read'] : [],
    failures: listed(failures),
    warnings: listed(warnings),
    notRun: listed(notRun),
  };
};
const broken = (object: string): Problem => ({
  object,
  observed: 'broken',
  expected: 'whole tables',
  remedy: 'restore an earlier backup',
});

test('a check passes when each of its objects did', () => {
  const work = [rows(1), rows(5, 2)];
  expect(conclude(READABLE, [{ survey: surveyOf(work), findings: work.map((one) => found(one)) }])).toEqual([
    { check: 'readable', outcome: 'passed', observed: '3 tables, 2 MB: read' },
  ]);
});

test('a check passes where its objects were looked for and there are none, and is not run where nobody looked', () => {
  const keys: readonly Check[] = [{ kind: 'foreign-keys' }];
  const empty = surveyOf([]);
  expect(conclude(keys, [{ survey: { ...empty, lookedFor: [0] }, findings: [] }])).toEqual([
    { check: 'foreign keys hold', outcome: 'passed', observed: 'no foreign keys are declared' },
  ]);
  expect(conclude(keys, [{ survey: empty, findings: [] }])).toMatchObject([{ outcome: 'not-run' }]);
  expect(conclude(keys, [])).toMatchObject([{ outcome: 'not-run' }]);
});

test('an object that nobody reported on keeps its check from passing', () => {
  const work = [rows(1), rows(5, 2)];
  expect(conclude(READABLE, [{ survey: surveyOf(work), findings: [found(work[0]!)] }])).toEqual([
    { check: 'readable', outcome: 'not-run', reason: "2 objects of 'rows' were not examined" },
  ]);
  const half = { ...found(work[1]!), examined: 1 };
  expect(conclude(READABLE, [{ survey: surveyOf(work), findings: [found(work[0]!), half] }])).toMatchObject([
    { reason: "1 object of 'rows' was not examined" },
  ]);
});

test('each range of a table counts, and the table counts once', () => {
  const ranges = [0, 1].map((from): Work => ({ ...rows(2), blocks: [from, from] }));
  expect(conclude(READABLE, [{ survey: surveyOf(ranges), findings: [found(ranges[0]!)] }])).toMatchObject([
    { outcome: 'not-run', reason: "1 object of 'rows' was not examined" },
  ]);
  expect(
    conclude(READABLE, [{ survey: surveyOf(ranges), findings: ranges.map((range) => found(range)) }]),
  ).toMatchObject([{ outcome: 'passed', observed: '1 table, 2 MB: read' }]);
});

test('failed beats not run, which is told besides', () => {
  const work = [rows(1), rows(2), rows(3)];
  const findings = [
    found(work[0]!, { failures: [broken('votes')] }),
    found(work[1]!, { notRun: [{ object: 'logs', observed: 'locked' }] }),
  ];
  expect(conclude(READABLE, [{ survey: surveyOf(work), findings }])).toEqual([
    {
      check: 'readable',
      outcome: 'failed',
      observed: "votes: broken; besides, not examined: logs: locked; 1 object of 'rows' was not examined",
      expected: 'whole tables',
      remedy: 'restore an earlier backup',
    },
  ]);
});

test('an object that failed once has failed, whatever a second look said', () => {
  const work = [rows(1)];
  const findings = [found(work[0]!, { failures: [broken('votes')] }), found(work[0]!)];
  expect(conclude(READABLE, [{ survey: surveyOf(work), findings }])).toMatchObject([{ outcome: 'failed' }]);
});

test('a warning stands beside the result with object, expectation and remedy, and changes nothing about it', () => {
  const work = [rows(1)];
  const findings = [found(work[0]!, { warnings: [broken('votes')] })];
  expect(conclude(READABLE, [{ survey: surveyOf(work), findings }])).toEqual([
    {
      check: 'readable',
      outcome: 'passed',
      observed: '1 table, 1 MB: read',
      warnings: ['votes: broken; expected whole tables; restore an earlier backup'],
    },
  ]);
});

test('what is not run says what to do', () => {
  const work = [rows(1)];
  const findings = [found(work[0]!, { notRun: [{ object: 'logs', observed: 'locked', remedy: 'unlock it' }] })];
  expect(conclude(READABLE, [{ survey: surveyOf(work), findings }])).toEqual([
    { check: 'readable', outcome: 'not-run', reason: 'logs: locked', remedy: 'unlock it' },
  ]);
});

test('checks without any finding were not run, in the order asked for', () => {
  expect(conclude(GENERIC_CHECKS, [])).toEqual(
    [
      'readable',
      'indexes agree with tables',
      'declared constraints hold',
      'foreign keys hold',
      'nothing was lost since the last proof',
    ].map((check) => ({ check, outcome: 'not-run', reason: 'was not examined' })),
  );
});

test('of several databases, each is named', () => {
  const work = [rows(1)];
  const findings = [found(work[0]!, { failures: [broken('votes')] })];
  const databases = [
    { survey: surveyOf(work), findings },
    { survey: surveyOf(work, 'other'), findings: [found(work[0]!)] },
  ];
  expect(conclude(READABLE, databases)).toMatchObject([{ outcome: 'failed', observed: 'shop: votes: broken' }]);
});

test('a long list is cut, with the number of the rest, and one text is told once', () => {
  const work = [rows(1, 200)];
  const named = Array.from({ length: 15 }, (_, index) => broken(`table_${index}`));
  const finding = found(work[0]!, { failures: [...named, ...named] });
  const more = { ...finding, failures: { ...finding.failures, count: 100 } };
  expect(conclude(READABLE, [{ survey: surveyOf(work), findings: [finding] }])).toMatchObject([
    { observed: expect.stringMatching(/^table_0: broken; .*table_9: broken and 5 more$/) },
  ]);
  expect(conclude(READABLE, [{ survey: surveyOf(work), findings: [more] }])).toMatchObject([
    { observed: expect.stringMatching(/and 75 more$/) },
  ]);
});
