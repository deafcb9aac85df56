/** Commands that do one thing in each of several regions. */
import { SSMClient } from '@aws-sdk/client-ssm';
import { type Command, Option } from 'commander';
import { rehearsed, ssmClient } from '../../rehearsal/server/clients';
import { fromArguments, NOT_PROVEN, said } from '../ending';
import { regionOf } from './clients';

export interface Where {
  readonly region?: readonly string[];
  readonly endpoint?: string;
}

/** @param of what the regions are those of */
export const takesRegions = (command: Command, of: string): Command =>
  command
    .addOption(
      new Option(
        '--region <names...>',
        `AWS regions of ${of}; by default the one that your environment or profile names`,
      ),
    )
    .option('--endpoint <url>', 'endpoint that `lifeboat region` printed, in a shell that has its exports');

/** Goes on to the other regions where one fails: a result in some is better than in none. */
export async function inEach(
  program: Command,
  { region, endpoint }: Where,
  act: (ssm: SSMClient, region: string) => Promise<void>,
): Promise<void> {
  const regions = region ?? [endpoint === undefined ? undefined : 'us-east-1'];
  for (const one of regions) {
    const local = fromArguments(program, () => rehearsed(endpoint, one));
    const ssm = local ? ssmClient(local) : new SSMClient({ region: one });
    const name = await regionOf(program, ssm);
    try {
      await act(ssm, name);
    } catch (error) {
      process.stderr.write(`lifeboat: ${name}: ${said(error)}\n`);
      process.exitCode = NOT_PROVEN;
    }
  }
}
