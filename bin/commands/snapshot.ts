/** `lifeboat snapshot`: takes a snapshot before a deployment, with the user's own credentials. */
import { RDSClient } from '@aws-sdk/client-rds';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { Command } from 'commander';
import { snapshotByHand, snapshotRequest } from '../../lambda/rds/snapshot-from-terminal';
import { rdsClient, rehearsed, ssmClient } from '../../rehearsal/server/clients';
import { fromArguments, misused, onSignal } from '../ending';
import { count } from '../numbers';

export function addSnapshot(program: Command): void {
  program
    .command('snapshot')
    .description(
      'Take a snapshot of a database before a deployment, wait until it is available, and print its identifier.',
    )
    .argument('<target>', 'identifier of the RDS instance')
    .requiredOption('--reason <text>', 'why, for whoever finds it later: its tag Reason')
    .requiredOption('--deployment <version>', 'what is about to be deployed: its tag DeploymentVersion')
    .option(
      '--keep <number>',
      'keep so many snapshots taken by this command, and delete older ones; without it, this one is kept for ever',
      count,
    )
    .option('--region <name>', 'AWS region, instead of the one that your environment or profile names')
    .option('--endpoint <url>', 'endpoint that `lifeboat region` printed, in a shell that has its exports')
    .action(async (target, { region, endpoint, ...options }) => {
      const request = fromArguments(program, () => snapshotRequest(target, options));
      // With an endpoint, credentials of AWS stay here; without one, the SDK finds them as it always does.
      const local = fromArguments(program, () => rehearsed(endpoint, region));
      const rds = local ? rdsClient(local) : new RDSClient({ region });
      const ssm = local ? ssmClient(local) : new SSMClient({ region });
      await rds.config.region().catch(() => misused(program, 'no AWS region is known; name it with --region'));
      const say = (line: string) => process.stderr.write(`${line}\n`);
      process.stdout.write(`${await snapshotByHand({ rds, ssm }, request, say, onSignal())}\n`);
    });
}
