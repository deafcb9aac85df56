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

test('a step that may run only once is not run again after a crash or an error', async () => {
  let runs = 0;
  const broken = async (when: number) => {
    let checkpoints = 0;
    runs = 0;
    const { result } = (await runCrashing(
      () => async (_, runbook) =>
        runbook
          .once('send', async () => {
            runs += 1;
            return 'sent';
          })
          .catch((error: Error) => `${error.name}: ${error.message}`),
      {},
      { name: 'run', time: { now: Date.UTC(2026, 10, 20) }, crashes: () => ++checkpoints === when },
    )) as { result: string };
    return { runs, result };
  };
  // Around the start of the step, then around its end.
  expect(await broken(1)).toEqual({ runs: 1, result: 'sent' });
  expect(await broken(2)).toEqual({ runs: 0, result: expect.stringMatching(/^InterruptedStep: .*'send'.*look at/) });
  expect(await broken(3)).toEqual({ runs: 1, result: expect.stringMatching(/^InterruptedStep/) });
  expect(await broken(4)).toEqual({ runs: 1, result: 'sent' });
  let attempts = 0;
  await run((_, runbook) =>
    runbook
      .once('send', async () => {
        attempts += 1;
        throw Object.assign(new Error('slow down'), { name: 'ThrottlingException', $metadata: {} });
      })
      .catch(() => null),
  );
  expect(attempts).toBe(1);
});

test('waiting for an event for a month takes a few hundred looks, and half an hour of delay at the most', async () => {
  const { result, metered } = (await run((_, runbook) =>
    runbook
      .poll(
        'wait for the event',
        async () => 'not yet',
        () => false,
        { hours: 720, pace: 'days' },
      )
      .catch((error: Error) => error.message),
  )) as { result: string; metered: number };
  expect(result).toMatch(/did not end within 720 h/);
  expect(metered).toBeLessThan(600);
});

test('a child execution has its own operations, and its failure is an error', async () => {
  const functions = {
    'copy:1': async (request: unknown, runbook: Runbook) => {
      for (let range = 0; range < 10; range++) await runbook.step(`copy range ${range}`, async () => null);
      return request;
    },
    'fail:1': async (_: unknown, runbook: Runbook) =>
      runbook.step('copy', () => Promise.reject(new Error('full disk'))),
  };
  let crash = 0;
  const { result, metered } = (await runCrashing(
    () => async (_, runbook) => [
      await runbook.child('copy the table', 'copy:1', { table: 'votes' }),
      await runbook.child('copy again', 'fail:1', {}).catch((error: Error) => error.message),
      await runbook.child('copy elsewhere', 'none:1', {}).catch((error: Error) => error.message),
    ],
    {},
    { name: 'run', time: { now: Date.UTC(2026, 10, 20) }, functions, crashes: () => ++crash % 7 === 0 },
  )) as { result: unknown; metered: number };
  expect(result).toEqual([{ table: 'votes' }, 'full disk', expect.stringMatching(/none:1/)]);
  expect(metered).toBe(9);
});
