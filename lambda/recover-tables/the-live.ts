/** The live database of a recovery of tables, known by its DbiResourceId where the deployment knows it. Read-only. */
import type { RDSClient } from '@aws-sdk/client-rds';
import type { TableRecoveryDefinition } from '../contract';
import { findInstance } from '../rds/instance';
import { instanceById } from '../rds/known-instance';

export interface LiveDatabase {
  readonly instance: string;
  readonly resourceId: string;
}

/** @throws when it is gone, or another database has its name */
export async function theLive(
  rds: RDSClient,
  { instance, resourceId }: TableRecoveryDefinition['source'],
): Promise<LiveDatabase> {
  const found = resourceId === undefined ? await findInstance(rds, instance) : await instanceById(rds, resourceId);
  if (found?.DBInstanceIdentifier && found.DbiResourceId) {
    return { instance: found.DBInstanceIdentifier, resourceId: found.DbiResourceId };
  }
  throw new Error(
    `database '${instance}'${resourceId ? ` (${resourceId})` : ''} was not found, so no table can be brought back into it; ` +
      'recover the whole database',
  );
}
