#!/usr/bin/env node
/** The command line: reads arguments, calls what does the work, and says how it ended. */
import { join } from 'node:path';
import { RDSClient } from '@aws-sdk/client-rds';
import { Command, InvalidArgumentError, Option } from 'commander';
import { snapshotByHand, snapshotRequest } from '../lambda/rds/snapshot-from-terminal';
import packageJson from '../package.json';
import { serveRegion } from '../rehearsal/region';
import { rdsClient } from '../rehearsal/server/clients';
import { writeExports } from '../rehearsal/shell-exports';
import { Narrator } from '../rehearsal/story/narrator';
import { rehearse, SYSTEMS } from '../rehearsal/story/rehearse';
import { summary } from '../rehearsal/story/summary';

/** Exit codes: what was to be proven was proven; it was not; the command was misused. */
const PROVEN = 0;
const NOT_PROVEN = 1;
const MISUSED = 2;

// Node 20 works for all that is done here, whatever it may be warned of on the way to AWS.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

const program = new Command('lifeboat')
  .description('Backups on AWS that are proven by restoring them.')
  .version(packageJson.version)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? PROVEN : MISUSED))
  .showHelpAfterError('(lifeboat --help says more)');

program
  .command('rehearse')
  .description(
    'Tell the story of drills on real PostgreSQL on this machine: a good backup, a corrupt one, lost rows, a lost region.',
  )
  .addOption(new Option('--system <name>', 'whose database and checks').choices(SYSTEMS).default(SYSTEMS[0]))
  .option('--rows <number>', 'votes in the database, at least 10000', rows, 1_000_000)
  .option('--keep', 'keep data directories and snapshots, and say where they are', false)
  .option('--evidence <folder>', 'where evidence is written', join('.lifeboat', `rehearsal-${stamp(new Date())}`))
  .option('--json', 'print one JSON document at the end; the story goes to standard error', false)
  .action(async ({ json, ...options }) => {
    const narrator = new Narrator(json ? process.stderr : process.stdout);
    const rehearsal = await rehearse(options, narrator, onSignal());
    if (json) process.stdout.write(`${JSON.stringify(rehearsal, null, 2)}\n`);
    for (const line of summary(rehearsal)) narrator.say(line);
    process.exitCode = rehearsal.asExpected ? PROVEN : NOT_PROVEN;
  });

program
  .command('region')
  .description('Serve a local AWS region on real PostgreSQL until Ctrl-C, for the AWS CLI, SDKs and runbooks.')
  .option('--port <number>', 'port of the endpoint on 127.0.0.1; 0 takes any that is free', port, 0)
  .option('--region <name>', 'AWS region that the printed exports name', 'us-east-1')
  .option('--pacing <milliseconds>', 'how long each state in between (creating, deleting ...) lasts at least', count, 0)
  .option('--hold', "answer questions about one instance only when its state has settled: quick 'aws rds wait'", false)
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
    process.stderr.write(keep ? `kept in ${region.folder}\n` : 'the region is gone, and all that was in it\n');
  });

program
  .command('snapshot')
  .description(
    'Take a snapshot of a database before a deployment, wait until it is available, and print its identifier.',
  )
  .argument('<target>', 'identifier of the RDS instance')
  .requiredOption('--reason <text>', 'why, for who finds it later: its tag Reason')
  .requiredOption('--deployment <version>', 'what is about to be deployed: its tag DeploymentVersion')
  .option(
    '--keep <number>',
    'delete older ones but for so many; without it nothing is, and this one never will be',
    count,
  )
  .option('--region <name>', 'AWS region, instead of the one that your environment or profile names')
  .option('--endpoint <url>', 'endpoint that `lifeboat region` printed, for a rehearsal with dummy credentials')
  .action(async (target, { region, endpoint, ...options }) => {
    const request = asked(() => snapshotRequest(target, options));
    // With an endpoint, whatever credentials there are stay here; without one, the SDK finds them as it always does.
    const rds = asked(() =>
      endpoint === undefined ? new RDSClient({ region }) : rdsClient({ endpoint, region: region ?? 'us-east-1' }),
    );
    await rds.config.region().catch(() => misused(new Error('no AWS region is known; name it by --region')));
    const say = (line: string) => process.stderr.write(`${line}\n`);
    process.stdout.write(`${await snapshotByHand(rds, request, say, onSignal())}\n`);
  });

program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`lifeboat: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = NOT_PROVEN;
});

/** What is made of the arguments; where that fails, they were wrong. */
function asked<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    return misused(error);
  }
}

function misused(error: unknown): never {
  return program.error(`lifeboat: ${error instanceof Error ? error.message : error}`);
}

/** Aborted by the first Ctrl-C or request to end; a second one ends the process as usual. */
function onSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort());
  return stop.signal;
}

function count(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0) throw new InvalidArgumentError('It must be a whole number from 0.');
  return number;
}

function port(text: string): number {
  if (count(text) > 65_535) throw new InvalidArgumentError('Ports go up to 65535.');
  return count(text);
}

function rows(text: string): number {
  if (count(text) < 10_000) throw new InvalidArgumentError('Fewer rows than 10000 leave no page to damage unnoticed.');
  return count(text);
}

function stamp(now: Date): string {
  return now.toISOString().slice(0, 19).replaceAll(':', '-');
}
