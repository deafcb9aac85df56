/** State of RDS in one region: its resources, by name. */
import {
  DBInstanceAlreadyExistsFault,
  DBInstanceAutomatedBackupNotFoundFault,
  DBInstanceNotFoundFault,
  DBParameterGroupNotFoundFault,
  DBSnapshotAlreadyExistsFault,
  DBSnapshotNotFoundFault,
  type DBSubnetGroup,
  DBSubnetGroupNotFoundFault,
  type Event,
  InstanceQuotaExceededFault,
  SnapshotQuotaExceededFault,
  type SourceType,
  type Tag,
} from '@aws-sdk/client-rds';
import { shown } from '../server/call';
import { QueryError } from '../server/query-protocol';
import { ACCOUNT, type World } from '../server/world';
import type { AutomatedBackup } from './automated-backup';
import type { Instance } from './instance';
import type { ReplicatedBackup } from './replicated-backup';
import type { Restorable } from './restorable';
import type { Snapshot } from './snapshot';

export interface Tagged {
  readonly arn: string;
  tags: Tag[];
}

/** A subnet group as it is shown; there is no network behind it. */
export type SubnetGroup = DBSubnetGroup & Tagged & { readonly name: string };
/** A parameter group; its parameters have no effect here. */
export type ParameterGroup = Tagged & { readonly name: string; readonly family: string; readonly description: string };

export class RdsRegion {
  public readonly instances = new Map<string, Instance>();
  public readonly snapshots = new Map<string, Snapshot>();
  /** By resource identifier, which stays when names change. */
  public readonly automatedBackups = new Map<string, AutomatedBackup>();
  /** Backups replicated from other regions, by ARN. */
  public readonly replicatedBackups = new Map<string, ReplicatedBackup>();
  public readonly subnetGroups = new Map<string, SubnetGroup>();
  public readonly parameterGroups = new Map<string, ParameterGroup>();
  public readonly events: (Event & { readonly order: number })[] = [];

  constructor(
    public readonly name: string,
    public readonly world: World,
    /** All regions of the rehearsal, by name. */
    public readonly others: ReadonlyMap<string, RdsRegion>,
    public readonly engineVersion: string,
  ) {
    this.addSubnetGroup('default', 'default', ['subnet-0default0a', 'subnet-0default0b'], []);
    this.addParameterGroup(`default.${this.parameterFamily}`, 'Default parameter group', this.parameterFamily, []);
  }

  public get parameterFamily(): string {
    return `postgres${this.engineVersion.split('.')[0]}`;
  }

  public arn(kind: 'db' | 'snapshot' | 'subgrp' | 'pg' | 'auto-backup', name: string): string {
    return `arn:aws:rds:${this.name}:${ACCOUNT}:${kind}:${name}`;
  }

  /** @throws DBInstanceNotFoundFault */
  public instance(identifier: string): Instance {
    const instance = this.instances.get(identifier.toLowerCase());
    if (instance) return instance;
    throw new DBInstanceNotFoundFault({ message: `DBInstance ${shown(identifier)} not found.`, $metadata: {} });
  }

  /**
   * An instance by its ARN, in whichever region that says.
   *
   * @throws DBInstanceNotFoundFault
   */
  public instanceAt(arn: string): Instance {
    const [, region, account, name] = /^arn:[^:]*:rds:([^:]*):([^:]*):db:(.*)$/.exec(arn) ?? [];
    if (name === undefined) throw new QueryError('InvalidParameterValue', `Invalid DB instance ARN: ${shown(arn)}`);
    const origin = account === ACCOUNT ? this.others.get(region!) : undefined;
    if (origin) return origin.instance(name);
    throw new DBInstanceNotFoundFault({ message: `DBInstance ${shown(arn)} not found.`, $metadata: {} });
  }

  /** All backups here for restores to a point in time. */
  public restorables(): Restorable[] {
    return [...this.automatedBackups.values(), ...this.replicatedBackups.values()];
  }

  /** @throws DBInstanceAutomatedBackupNotFoundFault */
  public restorable(arn: string): Restorable {
    return this.restorables().find((backup) => backup.arn === arn) ?? backupNotFound(arn);
  }

  /** @throws DBInstanceAutomatedBackupNotFoundFault */
  public backupOf(resourceId: string): AutomatedBackup {
    return this.automatedBackups.get(resourceId) ?? backupNotFound(resourceId);
  }

  /** The instance that will have a name once all pending work is done; undefined for a name being given up. */
  public instanceToBe(name: string): Instance | undefined {
    for (const instance of this.instances.values()) {
      if ((instance.reservedName ?? instance.identifier) === name) return instance;
    }
    return undefined;
  }

