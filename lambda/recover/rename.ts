/**
 * Cut-over by identifiers: the original gives its name up first, then the recovered database takes it.
 *
 * Each step finds its database by DbiResourceId, and changes a name only from the one that was recorded to the one that
 * is wanted. So it goes on from wherever a crash left it, also between the two.
 */
import type { DBInstance } from '@aws-sdk/client-rds';
import { instanceById, knownState, modifyById } from '../rds/known-instance';
import type { Recovery } from './recovery';

/** A database, the name that it has, and the one that it gets. */
export interface Renaming {
  readonly resourceId: string;
  readonly from: string;
  readonly to: string;
}

/** One after the other: each name is free before it is taken. */
export async function renameInTurn(recovery: Recovery, renamings: readonly Renaming[]): Promise<void> {
  for (const renaming of renamings) await rename(recovery, renaming);
}

async function rename(recovery: Recovery, { resourceId, from, to }: Renaming): Promise<void> {
  const { runbook, ports } = recovery;
  const { rds } = ports;
  await runbook.poll(
    `wait until '${from}' can be renamed`,
    async () => knownState(await mustExist(rds, resourceId)),
    ({ instance, usable }) => instance === to || usable,
    { hours: 6 },
  );
  await runbook.step(`rename '${from}' to '${to}'`, async () => {
    const found = await mustExist(rds, resourceId);
    if (found.DBInstanceIdentifier === to || isOnItsWay(found, to)) return;
    await modifyById(rds, resourceId, { NewDBInstanceIdentifier: to }, ({ DBInstanceIdentifier }) => {
      if (DBInstanceIdentifier === from) return;
      throw new Error(
        `database ${resourceId} is called '${DBInstanceIdentifier}', and not '${from}' as when this was decided, so it is not ` +
          'renamed; find out who renamed it',
      );
    });
  });
  await runbook.poll(
    `wait until '${to}' is available`,
    async () => knownState(await mustExist(rds, resourceId)),
    ({ instance, usable, host }) => instance === to && usable && host !== null,
    { hours: 6 },
  );
}

/** RDS keeps the wanted name among what is pending until the instance has it. */
const isOnItsWay = ({ PendingModifiedValues }: DBInstance, to: string) =>
  PendingModifiedValues?.DBInstanceIdentifier === to;

async function mustExist(rds: Recovery['ports']['rds'], resourceId: string): Promise<DBInstance> {
  const found = await instanceById(rds, resourceId);
  if (found) return found;
  throw new Error(`database ${resourceId} was not found, so it can't be renamed; see whether it was deleted`);
}
