/** Looks before anything is made: what would be restored, from what, and what that loses. Read-only. */
import type { DBInstance } from '@aws-sdk/client-rds';
import type { DatabaseRecoveryDefinition, RestorePointRequest } from '../contract';
import { findInstance } from '../rds/instance';
import { instanceById } from '../rds/known-instance';
import { chooseRestorePoint, type RestorePoint } from '../rds/restore-point';
import { type Carried, carriedOver } from './carried';
import type { RecoveryPorts } from './ports';

export interface Assessment {
  readonly source: {
    readonly instance: string;
    readonly resourceId: string;
    readonly status: string;
    readonly instanceClass: string;
    readonly storageGiB: number;
    readonly engine: string;
    readonly encrypted: boolean;
    /** Its address; null where it has none at the moment. */
    readonly host: string | null;
    readonly port: number | null;
  };
  readonly point: RestorePoint;
  readonly carried: Carried;
  /** From the restore point to now. */
  readonly lostSeconds: number;
}

/** @throws when the recovery can't be done, with the remedy */
export async function assess(
  { rds, clock }: Pick<RecoveryPorts, 'rds' | 'clock'>,
  { source: deployed, recovered }: DatabaseRecoveryDefinition,
  wanted: RestorePointRequest,
): Promise<Assessment> {
  const found = await theSource(rds, deployed);
  const resourceId = found.DbiResourceId ?? '';
  const instance = found.DBInstanceIdentifier ?? deployed.instance;
  if (found.Engine !== 'postgres') {
    throw new Error(`database '${instance}' runs ${found.Engine}, and only PostgreSQL is recovered here`);
  }
  if (found.MasterUserSecret) {
    throw new Error(
      `database '${instance}' has a master user's secret that RDS manages, so the recovered one would get another secret, which no ` +
        'application reads; move to a secret of your own, or recover by hand',
    );
  }
  if (!found.StorageEncrypted && !recovered.unencrypted) {
    throw new Error(
      `database '${instance}' is not encrypted, and a restore can't encrypt it; deploy the recovery with unencrypted: true to get it ` +
        'back as it was, or copy a snapshot with a key, and recover to that copy',
    );
  }
  const chosen = await chooseRestorePoint(rds, { ...deployed, instance }, wanted);
  // By its resource id: its name may be another database's when the restore begins.
  const point = chosen.snapshot === null && !chosen.automatedBackups ? { ...chosen, resourceId } : chosen;
  return {
    source: {
      instance,
      resourceId,
      status: found.DBInstanceStatus ?? 'unknown',
      instanceClass: found.DBInstanceClass ?? 'unknown',
      storageGiB: found.AllocatedStorage ?? 0,
      engine: `${found.Engine} ${found.EngineVersion}`,
      encrypted: found.StorageEncrypted ?? false,
      host: found.Endpoint?.Address ?? null,
      port: found.Endpoint?.Port ?? null,
    },
    point,
    carried: carriedOver(found, recovered),
    lostSeconds: Math.max(0, Math.round((clock() - Date.parse(point.time)) / 1000)),
  };
}

async function theSource(
  rds: RecoveryPorts['rds'],
  deployed: DatabaseRecoveryDefinition['source'],
): Promise<DBInstance> {
  const { instance, resourceId } = deployed;
  const found = resourceId === undefined ? await findInstance(rds, instance) : await instanceById(rds, resourceId);
  if (found && found.DBInstanceIdentifier === instance) return found;
  if (found) {
    throw new Error(
      `the database that this recovery was deployed for, ${resourceId}, is called '${found.DBInstanceIdentifier}' by now and not ` +
        `'${instance}', so an earlier recovery or somebody else replaced it; deploy the recovery for the one that is in use`,
    );
  }
  const named = resourceId === undefined ? undefined : await findInstance(rds, instance);
  throw new Error(
    named
      ? `database '${instance}' is ${named.DbiResourceId}, and this recovery was deployed for ${resourceId}, which was not found; ` +
          'deploy it for the one that is in use'
      : `database '${instance}' was not found, so what it looked like is unknown; recover it from its retained backups`,
  );
}
