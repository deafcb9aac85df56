import type { Runbook } from '../../../lambda/runbook/runbook';
import { runCrashing } from '../../simulated/crashes';

const run = (runbook: (request: unknown, runbook: Runbook) => Promise<unknown>) =>
  runCrashing(() => runbook, {}, { name: 'run', time: { now: Date.UTC(2026, 10, 20) }, crashes: () => false });

/** What a survey of so many tables is like. */
const pieces = (tables: number) =>
  Array.from({ length: tables * 5 }, (_, piece) => ({
    check: piece % 5,
    object: `public.some_table_${Math.floor(piece / 5)}`,
    oid: 16_384 + piece * 7,
    bytes: (piece * 7919) % 1_000_000_007,
  }));

test('remembers what a survey of thousands of tables found, though Lambda takes a quarter of a megabyte', async () => {
  const found = pieces(2000);
  expect(JSON.stringify(found).length).toBeGreaterThan(700_000);
  let surveys = 0;
  const execution = await run(async (_, runbook) => {
    const seen = await runbook.step('survey', async () => {
      surveys += 1;
      return found;
    });
    await runbook.rest('a new invocation');
    return seen;
  });
  expect(surveys).toBe(1);
  expect(execution).toMatchObject({ status: 'succeeded', result: found });
});

test('fails a step whose result nobody can remember, and goes on', async () => {
  const execution = await run((_, runbook) =>
    runbook.step('survey', async () => pieces(20_000)).catch((error: Error) => error.message),
  );
  const said = /its result has \d+ bytes.*Lambda stores 262144/;
  expect(execution).toMatchObject({ status: 'succeeded', result: expect.stringMatching(said) });
});

test('steps of any name are such as Lambda takes', async () => {
  const { status } = await run(async (_, runbook) => {
    await runbook.step(`copy ${'x'.repeat(300)}`, async () => null);
    await runbook.rest('pause for \u00fc');
    return runbook.step('fails \u2014', () => Promise.reject(new Error('as told'))).catch(() => null);
  });
  expect(status).toBe('succeeded');
});

test.each([undefined, null, 0, '', [], { nested: { text: '\u00fc' } }])(
  'gives back what a step gave: %j',
  async (value) => {
    const execution = await run(async (_, runbook) => {
      const seen = await runbook.step('give', async () => value);
      await runbook.rest('a new invocation');
      return { seen: seen === undefined ? 'undefined' : seen };
    });
    expect(execution).toMatchObject({ result: { seen: value === undefined ? 'undefined' : value } });
  },
);