  /** Takes a snapshot's identifier or, as AWS does, its ARN. */
  public snapshot(identifier: string): Snapshot {
    const snapshot = this.snapshots.get(identifier.replace(/^arn:.*?:snapshot:/, '').toLowerCase());
    if (snapshot) return snapshot;
    throw new DBSnapshotNotFoundFault({ message: `DBSnapshot ${shown(identifier)} not found.`, $metadata: {} });
  }

  /** Refuses names that are taken or malformed, and instances beyond the limit. */
  public freeInstanceName(identifier: string): string {
    const name = checkedName(identifier, 'DBInstanceIdentifier', 63);
    const taken = [...this.instances.values()].some(({ reservedName }) => reservedName === name);
    if (this.instances.has(name) || taken) {
      throw new DBInstanceAlreadyExistsFault({ message: 'DB instance already exists', $metadata: {} });
    }
    return name;
  }

  public checkInstanceQuota(): void {
    const { instances: limit } = this.world.limits;
    const count = [...this.others.values()].reduce((sum, region) => sum + region.instances.size, 0);
    if (count < limit) return;
    const message = `this rehearsal holds ${limit} instances at most; delete some, or raise its limit`;
    throw new InstanceQuotaExceededFault({ message, $metadata: {} });
  }

  public freeSnapshotName(identifier: string): string {
    const name = checkedName(identifier, 'DBSnapshotIdentifier', 255);
    if (this.snapshots.has(name)) {
      const message = `Cannot create the snapshot because a snapshot with the identifier ${shown(name)} already exists.`;
      throw new DBSnapshotAlreadyExistsFault({ message, $metadata: {} });
    }
    const { snapshots: limit } = this.world.limits;
    if ([...this.others.values()].reduce((sum, region) => sum + region.snapshots.size, 0) >= limit) {
      const message = `this rehearsal holds ${limit} snapshots at most; delete some, or raise its limit`;
      throw new SnapshotQuotaExceededFault({ message, $metadata: {} });
    }
    return name;
  }

  public subnetGroup(name: string): SubnetGroup {
    const group = this.subnetGroups.get(name.toLowerCase());
    if (group) return group;
    throw new DBSubnetGroupNotFoundFault({ message: `DBSubnetGroup ${shown(name)} not found.`, $metadata: {} });
  }

  public parameterGroup(name: string): ParameterGroup {
    const group = this.parameterGroups.get(name.toLowerCase());
    if (group) return group;
    throw new DBParameterGroupNotFoundFault({ message: `DBParameterGroup ${shown(name)} not found.`, $metadata: {} });
  }

  public addSubnetGroup(name: string, description: string, subnets: readonly string[], tags: Tag[]): SubnetGroup {
    const group: SubnetGroup = {
      name,
      arn: this.arn('subgrp', name),
      tags,
      DBSubnetGroupName: name,
      DBSubnetGroupDescription: description,
      DBSubnetGroupArn: this.arn('subgrp', name),
      VpcId: 'vpc-0default',
      SubnetGroupStatus: 'Complete',
      Subnets: subnets.map((subnet, index) => ({
        SubnetIdentifier: subnet,
        SubnetStatus: 'Active',
        SubnetAvailabilityZone: { Name: `${this.name}${'abc'[index % 3]}` },
      })),
    };
    this.subnetGroups.set(name, group);
    return group;
  }

  public addParameterGroup(name: string, description: string, family: string, tags: Tag[]): ParameterGroup {
    const group = { name, arn: this.arn('pg', name), description, family, tags };
    this.parameterGroups.set(name, group);
    return group;
  }

  public announce(type: SourceType, source: string, categories: string[], message: string): void {
    const arn = this.arn(type === 'db-instance' ? 'db' : 'snapshot', source);
    this.events.push({
      order: this.events.length,
      SourceIdentifier: source,
      SourceType: type,
      SourceArn: arn,
      EventCategories: categories,
      Message: message,
      Date: new Date(),
    });
  }

  /** Everything that can carry tags, by its ARN. */
  public tagged(arn: string): Tagged | undefined {
    const all: Iterable<Tagged>[] = [
      this.instances.values(),
      this.snapshots.values(),
      this.subnetGroups.values(),
      this.parameterGroups.values(),
    ];
    for (const kind of all) for (const thing of kind) if (thing.arn === arn) return thing;
    return undefined;
  }
}

function backupNotFound(name: string): never {
  const message = `The automated backup ${shown(name)} was not found.`;
  throw new DBInstanceAutomatedBackupNotFoundFault({ message, $metadata: {} });
}

function checkedName(identifier: string, parameter: string, longest: number): string {
  const name = identifier.toLowerCase();
  if (name.length <= longest && /^[a-z](-?[a-z0-9])*$/.test(name)) return name;
  throw new QueryError(
    'InvalidParameterValue',
    `The parameter ${parameter} is not a valid identifier. Identifiers must begin with a letter; must contain only ` +
      'ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens.',
  );
}
