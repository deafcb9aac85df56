/** Reads what is deployed in a region, as the parameters of drills and recoveries have it. */
import type { SSMClient } from '@aws-sdk/client-ssm';
import { DEPLOYED_PATH, type DeployedDrill, type DeployedRecovery, deployed, deployedKind, parse } from '../contract';
import { describe } from './error-text';
import { parametersUnder } from './parameters';

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
  for await (const { name, value } of parametersUnder(ssm, DEPLOYED_PATH)) {
    const what = `parameter '${name}'`;
    try {
      const content: unknown = JSON.parse(value);
      if (!KINDS.includes(parse(deployedKind, content, what).kind)) continue;
      const found = parse(deployed, content, what);
      if (found.kind === 'drill') drills.push(found);
      else recoveries.push(found);
    } catch (error) {
      unread.push(error instanceof SyntaxError ? `${what} is not JSON` : describe(error));
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
