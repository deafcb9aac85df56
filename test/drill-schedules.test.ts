import fc from 'fast-check';
import { BYSTANDER, type Run, type Schedule, SOURCE, simulate } from './simulate';

/** Any mixture of faults, crashes, slow and failing restores, bad databases, and executions that are stopped. */
const share = (most: number) => fc.double({ min: 0, max: most, noNaN: true });
const schedule: fc.Arbitrary<Schedule> = fc.record({
  seed: fc.integer({ min: 0 }),
  throttled: share(0.15),
  unavailable: share(0.1),
  lost: share(0.15),
  garbled: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: share(0.1) }),
  stale: share(0.5),
  crashes: share(0.25),
  restoreMinutes: fc.double({ min: 0.1, max: 20, noNaN: true }),
  restore: fc.constantFrom('available', 'available', 'available', 'storage-initialization', 'incompatible-restore'),
  database: fc.constantFrom(
    'healthy',
    'healthy',
    'slow',
    'corrupt',
    'partly unchecked',
    'refuses connections',
    'examiner dies',
  ),
  stoppedAfter: fc.oneof(
    { weight: 9, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 30 }) },
  ),
});

const COUNT = 1000;
const AT_ONCE = 100;

test(`keeps its promises through ${COUNT} random schedules of faults and crashes`, async () => {
  const schedules = fc.sample(schedule, { numRuns: COUNT, seed: Number(process.env.LIFEBOAT_SEED ?? 20261120) });
  const totals = { passed: 0, failed: 0, stopped: 0, invocations: 0, most: 0 };
  // Each run mostly waits for the SDK's own short timers, so many share the processor.
  const next = schedules.values();
  const worker = async () => {
    for (const chosen of next) {
      const run = await simulate(chosen);
      await holds(run, chosen);
      totals.invocations += run.execution.invocations;
      totals.most = Math.max(totals.most, run.execution.metered);
      totals[run.execution.status === 'stopped' ? 'stopped' : (run.evidence[0]?.outcome ?? 'failed')]++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  // The schedules are worth something only if all kinds of endings are among them.
  expect(totals.passed).toBeGreaterThan(COUNT / 10);
  expect(totals.failed).toBeGreaterThan(COUNT / 10);
  expect(totals.stopped).toBeGreaterThan(COUNT / 50);
  expect(totals.invocations).toBeGreaterThan(COUNT * 5);
});

async function holds(run: Run, chosen: Schedule): Promise<void> {
  const { execution, region, evidence } = run;
  const promises: [string, boolean][] = [
    ['only its own copy is modified or deleted', region.touched.every((call) => / lifeboat-orders-1a2b3c-/.test(call))],
    ['stays below 500 durable operations', execution.metered < 500],
    ['leaks no password', run.passwords.every((password) => !run.traces.includes(password))],
  ];
  if (execution.status !== 'stopped') {
    const [document] = evidence;
    const sound =
      (chosen.database === 'healthy' || chosen.database === 'slow') && chosen.restore !== 'incompatible-restore';
    promises.push(
      ['evidence is published exactly once', evidence.length === 1],
      ['the readable form lies beside it', region.objects.has('evidence/Protection/Orders/00000001.md')],
      ['what was not proven never passes', sound || document?.outcome === 'failed'],
      ['a failed run says why', document?.outcome === 'passed' || (document?.findings.length ?? 0) > 0],
      [
        'no copy outlives the run',
        region.present().length === 2 || document?.notes.join().includes('janitor') === true,
      ],
    );
  }
  await run.janitor();
  promises.push(['no copy outlives the janitor', region.present().join() === [SOURCE, BYSTANDER].join()]);
  const broken = promises.filter(([, kept]) => !kept).map(([promise]) => promise);
  if (broken.length > 0) {
    throw new Error(`broken: ${broken.join('; ')}\nin ${JSON.stringify(chosen)}\nevidence ${JSON.stringify(evidence)}`);
  }
}
