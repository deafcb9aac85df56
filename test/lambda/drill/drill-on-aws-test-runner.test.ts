/** The same runbook on AWS's own testing runner: the simulator must not have taught it habits of its own. */
import { LocalDurableTestRunner } from '@aws/durable-execution-sdk-js-testing';
import { drillRestore } from '../../../lambda/drill/drill-restore';
import { durable } from '../../../lambda/runbook/runbook';
import { BYSTANDER, type Schedule, SOURCE, simulate, simulatedPorts } from '../../simulated/drill';
import { QUIET, SimulatedRegion } from '../../simulated/region';

/** Time is faked between the two, so nothing else may run there. */
async function official(database: Schedule['database']) {
  await LocalDurableTestRunner.setupTestEnvironment({ skipTime: true });
  try {
    return await run(database);
  } finally {
    await LocalDurableTestRunner.teardownTestEnvironment();
  }
}

async function run(database: Schedule['database']) {
  // That runner skips waits without letting its own clock advance, so each look at this one takes a few seconds.
  let now = Date.parse('2026-11-01T10:00:00Z');
  const clock = () => {
    now += 3000;
    return now;
  };
  const region = new SimulatedRegion(clock, () => 0.5, QUIET);
  region.existing(SOURCE);
  region.existing(BYSTANDER);
  const handlerFunction = durable(drillRestore(simulatedPorts(region, database)), { clock });
  const runner = new LocalDurableTestRunner({ handlerFunction });
  const result = await runner.run({ payload: { reason: 'a test' } });
  return { region, outcome: result.getResult(), steps: result.getOperations().map((operation) => operation.getName()) };
}

test.each(['healthy', 'corrupt', 'refuses connections'] as const)(
  'takes the same steps to the same outcome as in the simulator when the database is %s',
  async (database) => {
    const { region, outcome, steps } = await official(database);
    const simulated = await simulate({ database });
    expect(steps).toEqual(simulated.steps);
    expect(simulated.execution).toMatchObject({ status: 'succeeded', result: outcome });
    expect(outcome).toMatchObject({ outcome: database === 'healthy' ? 'passed' : 'failed' });
    expect(region.present()).toEqual([SOURCE, BYSTANDER]);
  },
);
