/**
 * A drill's copy of a database: made beside the source, never over it, and gone afterwards.
 *
 * What makes it safe: the name is settled before the copy exists, the copy carries this run's tags from its first
 * moment, and nothing is modified or deleted here that does not carry them. IAM holds the same line once more.
 */
import {
  type DBInstance,
  DeleteDBInstanceCommand,
  DescribeDBInstancesCommand,
  DescribeEventsCommand,
  ModifyDBInstanceCommand,
  type RDSClient,
  RestoreDBInstanceFromDBSnapshotCommand,
  RestoreDBInstanceToPointInTimeCommand,
  type Tag,
} from '@aws-sdk/client-rds';
import { type DrillRequest, TAGS } from './contract';
import type { RestorePoint } from './restore-point';
import type { Source } from './source';

export interface CopyState {
  /** RDS's word for it, or `absent`. */
  readonly status: string;
  readonly usable: boolean;
  /** A password was set and is not in force yet. */
  readonly passwordPending: boolean;
  readonly host: string | null;
  readonly port: number | null;
  readonly instanceClass: string | null;
  readonly parameterGroup: string | null;
}

const ABSENT: CopyState = {
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
const FAILURES = [
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

/** A database has the copy's name, and somebody else made it. */
export class NotThisRun extends Error {}

export class Copy {
  constructor(
    private readonly rds: RDSClient,
    readonly name: string,
    private readonly source: string,
    private readonly run: string,
  ) {}

  /** Asks for the copy. Asking twice is the same as once. */
  async restore(
    source: Source,
    point: RestorePoint,
    { securityGroups, subnetGroup, instanceClass }: DrillRequest['copy'],
    expires: Date,
  ): Promise<void> {
    const settings = {
      DBInstanceClass: instanceClass ?? source.instanceClass ?? undefined,
      DBSubnetGroupName: subnetGroup,
      VpcSecurityGroupIds: securityGroups,
      DBParameterGroupName: source.parameterGroup ?? undefined,
      OptionGroupName: source.optionGroup ?? undefined,
      PubliclyAccessible: false,
      MultiAZ: false,
      DeletionProtection: false,
      // Left out, the copy would inherit the source's retention and start backing itself up.
      BackupRetentionPeriod: 0,
      Tags: [
        { Key: TAGS.copyOf, Value: this.source },
        { Key: TAGS.run, Value: this.run },
        { Key: TAGS.expires, Value: expires.toISOString() },
      ] satisfies Tag[],
    };
    try {
      if (point.snapshot !== null) {
        const DBSnapshotIdentifier = point.snapshot;
        await this.rds.send(
          new RestoreDBInstanceFromDBSnapshotCommand({
            DBInstanceIdentifier: this.name,
            DBSnapshotIdentifier,
            ...settings,
          }),
        );
      } else {
        await this.rds.send(
          new RestoreDBInstanceToPointInTimeCommand({
            ...(point.automatedBackups === undefined
              ? { SourceDBInstanceIdentifier: source.instance }
              : { SourceDBInstanceAutomatedBackupsArn: point.automatedBackups }),
            TargetDBInstanceIdentifier: this.name,
            RestoreTime: new Date(point.time),
            ...settings,
          }),
        );
      }
    } catch (error) {
      if (!isFault(error, 'DBInstanceAlreadyExists')) throw error;
      // An earlier try took effect, unless somebody else's database has this name: then find() refuses it.
      await this.find();
    }
  }

  /** @throws when the copy has failed for good, with what RDS says of it */
  async look(): Promise<CopyState> {
    const found = await this.find();
    if (!found) return ABSENT;
    const state = stateOf(found);
    if (FAILURES.includes(state.status)) {
      throw new Error(`RDS could not restore the copy: ${state.status}. ${await this.events()}`);
    }
    return state;
  }

  async setPassword(password: string): Promise<void> {
    if (!(await this.find())) throw notReady(`the copy '${this.name}' is not visible`);
    await changePassword(this.rds, this.name, password);
  }

  /** Asks for deletion where there is something left to delete, and says what it saw. */
  async delete(): Promise<'absent' | 'deleting'> {
    const found = await this.find();
    if (!found) return 'absent';
    if (found.DBInstanceStatus === 'deleting') return 'deleting';
    try {
      await this.rds.send(
        new DeleteDBInstanceCommand({
          DBInstanceIdentifier: this.name,
          SkipFinalSnapshot: true,
          DeleteAutomatedBackups: true,
        }),
      );
      return 'deleting';
    } catch (error) {
      if (isFault(error, 'DBInstanceNotFound')) return 'absent';
      if (isFault(error, 'InvalidDBInstanceState')) throw notReady(`'${this.name}' can't be deleted in its state yet`);
      throw error;
    }
  }

  /** @throws when a database of this name exists that this run did not make */
  private async find(): Promise<DBInstance | undefined> {
    const found = await findInstance(this.rds, this.name);
    const tag = (key: string) => found?.TagList?.find(({ Key }) => Key === key)?.Value;
    if (found && (tag(TAGS.run) !== this.run || tag(TAGS.copyOf) !== this.source)) {
      throw new NotThisRun(
        `database '${this.name}' exists and does not carry the tags of this run, so it is not touched; ` +
          'find out who made it, and start the drill again',
      );
    }
    return found;
  }

  private async events(): Promise<string> {
    const { Events = [] } = await this.rds.send(
      new DescribeEventsCommand({ SourceIdentifier: this.name, SourceType: 'db-instance', Duration: 24 * 60 }),
    );
    const said = Events.slice(-3).map(({ Message }) => Message);
    return said.length > 0 ? `Its events: ${said.join('; ')}` : 'It has no events.';
  }
}

export function stateOf(found: DBInstance): CopyState {
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

/** Sets a master password. Whoever asks has made sure that the instance is one to be changed. */
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

/** The SDK names a fault by its shape, which ends in `Fault` for some; the code on the wire does not. */
export function isFault(error: unknown, code: string): boolean {
  return error instanceof Error && (error.name === code || error.name === `${code}Fault`);
}

function notReady(message: string): Error {
  return Object.assign(new Error(message), { name: 'CopyNotReady' });
}
