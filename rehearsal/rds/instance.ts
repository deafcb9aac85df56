/** One DB instance: a PostgreSQL server, and the states it goes through. */
import { randomBytes } from 'node:crypto';
import {
  type DBInstance,
  InvalidDBInstanceStateFault,
  type PendingModifiedValues,
  type Tag,
} from '@aws-sdk/client-rds';
import { escapeIdentifier, escapeLiteral } from 'pg';
import { type Cluster, createCluster } from '../postgres/cluster';
import { masterUser } from '../postgres/rds-roles';
import { type Recovery, recover } from '../postgres/recovery';
import { AutomatedBackup } from './automated-backup';
import { describeInstance } from './instance-description';
import { detach, loseLeader, type Replication, refollow, stopFollowing } from './instance-replication';
import type { InstanceSettings } from './instance-settings';
import { automatedName, beginSnapshot, fillSnapshot } from './instance-snapshots';
import { EndsAs, InstanceStates } from './instance-states';
import type { RdsRegion } from './region-state';
import type { Snapshot } from './snapshot';

export class Instance {
  public readonly states: InstanceStates;
  public readonly created = new Date();
  public readonly resourceId = `db-${randomBytes(16).toString('hex').toUpperCase().slice(0, 26)}`;
  public readonly automated: AutomatedBackup;
  public pending: PendingModifiedValues = {};
  /** A name it is about to take. */
  public reservedName: string | undefined;
  public cluster: Cluster | undefined;
  /** Present in a read replica. */
  public replication: Replication | undefined;
  /** Its read replicas, in any region. */
  public readonly replicas = new Set<Instance>();
  /** Whether its endpoint is known yet. */
  public hasEndpoint = false;

  constructor(
    public readonly region: RdsRegion,
    public identifier: string,
    public settings: InstanceSettings,
    public tags: Tag[],
  ) {
    this.states = new InstanceStates(region.world, (reason) => this.announce(['failure'], reason));
    this.automated = new AutomatedBackup(region, this.resourceId, this);
    region.instances.set(identifier, this);
    region.automatedBackups.set(this.resourceId, this.automated);
  }

  public get arn(): string {
    return this.region.arn('db', this.identifier);
  }

  public get status(): string {
    return this.states.current;
  }

  /** @throws InvalidDBInstanceStateFault unless it is available */
  public assertAvailable(): void {
    if (this.status === 'available') return;
    const message = `Instance ${this.identifier} is not currently in the available state.`;
    throw new InvalidDBInstanceStateFault({ message, $metadata: {} });
  }

  /** Waits until all work requested so far is done, or has failed. */
  public settled(): Promise<void> {
    return this.states.settled();
  }

  /** Creates it empty. */
  public create(masterPassword: string): void {
    this.states.go('creating', 'failed', async () => {
      const { world, name } = this.region;
      await world.pace(async () => {
        await this.automated.archive.make();
        this.cluster = await createCluster({
          folder: world.place('db'),
          settings: this.automated.archive.settings(),
          at: world.takeAddress(name, this.identifier),
        });
        await this.cluster.start();
        const { MasterUsername, DBName } = this.settings;
        for (const sql of masterUser(MasterUsername, masterPassword, DBName)) await this.cluster.query(sql);
      });
      this.isServing(['creation'], 'DB instance created');
      if (this.settings.BackupRetentionPeriod > 0) await this.backUpAutomatically();
    });
  }

  /** Creates it from a backup. The master user keeps the password from there. */
  public restore(recovery: Recovery, announcement: string): void {
    const fault = this.region.world.faults.nextRestore();
    if (fault === 'stuck') return;
    this.states.go('creating', 'incompatible-restore', async () => {
      const { world, name } = this.region;
      if (fault) {
        await world.sleep(world.pacing);
        throw new EndsAs(fault, `Restore of ${this.identifier} failed, as this rehearsal was asked for`);
      }
      await world.pace(async () => {
        await this.automated.archive.make();
        const at = world.takeAddress(name, this.identifier);
        await recover(recovery, world.place('db'), this.automated.archive.settings(), at, (cluster) => {
          this.cluster = cluster;
        });
      });
      this.isServing(['restoration'], announcement);
      if (this.settings.BackupRetentionPeriod > 0) await this.backUpAutomatically();
    });
  }

