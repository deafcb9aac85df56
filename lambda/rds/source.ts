/** The database that is restored: its description, and how it is restored. Read only. */
import { DescribeDBInstancesCommand, type RDSClient } from '@aws-sdk/client-rds';
import type { DrillDefinition, RestorePointRequest } from '../contract';
import { automatedBackups, type BackedUp, latestSnapshot, namedSnapshot, required } from './backups';

export interface Source {
  readonly instance: string;
  readonly engine: string;
  /** Null where it is unknown. */
  readonly instanceClass: string | null;
  readonly storageGiB: number;
  readonly masterUser: string;
  /**
   * Named in the restore. Null leaves it to RDS, which takes its default: a group can only be named in its own region,
   * and a region may lack even the default group until a database uses it.
   */
  readonly parameterGroup: string | null;
  readonly optionGroup: string | null;
  /** The initial database; `postgres` always exists besides. */
  readonly database: string;
  /** ARN of the database, when it is in another region or account and its backups were copied here. */
  readonly copiedFrom: string | null;
  /** Status of the copied backup, as RDS reports it; null when the database itself was described. */
  readonly backupStatus: string | null;
}

/** @throws when it isn't there, or isn't PostgreSQL */
export async function describeSource(rds: RDSClient, instance: string): Promise<Source> {
  const { DBInstances } = await rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: instance }));
  const found = DBInstances?.[0];
  if (!found) {
    throw new Error(
      `database '${instance}' was not found, so there is nothing to drill; find out whether it was renamed or deleted, and drill ` +
        'the one that is in use',
    );
  }
  return {
    instance,
    engine: postgres(instance, found),
    instanceClass: required(found.DBInstanceClass, 'DBInstanceClass'),
    storageGiB: required(found.AllocatedStorage, 'AllocatedStorage'),
    masterUser: required(found.MasterUsername, 'MasterUsername'),
    parameterGroup: required(found.DBParameterGroups?.[0]?.DBParameterGroupName, 'DBParameterGroupName'),
    optionGroup: required(found.OptionGroupMemberships?.[0]?.OptionGroupName, 'OptionGroupName'),
    database: found.DBName ?? 'postgres',
    copiedFrom: null,
    backupStatus: null,
  };
}

/**
 * Describes a database of another region or account by the copied backup that would be restored. It records neither
 * class nor parameter group nor initial database: those are in the definition.
 *
 * @throws when there is no such copy, or it isn't PostgreSQL's
 */
export async function describeCopied(
  rds: RDSClient,
  of: BackedUp,
  { from, instanceClass, parameterGroup }: CopiedSource,
  wanted: RestorePointRequest,
): Promise<Source> {
  const backup = await wantedBackup(rds, of, wanted);
  return {
    instance: of.instance,
    engine: postgres(of.instance, backup),
    instanceClass: instanceClass ?? null,
    storageGiB: required(backup.AllocatedStorage, 'AllocatedStorage'),
    masterUser: required(backup.MasterUsername, 'MasterUsername'),
    parameterGroup: parameterGroup ?? null,
    // PostgreSQL has no options, and the option group that a copy records may exist only in its database's region.
    optionGroup: null,
    database: 'postgres',
    copiedFrom: from,
    backupStatus: backup.Status ?? null,
  };
}

type CopiedSource = NonNullable<DrillDefinition['source']['copied']>;

async function wantedBackup(rds: RDSClient, of: BackedUp, wanted: RestorePointRequest) {
  if (wanted.kind === 'snapshot') return namedSnapshot(rds, of, wanted.snapshot);
  if (wanted.kind === 'latest-snapshot') return latestSnapshot(rds, of);
  return (await automatedBackups(rds, of)).backup;
}

function postgres(instance: string, { Engine, EngineVersion }: { Engine?: string; EngineVersion?: string }): string {
  const engine = `${Engine} ${EngineVersion}`;
  if (Engine === 'postgres') return engine;
  throw new Error(
    `database '${instance}' runs ${engine}, and drills can examine PostgreSQL only; take the drill off this database`,
  );
}
