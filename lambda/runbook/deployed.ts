/** Reads what is deployed in a region, as the parameters of drills have it. */
import { paginateGetParametersByPath, type SSMClient } from '@aws-sdk/client-ssm';
import { DEPLOYED_PATH, type DeployedDrill, deployedDrill, parse } from '../contract';
import { describe } from './error-text';

export interface Deployed {
  /** By plan, target and drill. */
  readonly drills: readonly DeployedDrill[];
  /** Parameters that this version can't read, and why. */
  readonly unread: readonly string[];
}

export async function listDeployed(ssm: SSMClient): Promise<Deployed> {
  const drills: DeployedDrill[] = [];
  const unread: string[] = [];
  const pages = paginateGetParametersByPath({ client: ssm }, { Path: DEPLOYED_PATH, Recursive: true });
  for await (const { Parameters = [] } of pages) {
    for (const { Name = '', Value = '' } of Parameters) {
      try {
        drills.push(parse(deployedDrill, JSON.parse(Value), `parameter '${Name}'`));
      } catch (error) {
        unread.push(error instanceof SyntaxError ? `parameter '${Name}' is not JSON` : describe(error));
      }
    }
  }
  const nameOf = ({ plan, target, drill }: DeployedDrill) => [plan, target, drill].join('\0');
  return { drills: drills.sort((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1)), unread };
}
