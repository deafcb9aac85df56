/**
 * Instances known by their DbiResourceId: an identifier is a name that a rename moves, and after one it may be another
 * database's. IAM knows no resource ids, so each act reads it before, and RDS's answer is read after.
 */
import {
  type DBInstance,
  DescribeDBInstancesCommand,
  ModifyDBInstanceCommand,
  type ModifyDBInstanceCommandInput,
  type RDSClient,
} from '@aws-sdk/client-rds';
import { isFault } from './fault';
import { notReady, stateOf } from './instance';

/** The name that was expected is another database's. */
export class AnotherDatabase extends Error {}

/** Whatever its identifier is. RDS shows a change of it some seconds late. */
export async function instanceById(rds: RDSClient, resourceId: string): Promise<DBInstance | undefined> {
  const { DBInstances } = await rds.send(
    new DescribeDBInstancesCommand({ Filters: [{ Name: 'dbi-resource-id', Values: [resourceId] }] }),
  );
  return DBInstances?.find((one) => one.DbiResourceId === resourceId);
}

export type Modification = Omit<ModifyDBInstanceCommandInput, 'DBInstanceIdentifier' | 'ApplyImmediately'>;

/**
 * Modifies one instance, and no other that has its name by now.
 *
 * @param may refuses an instance that must not be modified
 * @throws AnotherDatabase when it is gone, or RDS changed another one
 */
export async function modifyById(
  rds: RDSClient,
  resourceId: string,
  change: Modification,
  may: (found: DBInstance) => void = () => {},
): Promise<void> {
  const found = await instanceById(rds, resourceId);
  if (!found)
    throw new AnotherDatabase(
      `database ${resourceId} was not found, so it is not modified; see whether it was deleted`,
    );
  may(found);
  const name = found.DBInstanceIdentifier;
  try {
    const { DBInstance } = await rds.send(
      new ModifyDBInstanceCommand({ DBInstanceIdentifier: name, ApplyImmediately: true, ...change }),
    );
    if (DBInstance?.DbiResourceId === resourceId) return;
    throw new AnotherDatabase(
      `'${name}' is ${DBInstance?.DbiResourceId} by now and was ${resourceId} a moment before, so another database was modified; ` +
        'somebody renames databases while this runs: stop that, and look at both',
    );
  } catch (error) {
    if (isFault(error, 'InvalidDBInstanceState')) throw notReady(`'${name}' can't be modified in its state yet`);
    // Renamed since it was read: the next try reads it again.
    if (isFault(error, 'DBInstanceNotFound')) throw notReady(`'${name}' was renamed a moment ago`);
    throw error;
  }
}

/** Plain JSON, for results of steps. */
export interface KnownState {
  readonly status: string;
  readonly usable: boolean;
  readonly instance: string;
  readonly resourceId: string;
  readonly host: string | null;
  readonly port: number | null;
  readonly passwordPending: boolean;
  /** Names of settings that were changed and are not in force yet. */
  readonly pending: readonly string[];
}

export function knownState(found: DBInstance): KnownState {
  const { status, usable, host, port, passwordPending } = stateOf(found);
  return {
    status,
    usable,
    host,
    port,
    passwordPending,
    instance: found.DBInstanceIdentifier ?? '',
    resourceId: found.DbiResourceId ?? '',
    pending: Object.entries(found.PendingModifiedValues ?? {}).flatMap(([name, value]) =>
      value === undefined || (typeof value === 'object' && Object.keys(value).length === 0) ? [] : [name],
    ),
  };
}
