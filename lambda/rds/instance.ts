/** An RDS instance: found, described, and given a password. Callers make sure that the instance may be changed. */
import {
  type DBInstance,
  DescribeDBInstancesCommand,
  ModifyDBInstanceCommand,
  type RDSClient,
} from '@aws-sdk/client-rds';
import { isFault } from './fault';

export interface InstanceState {
  /** As RDS reports it, or `absent`. */
  readonly status: string;
  readonly usable: boolean;
  /** A password was set but is not in force yet. */
  readonly passwordPending: boolean;
  readonly host: string | null;
  readonly port: number | null;
  readonly instanceClass: string | null;
  readonly parameterGroup: string | null;
}

export const ABSENT: InstanceState = {
  status: 'absent',
  usable: false,
  passwordPending: false,
  host: null,
  port: null,
  instanceClass: null,
  parameterGroup: null,
};

/** Ready for connections. In the latter two blocks are still being loaded or moved, which is only slower. */
const USABLE = ['available', 'storage-initialization', 'storage-optimization'];

/** Nothing comes after these by itself. */
export const FAILURES = [
  'failed',
  'restore-error',
  'insufficient-capacity',
  'incompatible-create',
  'incompatible-network',
  'incompatible-option-group',
  'incompatible-parameters',
  'incompatible-restore',
  'inaccessible-encryption-credentials',
  'inaccessible-encryption-credentials-recoverable',
  'storage-full',
];

export function stateOf(found: DBInstance): InstanceState {
  const status = found.DBInstanceStatus ?? 'unknown';
  return {
    status,
    usable: USABLE.includes(status),
    passwordPending: found.PendingModifiedValues?.MasterUserPassword !== undefined,
    host: found.Endpoint?.Address ?? null,
    port: found.Endpoint?.Port ?? null,
    instanceClass: found.DBInstanceClass ?? null,
    parameterGroup: found.DBParameterGroups?.[0]?.DBParameterGroupName ?? null,
  };
}

export async function findInstance(rds: RDSClient, name: string): Promise<DBInstance | undefined> {
  try {
    const { DBInstances } = await rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: name }));
    return DBInstances?.[0];
  } catch (error) {
    if (isFault(error, 'DBInstanceNotFound')) return undefined;
    throw error;
  }
}

/** Sets a master password. Callers make sure that the instance may be changed. */
export async function changePassword(rds: RDSClient, name: string, password: string): Promise<void> {
  try {
    await rds.send(
      new ModifyDBInstanceCommand({ DBInstanceIdentifier: name, MasterUserPassword: password, ApplyImmediately: true }),
    );
  } catch (error) {
    // An earlier try is taking effect, or RDS is still at work on the instance.
    if (isFault(error, 'InvalidDBInstanceState')) throw notReady(`'${name}' can't be modified in its state yet`);
    throw error;
  }
}

export function notReady(message: string): Error {
  return Object.assign(new Error(message), { name: 'CopyNotReady' });
}
