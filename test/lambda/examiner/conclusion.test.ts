import { GENERIC_CHECKS } from '../../../lambda/contract';
import { conclude } from '../../../lambda/examiner/conclusion';
import type { Finding, Work } from '../../../lambda/examiner/protocol';

const READABLE = [{ kind: 'readable' }] as const;
const whole: Work = { check: 0, bytes: 0 };
const piece = (object: string, oid: number): Work => ({ check: 0, object, oid, bytes: 1024 ** 2 });
const [polls, votes, logs] = [piece('polls', 1), piece('votes', 2), piece('logs', 3)];
const passed = (work: Work): Finding => ({ work, outcome: 'passed', observed: work.object ? 'read' : 'tables found' });
const failed = (work: Work): Finding => ({
  work,
  outcome: 'failed',
  observed: `${work.object}: broken`,
  expected: 'whole tables',
});
const missed = (work: Work): Finding => ({ work, outcome: 'not-run', reason: 'ran out of time' });

test('a check passes when each of its pieces did', () => {
  expect(conclude(READABLE, [[whole, polls], [votes]], [passed(votes), passed(whole), passed(polls)])).toEqual([
    { check: 'readable', outcome: 'passed', observed: '2 tables, 2 MB: read' },
  ]);
});

test('a piece that nobody reported on keeps its check from passing', () => {
  expect(conclude(READABLE, [[whole, polls], [votes]], [passed(whole), passed(polls)])).toEqual([
    { check: 'readable', outcome: 'not-run', reason: 'votes was not examined' },
  ]);
});

test('each range of a table counts', () => {
  const ranges = [0, 1].map((from): Work => ({ ...votes, blocks: [from, from] }));
  expect(conclude(READABLE, [[whole, ...ranges]], [passed(whole), passed(ranges[0]!)])).toMatchObject([
    { outcome: 'not-run', reason: 'votes was not examined' },
  ]);
});

test('failed beats not run, which is told besides', () => {
  expect(conclude(READABLE, [[whole, polls, votes, logs]], [passed(whole), missed(polls), failed(votes)])).toEqual([
    {
      check: 'readable',
      outcome: 'failed',
      observed: 'votes: broken; besides, polls: ran out of time; logs was not examined',
      expected: 'whole tables',
    },
  ]);
});

test('a piece that failed once has failed, whatever a second look said', () => {
  expect(conclude(READABLE, [[polls]], [failed(polls), passed(polls)])).toMatchObject([{ outcome: 'failed' }]);
});

test('checks without any work or finding were not run, in the order asked for', () => {
  expect(conclude(GENERIC_CHECKS, [], [])).toEqual(
    ['readable', 'foreign keys hold', 'indexes agree with tables', 'no table was emptied'].map((check) => ({
      check,
      outcome: 'not-run',
      reason: 'was not examined',
    })),
  );
});

test('a long list is cut, with the number of the rest', () => {
  const many = Array.from({ length: 15 }, (_, index) => piece(`table_${index}`, index));
  const [result] = conclude(READABLE, [many], []);
  expect(result).toMatchObject({ reason: expect.stringMatching(/^table_0, .*table_9 and 5 more were not examined$/) });
});
