/** A snapshot before a deployment, taken by a command that a person or a pipeline runs. */
import type { RDSClient } from '@aws-sdk/client-rds';
import type { SSMClient } from '@aws-sdk/client-ssm';
import { type DeploymentSnapshotRequest, deploymentSnapshotRequest, parse } from '../contract';
import { askHold } from '../runbook/hold';
import { TerminalRunbook } from '../runbook/terminal-runbook';
import { snapshotName, takeSnapshot } from './take-snapshot';

export interface SnapshotOptions {
  readonly reason: string;
  readonly deployment: string;
  readonly keep?: number;
}

export interface SnapshotClients {
  readonly rds: RDSClient;
  /** Has the hold on the database, if there is one. */
  readonly ssm: SSMClient;
}

/** The first snapshot of a large database takes hours. */
const HOURS = 24;

/** @throws Error that names everything that RDS would refuse */
export function snapshotRequest(
  target: string,
  { reason, deployment, keep }: SnapshotOptions,
): DeploymentSnapshotRequest {
  // RDS keeps identifiers in lower case, and snapshots are found by them again.
  const request = { instance: target.toLowerCase(), reason, deploymentVersion: deployment, keepLast: keep };
  return parse(deploymentSnapshotRequest, request, `snapshot of '${target}'`);
}

/**
 * Takes the snapshot, and waits until it is available.
 *
 * @param say gets a line for each step
 * @param stop ends the wait; RDS still finishes the snapshot
 * @returns its identifier
 */
export async function snapshotByHand(
  { rds, ssm }: SnapshotClients,
  request: DeploymentSnapshotRequest,
  say: (line: string) => void,
  stop?: AbortSignal,
): Promise<string> {
  const runbook = new TerminalRunbook(say, stop);
  const name = snapshotName(request, runbook.id);
  say(`snapshot ${name} of database '${request.instance}' in ${await rds.config.region()}`);
  try {
    const hold = askHold([ssm], { kind: 'database', id: request.instance }, Date.now);
    const { snapshot, deleted, left } = await takeSnapshot({ rds, hold }, { hours: HOURS })(request, runbook);
    for (const older of deleted) say(`deleted ${older}`);
    for (const older of left) say(`could not delete ${older}`);
    return snapshot;
  } catch (error) {
    if (!stop?.aborted) throw error;
    throw new Error(`interrupted; if it was requested already, snapshot ${name} becomes available by itself`);
  }
}
