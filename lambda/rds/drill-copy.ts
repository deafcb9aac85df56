/**
 * A drill's restored instance: made beside the source, never over it, and deleted afterwards.
 *
 * What makes it safe: its name is chosen before it exists, it has this run's tags from its first moment, and nothing
 * without these tags is modified or deleted here. IAM enforces the same.
 */
import {
  type DBInstance,
  DeleteDBInstanceCommand,
  DescribeEventsCommand,
  type RDSClient,
  type Tag,
} from '@aws-sdk/client-rds';
import { type DrillDefinition, TAGS } from '../contract';
import { isFault } from './fault';
import { ABSENT, changePassword, FAILURES, findInstance, type InstanceState, notReady, stateOf } from './instance';
import { requestRestore } from './restore';
import type { RestorePoint } from './restore-point';
import type { Source } from './source';

/** A database has the name of the restored instance, and this run did not make it. */
export class NotThisRun extends Error {}

export class DrillCopy {
  constructor(
    private readonly rds: RDSClient,
    readonly name: string,
    private readonly source: string,
    private readonly run: string,
  ) {}

  /** Requests the restore. A second request has no effect. */
  async restore(
    source: Source,
    point: RestorePoint,
    { securityGroups, subnetGroup, instanceClass }: DrillDefinition['copy'],
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
      // Left out, the restored instance would inherit the source's retention, and RDS would back it up.
      BackupRetentionPeriod: 0,
      Tags: [
        { Key: TAGS.copyOf, Value: this.source },
        { Key: TAGS.run, Value: this.run },
        { Key: TAGS.expires, Value: expires.toISOString() },
      ] satisfies Tag[],
    };
    const made = await requestRestore(this.rds, { name: this.name, point, source: source.instance, settings });
    // An earlier try took effect, unless another database has this name: then find() refuses it.
    if (!made) await this.find();
  }

  /** @throws when the restore has failed for good, with its RDS events */
  async look(): Promise<InstanceState> {
    const found = await this.find();
    if (!found) return ABSENT;
    const state = stateOf(found);
    if (FAILURES.includes(state.status)) {
      throw new Error(`RDS could not restore the instance: ${state.status}. ${await this.events()}`);
    }
    return state;
  }

  async setPassword(password: string): Promise<void> {
    if (!(await this.find())) throw notReady(`the restored instance '${this.name}' is not visible`);
    await changePassword(this.rds, this.name, password);
  }

  /** Requests the deletion if the instance still exists. @returns what it saw */
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
