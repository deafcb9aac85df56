/** `lifeboat rehearse`: tells the story of drills on this machine. */
import { type Command, Option } from 'commander';
import { visibleLines } from '../../lambda/evidence/visible';
import { INCIDENTS, type IncidentName } from '../../rehearsal/incidents/incidents';
import { rehearseIncident } from '../../rehearsal/incidents/rehearse';
import { EvidenceFolder } from '../../rehearsal/story/evidence-folder';
import { Narrator } from '../../rehearsal/story/narrator';
import { rehearse, SYSTEMS } from '../../rehearsal/story/rehearse';
import { summary } from '../../rehearsal/story/summary';
import { fromArguments, NOT_PROVEN, onSignal, PROVEN } from '../ending';
import { rows } from '../numbers';

/** What the story ends with, in a database that is small enough to be quick. */
const AT_THE_END = 'delete-without-where';
const MOST_AT_THE_END = 50_000;

export function addRehearse(program: Command): void {
  program
    .command('rehearse')
    .description(
      'Tell the story of drills on real PostgreSQL on this machine: a good backup, a corrupt one, lost rows, a lost region.',
    )
    .addOption(
      new Option('--system <name>', 'system whose database and checks are used').choices(SYSTEMS).default(SYSTEMS[0]),
    )
    .option('--rows <number>', 'votes in the database, at least 10000', rows, 1_000_000)
    .addOption(
      new Option('--incident <name>', 'rehearse one incident instead, with its recovery and what it cost').choices(
        INCIDENTS,
      ),
    )
    .option('--keep', 'keep data directories and snapshots, and say where they are', false)
    .option('--evidence <folder>', 'folder for the evidence (default: one named after the time, under .lifeboat)')
    .option('--json', 'print one JSON document at the end; the story goes to standard error', false)
    .action(async ({ json, incident, ...options }) => {
      const stop = onSignal();
      if (incident !== undefined) return rehearseOne(incident, options, json, stop);
      const claim = () => EvidenceFolder.claim(options.evidence);
      // Without --evidence, a folder that can't be made is a failure, not misuse of the arguments.
      const evidence = options.evidence === undefined ? claim() : fromArguments(program, claim);
      process.once('exit', () => evidence.leave());
      const narrator = new Narrator(json ? process.stderr : process.stdout);
      const rehearsal = await rehearse({ ...options, evidence: evidence.path }, narrator, stop);
      if (json) process.stdout.write(`${visibleLines(JSON.stringify(rehearsal, null, 2))}\n`);
      for (const line of summary(rehearsal, narrator.columns)) narrator.say(line);
      process.exitCode = rehearsal.asExpected ? PROVEN : NOT_PROVEN;
      // Whoever reads JSON asked for the drills.
      if (!json && rehearsal.asExpected)
        await rehearseOne(AT_THE_END, { ...options, rows: MOST_AT_THE_END }, json, stop);
    });
}

async function rehearseOne(
  incident: IncidentName,
  { rows: count, keep }: { rows: number; keep: boolean },
  json: boolean,
  stop: AbortSignal,
): Promise<void> {
  const narrator = new Narrator(json ? process.stderr : process.stdout);
  const outcome = await rehearseIncident({ incident, rows: count, keep }, narrator, stop);
  if (json) process.stdout.write(`${visibleLines(JSON.stringify(outcome, null, 2))}\n`);
  narrator.say('');
  narrator.say(
    outcome.asExpected
      ? 'Recovered, and proven. Nothing is left running.'
      : 'NOT recovered as it should be; nothing is left running.',
    outcome.asExpected ? 'green' : 'red',
  );
  process.exitCode = outcome.asExpected ? PROVEN : NOT_PROVEN;
}
