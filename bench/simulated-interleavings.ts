/** How long the drill takes through a thousand schedules of faults and crashes, promises checked as in the tests. */

import { simulate } from '../test/simulated/drill';
import { brokenPromises, keepBusy, randomSchedules } from '../test/simulated/interleavings';
import { type Measurement, type Progress, secondsOf } from './measurement';

const COUNT = 1000;

export async function simulatedSchedules(progress: Progress): Promise<Measurement[]> {
  progress(`simulating ${COUNT} schedules`);
  const flaws: string[] = [];
  let invocations = 0;
  const measured = await secondsOf(() =>
    keepBusy(randomSchedules(COUNT), async (schedule) => {
      const run = await simulate(schedule);
      invocations += run.execution.invocations;
      const broken = await brokenPromises(run, schedule);
      if (broken.length > 0) flaws.push(`broken: ${broken.join('; ')}, in ${JSON.stringify(schedule)}`);
    }),
  );
  const from = `${invocations.toLocaleString('en')} invocations`;
  return [{ what: `${COUNT.toLocaleString('en')} simulated schedules`, measured, unit: 's', limit: 60, from, flaws }];
}
