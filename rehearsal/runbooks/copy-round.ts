/** Runs the shipped copying of snapshots between two rehearsal regions. */
import { randomBytes } from 'node:crypto';
import type { SnapshotCopyDefinition } from '../../lambda/contract';
import { type CopyReport, copySnapshots } from '../../lambda/rds/copy-snapshots';
import { durable } from '../../lambda/runbook/runbook';
import type { Region } from '../region';
import { rdsClient, ssmClient } from '../server/clients';
import { impatient } from './drill-site';
import { execute } from './durable-executions';

export interface CopyRoundEvents {
  /** A step or poll of the runbook begins. */
  readonly onStep?: (name: string) => void;
  /** A line for CloudWatch, which a rehearsal does not have. */
  readonly onMetric?: (line: string) => void;
  /** Ends the round at its next wait. */
  readonly stop?: AbortSignal;
}

/** @throws when a copy failed, as the runbook does once it has done all that could be done */
export async function copyRound(
  served: Pick<Region, 'clients'>,
  definition: SnapshotCopyDefinition,
  { onStep, onMetric, stop }: CopyRoundEvents = {},
): Promise<CopyReport> {
  const runbook = copySnapshots({
    definition,
    rds: (region) => rdsClient(served.clients(region)),
    ssm: (region) => ssmClient(served.clients(region)),
    print: (line) => onMetric?.(line),
    clock: Date.now,
  });
  const execution = await execute(
    (client) => durable(runbook, { durableExecutionClient: client }),
    {},
    {
      name: `round-${randomBytes(6).toString('hex')}`,
      clock: impatient(stop),
      onUpdate: ({ Name, Action }) => Action === 'START' && Name && onStep?.(Name),
    },
  );
  if (execution.status === 'succeeded') return execution.result as CopyReport;
  throw new Error(execution.status === 'failed' ? execution.error : 'the round was stopped');
}
