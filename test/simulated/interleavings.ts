/** Any mixture of faults, crashes, slow and failing restores, bad databases, and executions that are stopped. */
import fc from 'fast-check';
import { BYSTANDER, type Run, type Schedule, SOURCE } from './drill';
import { ELSEWHERE } from './region';

/** Where only copies of the database's backups are. */
const COPIED = {
  source: { instance: SOURCE, copied: { from: ELSEWHERE, instanceClass: 'db.t3.large' } },
  database: 'zephyr',
};

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
  definition: fc.constantFrom(
    undefined,
    undefined,
    { ...COPIED, restore: { kind: 'latest' as const } },
    { ...COPIED, restore: { kind: 'latest-snapshot' as const } },
  ),
  stoppedAfter: fc.oneof(
    { weight: 9, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 30 }) },
  ),
});

export function randomSchedules(count: number): Schedule[] {
  return fc.sample(schedule, { numRuns: count, seed: Number(process.env.LIFEBOAT_SEED ?? 20261120) });
}

/** Each run mostly waits for the SDK's own short timers, so many share the processor. */
const AT_ONCE = 100;

export async function keepBusy(schedules: Schedule[], work: (chosen: Schedule) => Promise<void>): Promise<void> {
  const next = schedules.values();
  const worker = async () => {
    for (const chosen of next) await work(chosen);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** What the drill promises whatever happens, and did not keep in this run. */
export async function brokenPromises(run: Run, chosen: Schedule): Promise<string[]> {
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
  return promises.filter(([, kept]) => !kept).map(([promise]) => promise);
}