  /** Applies changes that need more than new settings. */
  public modify(changes: { settings: InstanceSettings; password?: string; name?: string }): void {
    const backupsBegin = this.settings.BackupRetentionPeriod === 0 && changes.settings.BackupRetentionPeriod > 0;
    this.settings = changes.settings;
    if (changes.name) this.reservedName = changes.name;
    // AWS answers with the old state, and changes it a moment later.
    this.states.go(undefined, 'failed', async () => {
      if (changes.password !== undefined) {
        this.states.enter('resetting-master-credentials');
        const user = escapeIdentifier(this.settings.MasterUsername);
        const password = escapeLiteral(changes.password);
        await this.region.world.pace(() => this.serving.query(`ALTER ROLE ${user} PASSWORD ${password}`));
        delete this.pending.MasterUserPassword;
        this.announce(['configuration change'], 'Reset master credentials');
      }
      if (changes.name) await this.rename(changes.name);
      if (this.settings.BackupRetentionPeriod === 0) await this.dropAutomatedSnapshots();
      else if (backupsBegin) await this.backUpAutomatically();
    });
  }

  public reboot(): void {
    this.states.go('rebooting', 'failed', async () => {
      await this.restart();
      this.announce(['availability'], 'DB instance restarted');
    });
  }

  /** Takes a snapshot; it is `creating` until the copy is complete. */
  public takeSnapshot(identifier: string, tags: Tag[]): Snapshot {
    const snapshot = beginSnapshot(this, identifier, 'manual', tags);
    this.states.go('backing-up', 'available', () => fillSnapshot(this, snapshot));
    return snapshot;
  }

  /** Takes an automated snapshot now; RDS would in the backup window. */
  public takeAutomatedSnapshot(): Promise<Snapshot> {
    this.assertAvailable();
    return new Promise((resolve, reject) => {
      this.states.go('backing-up', 'available', async () => {
        const snapshot = this.backUpAutomatically();
        snapshot.then(resolve, reject);
        await snapshot;
      });
    });
  }

  /** Deletes it, after a final snapshot if one is requested. */
  public delete(how: { finalSnapshot?: string; keepBackups: boolean }): void {
    const snapshot = how.finalSnapshot && beginSnapshot(this, how.finalSnapshot, 'manual', [...this.tags]);
    this.states.go('deleting', 'failed', async () => {
      await this.region.world.pace(async () => {
        if (snapshot) await fillSnapshot(this, snapshot);
        if (how.keepBackups) await this.automated.latest('now');
        await this.automated.replicate();
        await this.cluster?.stop(); // replicas get all there is
        for (const replica of this.replicas) await detach(replica);
        await this.cluster?.remove();
      });
      if (how.keepBackups) this.automated.retain();
      else await this.automated.remove();
      this.region.instances.delete(this.identifier);
      stopFollowing(this);
      for (const replica of [...this.replicas]) loseLeader(replica);
      this.announce(['deletion'], 'DB instance deleted');
    });
  }

  public describe(): Promise<DBInstance> {
    return describeInstance(this, this.region);
  }

  /** @throws Error when it has no server, or none yet */
  public get serving(): Cluster {
    if (this.cluster) return this.cluster;
    throw new Error(`instance ${this.identifier} has no server, though it is ${this.status}`);
  }

  public async restart(): Promise<void> {
    await this.region.world.pace(async () => {
      await this.serving.stop();
      await this.serving.start();
    });
  }

  public isServing(categories: string[], announcement: string): void {
    this.hasEndpoint = true;
    this.region.world.rememberAddress(this.region.name, this.identifier, this.serving);
    this.announce(categories, announcement);
  }

  private async rename(name: string): Promise<void> {
    const { world, name: region } = this.region;
    this.states.enter('renaming');
    const before = this.identifier;
    await world.pace(async () => {
      for (const replica of this.replicas) await detach(replica);
      await this.serving.stop();
      world.keepAddress(region, before, await this.serving.moveTo(world.takeAddress(region, name)));
      await this.serving.start();
    });
    this.region.instances.delete(before);
    this.identifier = name;
    this.region.instances.set(name, this);
    world.rememberAddress(region, name, this.serving);
    for (const replica of this.replicas) await refollow(replica);
    this.reservedName = undefined;
    delete this.pending.DBInstanceIdentifier;
    // Automated snapshots keep their names, but belong to the instance whatever it is called.
    for (const snapshot of this.automated.snapshots) snapshot.source = { ...snapshot.source, identifier: name };
    this.announce(['notification'], `Renamed instance from ${before} to ${name}`);
  }

  public async backUpAutomatically(): Promise<Snapshot> {
    this.states.enter('backing-up');
    const tags = this.settings.CopyTagsToSnapshot ? [...this.tags] : [];
    const snapshot = beginSnapshot(this, automatedName(this), 'automated', tags);
    await fillSnapshot(this, snapshot);
    await this.automated.prune();
    return snapshot;
  }

  public async dropAutomatedSnapshots(): Promise<void> {
    for (const snapshot of this.automated.snapshots) await snapshot.remove();
  }

  public announce(categories: string[], message: string): void {
    this.region.announce('db-instance', this.identifier, categories, message);
  }
}
