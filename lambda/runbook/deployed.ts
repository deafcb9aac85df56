/** Reads what is deployed in a region, as the parameters of drills and recoveries have it. */
import { paginateGetParametersByPath, type SSMClient } from '@aws-sdk/client-ssm';
import { DEPLOYED_PATH, type DeployedDrill, type DeployedRecovery, deployed, deployedKind, parse } from '../contract';
import { describe } from './error-text';

export interface Deployed {
  /** By plan, target and drill. */
  readonly drills: readonly DeployedDrill[];
  /** By plan, target and recovery. */
  readonly recoveries: readonly DeployedRecovery[];
  /** Parameters that this version can't read, and why. */
  readonly unread: readonly string[];
}

export async function listDeployed(ssm: SSMClient): Promise<Deployed> {
  const drills: DeployedDrill[] = [];
  const recoveries: DeployedRecovery[] = [];
  const unread: string[] = [];
  const pages = paginateGetParametersByPath({ client: ssm }, { Path: DEPLOYED_PATH, Recursive: true });
  for await (const { Parameters = [] } of pages) {
    for (const { Name = '', Value = '' } of Parameters) {
      try {
        const what = `parameter '${Name}'`;
        const content: unknown = JSON.parse(Value);
        if (!KINDS.includes(parse(deployedKind, content, what).kind)) continue;
        const found = parse(deployed, content, what);
        if (found.kind === 'drill') drills.push(found);
        else recoveries.push(found);
      } catch (error) {
        unread.push(error instanceof SyntaxError ? `parameter '${Name}' is not JSON` : describe(error));
      }
    }
  }
  return {
    drills: sorted(drills, ({ plan, target, drill }) => [plan, target, drill]),
    recoveries: sorted(recoveries, ({ plan, target, recovery }) => [plan, target, recovery]),
    unread,
  };
}

/** Of later versions there may be others, which this one leaves out. */
const KINDS: readonly string[] = ['drill', 'recovery'];

function sorted<T>(found: readonly T[], names: (one: T) => string[]): T[] {
  const nameOf = (one: T) => names(one).join('\0');
  return [...found].sort((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1));
}
