/** `lifeboat list`: what is deployed in a region, from the parameters there, also while another region is down. */
import type { Command } from 'commander';
import { type DeployedDrill, type DeployedRecovery, evidencePrefix, recoveryPrefix } from '../../lambda/contract';
import { visibleLines } from '../../lambda/evidence/visible';
import { listDeployed } from '../../lambda/runbook/deployed';
import { NOT_PROVEN } from '../ending';
import { inEach, takesRegions, type Where } from './each-region';

interface Listed extends Where {
  readonly json: boolean;
}

export function addList(program: Command): void {
  const list = program
    .command('list')
    .description(
      'List the drills and recoveries that are deployed in a region: what starts each, and where its evidence is.',
    )
    .option('--json', 'print one JSON document for each region, on a line', false)
    .action(async ({ json, ...where }: Listed) => {
      await inEach(program, where, async (ssm, region) => {
        const { drills, recoveries, unread } = await listDeployed(ssm);
        const lines = json ? [JSON.stringify({ region, drills, recoveries })] : textOf(region, drills, recoveries);
        process.stdout.write(`${lines.map(visibleLines).join('\n')}\n`);
        for (const problem of unread) process.stderr.write(`lifeboat: ${region}: ${visibleLines(problem)}\n`);
        if (unread.length > 0) process.exitCode = NOT_PROVEN;
      });
    });
  takesRegions(list, 'the drills');
}

function textOf(region: string, drills: readonly DeployedDrill[], recoveries: readonly DeployedRecovery[]): string[] {
  const none = drills.length === 0 ? [`${region}: no drill is deployed`] : [];
  return [
    ...none,
    ...drills.flatMap((drill) => ofDrill(region, drill)),
    ...recoveries.flatMap((one) => ofRecovery(region, one)),
  ];
}

const ofDrill = (region: string, drill: DeployedDrill): string[] => [
  `${region}: drill ${drill.drill} of ${drill.target} in plan ${drill.plan}`,
  `  database  ${drill.instance}`,
  `  function  ${drill.function}`,
  `  schedule  ${drill.schedule}`,
  `  evidence  s3://${drill.evidenceBucket}/${evidencePrefix(drill)}`,
];

const ofRecovery = (region: string, recovery: DeployedRecovery): string[] => [
  `${region}: recovery ${recovery.recovery} of ${recovery.target} in plan ${recovery.plan}`,
  `  database  ${recovery.instance}`,
  `  function  ${recovery.function}`,
  `  start     lifeboat recover ${recovery.of} '${recovery.plan}' '${recovery.target}' --region ${region}`,
  `  evidence  s3://${recovery.evidenceBucket}/${recoveryPrefix(recovery)}`,
];
