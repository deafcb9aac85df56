/** The numbers that Lifeboat is held to, measured on this machine: the table goes to standard output. */
import { cpus } from 'node:os';
import { Command, Option } from 'commander';
import { drillOverhead } from './drill-overhead';
import { examination } from './examination';
import { handlerBundle } from './handler-bundle';
import { manyTables } from './many-tables';
import { isOk, type Measurement, type Progress } from './measurement';
import { simulatedSchedules } from './simulated-interleavings';
import { synthOfFleet } from './synth-of-fleet';
import { synthOfZephyr } from './synth-of-zephyr';
import { table } from './table';
import { tableRecovery } from './table-recovery';

const PARTS: Record<string, (progress: Progress) => Promise<Measurement[]>> = {
  drill: drillOverhead,
  examination,
  schedules: simulatedSchedules,
  handler: handlerBundle,
  synth: synthOfZephyr,
  fleet: synthOfFleet,
  tables: manyTables,
  recovery: tableRecovery,
};

// Ends the databases with it: an ordinary end runs what they left for it, a signal alone does not.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

new Command('npm run bench --')
  .description(
    'Measures what Lifeboat is held to, in about three minutes. Ratios compare two things by turns in one run, so they ' +
      'hold on any machine that does little else meanwhile. Exits with 1 where a limit is missed.',
  )
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .addOption(new Option('--only <parts...>', 'measure these alone').choices(Object.keys(PARTS)))
  .option('--json', 'print JSON instead of a table; `npm run --silent bench -- --json` prints nothing else', false)
  .action(async ({ only = Object.keys(PARTS), json }: { only?: string[]; json: boolean }) => {
    const start = performance.now();
    const progress: Progress = (doing) => {
      const elapsed = ((performance.now() - start) / 1000).toFixed(1);
      process.stderr.write(`${elapsed.padStart(6)} s  ${doing}\n`);
    };
    const measurements: Measurement[] = [];
    for (const [name, measure] of Object.entries(PARTS)) {
      if (only.includes(name)) measurements.push(...(await measure(progress)));
    }
    const [{ model = 'unknown processor' } = {}, ...others] = cpus();
    const machine = `${others.length + 1} cores of ${model.trim()}, Node ${process.versions.node}`;
    const results = measurements.map((measurement) => ({ ...measurement, ok: isOk(measurement) }));
    process.stdout.write(
      json ? `${JSON.stringify({ machine, measurements: results }, null, 2)}\n` : table(results, machine),
    );
    if (!results.every(({ ok }) => ok)) process.exitCode = 1;
  })
  .parseAsync()
  .catch((error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.stack : error}\n`);
    process.exitCode = 1;
  });
