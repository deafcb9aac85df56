/** `lifeboat region`: serves a local AWS region until it is interrupted. */
import { type Command, InvalidArgumentError } from 'commander';
import { serveRegion } from '../../rehearsal/region';
import { REGION_NAME } from '../../rehearsal/server/call';
import { writeExports } from '../../rehearsal/shell-exports';
import { onSignal } from '../ending';
import { count, port } from '../numbers';

export function addRegion(program: Command): void {
  program
    .command('region')
    .description('Serve a local AWS region on real PostgreSQL until Ctrl-C, for the AWS CLI, SDKs and runbooks.')
    .option('--port <number>', 'port of the endpoint on 127.0.0.1; 0 takes any that is free', port, 0)
    .option('--region <name>', 'AWS region that the printed exports name', regionName, 'us-east-1')
    .option(
      '--pacing <milliseconds>',
      'how long each transitional state (creating, deleting ...) lasts at least',
      count,
      0,
    )
    .option(
      '--hold',
      "hold answers about one instance until its state has settled, so that 'aws rds wait' returns early",
      false,
    )
    .option('--keep', 'keep data directories and snapshots after Ctrl-C', false)
    .action(async ({ port, region: name, pacing, hold, keep }) => {
      const stop = onSignal();
      const region = await serveRegion({ port, pacing, holdDescribes: hold, keep });
      try {
        process.stdout.write(`${await writeExports(region, name)}\n`);
        if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }));
      } finally {
        await region.close();
      }
      process.stderr.write(keep ? `kept in ${region.folder}\n` : 'the region and everything in it was removed\n');
    });
}

function regionName(text: string): string {
  if (REGION_NAME.test(text)) return text;
  throw new InvalidArgumentError('It must be an AWS region name, such as eu-central-1.');
}
