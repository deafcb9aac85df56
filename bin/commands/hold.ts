/** `lifeboat hold`: keeps the backups of a database or cache from being pruned, with the user's own credentials. */
import { hostname, userInfo } from 'node:os';
import type { SSMClient } from '@aws-sdk/client-ssm';
import type { Command } from 'commander';
import { HOLD_MOST_DAYS, type Hold, hold, holdTarget, parse } from '../../lambda/contract';
import { describeHold, listHolds, releaseHold, setHold } from '../../lambda/runbook/hold';
import { fromArguments } from '../ending';
import { days } from '../numbers';
import { inEach, takesRegions, type Where } from './each-region';

interface Held extends Where {
  readonly cache: boolean;
}

export function addHold(program: Command): void {
  const holds = program
    .command('hold')
    .description('Keep all backups of a database or a cache that Lifeboat would prune, as during a recovery.');

  const set = holds
    .command('set')
    .description('Set a hold, or replace the existing one. It ends by itself; then pruning goes on.')
    .argument('<target>', 'identifier of the RDS instance, or of the cache')
    .requiredOption('--reason <text>', 'why, for whoever finds it later')
    .option('--days <number>', `how long, ${HOLD_MOST_DAYS} days at most`, days, 14)
    .option('--by <name>', 'who sets it, instead of the user and machine that this runs on')
    .action(async (target: string, { reason, days: length, by, ...where }) => {
      const of = targetOf(program, target, where);
      const record = fromArguments(program, () => recordOf(reason, by ?? whoRuns(), length));
      await sayInEach(program, where, async (ssm) => {
        const before = await setHold(ssm, of, record);
        const replaced = before ? `; it was ${describeHold(before)}` : '';
        return `${of.kind} ${of.id} is ${describeHold(record)}${replaced}`;
      });
      process.stderr.write(
        "a hold stops only Lifeboat's pruning; RDS, ElastiCache, AWS Backup and S3 still expire backups: for those, " +
          'raise the retention, or suspend the lifecycle\n',
      );
    });

  const release = holds
    .command('release')
    .description('End a hold: the next round prunes expired backups.')
    .argument('<target>', 'identifier of the RDS instance, or of the cache')
    .action(async (target: string, where: Held) => {
      const of = targetOf(program, target, where);
      await sayInEach(program, where, async (ssm) => {
        if (await releaseHold(ssm, of)) return `${of.kind} ${of.id} is no longer on hold`;
        throw new Error(`${of.kind} ${of.id} is not on hold, so nothing was released; see 'lifeboat hold list'`);
      });
    });

  const list = holds
    .command('list')
    .description('List the targets on hold, with who set each hold, why, and until when.')
    .action(async (where: Where) => {
      await sayInEach(program, where, async (ssm) => {
        const found = await listHolds(ssm, Date.now());
        if (found.length === 0) return 'nothing is on hold';
        return found.map(({ target, state }) => `${target}: ${state}`).join('\n  ');
      });
    });

  for (const one of [set, release]) one.option('--cache', 'the target is a cache of ElastiCache, by its id', false);
  for (const one of [set, release, list]) takesRegions(one, 'the database or cache, and of its copies');
}

const targetOf = (program: Command, target: string, { cache }: Held) =>
  // RDS and ElastiCache keep identifiers in lower case, and functions that prune look holds up by them.
  fromArguments(program, () =>
    parse(holdTarget, { kind: cache ? 'cache' : 'database', id: target.toLowerCase() }, `target '${target}'`),
  );

function recordOf(reason: string, by: string, length: number): Hold {
  const since = new Date();
  const until = new Date(since.getTime() + length * 86_400_000);
  return parse(hold, { reason, by, since: since.toISOString(), until: until.toISOString() }, 'hold');
}

function whoRuns(): string {
  try {
    return `${userInfo().username} on ${hostname()}`;
  } catch {
    // As in a container whose user has no entry.
    throw new Error(
      "the name of this process's user is unknown, so the hold can't say who set it; name yourself with --by",
    );
  }
}

const sayInEach = (program: Command, where: Where, act: (ssm: SSMClient) => Promise<string>) =>
  inEach(program, where, async (ssm, region) => void process.stdout.write(`${region}: ${await act(ssm)}\n`));
