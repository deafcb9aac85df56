import { simulate } from '../../simulated/drill';
import { brokenPromises, keepBusy, randomSchedules } from '../../simulated/interleavings';

const COUNT = 1000;

test(`keeps its promises through ${COUNT} random schedules of faults and crashes`, async () => {
  const totals = { passed: 0, failed: 0, stopped: 0, invocations: 0, most: 0 };
  await keepBusy(randomSchedules(COUNT), async (chosen) => {
    const run = await simulate(chosen);
    const broken = await brokenPromises(run, chosen);
    if (broken.length > 0) {
      const evidence = JSON.stringify(run.evidence);
      throw new Error(`broken: ${broken.join('; ')}\nin ${JSON.stringify(chosen)}\nevidence ${evidence}`);
    }
    totals.invocations += run.execution.invocations;
    totals.most = Math.max(totals.most, run.execution.metered);
    totals[run.execution.status === 'stopped' ? 'stopped' : (run.evidence[0]?.outcome ?? 'failed')]++;
  });
  // The schedules are worth something only if all kinds of endings are among them.
  expect(totals.passed).toBeGreaterThan(COUNT / 10);
  expect(totals.failed).toBeGreaterThan(COUNT / 10);
  expect(totals.stopped).toBeGreaterThan(COUNT / 50);
  expect(totals.invocations).toBeGreaterThan(COUNT * 5);
});
