/** `lifeboat status`: the recoveries that are open in a region, also while another region is down. */
import type { Command } from 'commander';
import type { OpenRecovery } from '../../lambda/contract';
import { visibleLines } from '../../lambda/evidence/visible';
import { listRecoveries } from '../../lambda/runbook/recovery-lock';
import { NOT_PROVEN } from '../ending';
import { inEach, takesRegions, type Where } from './each-region';

interface Asked extends Where {
  readonly json: boolean;
}

export function addStatus(program: Command): void {
  const status = program
    .command('status')
    .description(
      'List the open recoveries: their phase, how long it has taken, what each waits for, and what comes next.',
    )
    .option('--json', 'print one JSON document for each region, on a line', false)
    .action(async ({ json, ...where }: Asked) => {
      await inEach(program, where, async (ssm, region) => {
        const { recoveries, unread } = await listRecoveries(ssm);
        const now = Date.now();
        const lines = json
          ? [
              JSON.stringify({
                region,
                recoveries: recoveries.map((recovery) => ({ ...recovery, ...times(recovery, now) })),
              }),
            ]
          : textOf(region, recoveries, now);
        process.stdout.write(`${lines.map(visibleLines).join('\n')}\n`);
        for (const problem of unread) process.stderr.write(`lifeboat: ${region}: ${visibleLines(problem)}\n`);
        if (unread.length > 0) process.exitCode = NOT_PROVEN;
      });
    });
  takesRegions(status, 'the recoveries');
}

const times = ({ started, since }: OpenRecovery, now: number) => ({
  elapsedSeconds: Math.round((now - Date.parse(started)) / 1000),
  phaseSeconds: Math.round((now - Date.parse(since)) / 1000),
});

function textOf(region: string, recoveries: readonly OpenRecovery[], now: number): string[] {
  if (recoveries.length === 0) return [`${region}: no recovery is open`];
  return recoveries.flatMap((recovery) => {
    const { runbook, plan, target, of, phase, waitingFor, next, approval, startedBy, started, execution } = recovery;
    const { elapsedSeconds, phaseSeconds } = times(recovery, now);
    return [
      `${region}: ${runbook} of ${target} in plan ${plan} (${of.kind} ${of.id})`,
      `  phase       ${phase}, for ${spoken(phaseSeconds)}; ${spoken(elapsedSeconds)} in all`,
      ...(waitingFor === null ? [] : [`  waits for   ${waitingFor}`]),
      ...(approval === null
        ? []
        : [
            `  approve     lifeboat approve '${plan}' '${target}' --region ${region}`,
            `  expires     ${approval.expires}${Date.parse(approval.expires) > now ? '' : ', which is over'}`,
          ]),
      ...(next === null ? [] : [`  next        ${next}`]),
      `  started     ${started} by ${startedBy}`,
      `  execution   ${execution}`,
    ];
  });
}

/** As `2 h 05 min`, `12 min` or `40 s`. */
function spoken(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}
