/**
 * One DB instance: a PostgreSQL server, and the states it goes through.
 *
 * The master user is a superuser here, where RDS grants rds_superuser: what works in a rehearsal may lack permission
 * on RDS, never the other way round.
 */
import { randomBytes } from 'node:crypto';
import {
  type DBInstance,
  InvalidDBInstanceStateFault,
  type PendingModifiedValues,
  type Tag,
} from '@aws-sdk/client-rds';
import { escapeIdentifier, escapeLiteral } from 'pg';
import { AutomatedBackup } from './automated-backup';
import { describeInstance } from './instance-description';
import type { InstanceSettings } from './instance-settings';
import { backUp } from './physical-backup';
import { type Cluster, createCluster } from './postgres';
import type { RdsRegion } from './rds-region';
import { follow, following, promote } from './read-replica';
import { type Recovery, recover } from './recovery';
import { Snapshot } from './snapshot';

/** Work that ends in a state of its own. */
class EndsAs extends Error {
  constructor(
    public readonly status: string,
    message: string,
  ) {
    super(message);
  }
}

/** What a read replica follows. */
export interface Replication {
  readonly leaderArn: string;
  /** Undefined once it was deleted: a replica in another region stays as it is until somebody promotes it. */
  readonly leader: Instance | undefined;
}

export class Instance {
  public status = 'creating';
  public readonly created = new Date();
  public readonly resourceId = `db-${randomBytes(16).toString('hex').toUpperCase().slice(0, 26)}`;
  public readonly automated: AutomatedBackup;
  public pending: PendingModifiedValues = {};
  /** A name it is about to take. */
  public reservedName: string | undefined;
  public cluster: Cluster | undefined;
  /** Present in a read replica. */
  public replication: Replication | undefined;
  /** Those that follow it, in any region. */
  public readonly replicas = new Set<Instance>();
  /** Whether its endpoint is known yet. */
  public hasEndpoint = false;
  private busy: Promise<void> = Promise.resolve();

  constructor(
    public readonly region: RdsRegion,
    public identifier: string,
    public settings: InstanceSettings,
    public tags: Tag[],
  ) {
    this.automated = new AutomatedBackup(region, this.resourceId, this);
    region.instances.set(identifier, this);
    region.automatedBackups.set(this.resourceId, this.automated);
  }

  public get arn(): string {
    return this.region.arn('db', this.identifier);
  }

  /** @throws InvalidDBInstanceStateFault unless it is available */
  public assertAvailable(): void {
    if (this.status === 'available') return;
    const message = `Instance ${this.identifier} is not currently in the available state.`;
    throw new InvalidDBInstanceStateFault({ message, $metadata: {} });
  }

  /** Waits until all that was asked of it so far has been done, or has failed. */
  public settled(): Promise<void> {
    return this.busy;
  }

  /** Comes into being empty. */
  public create(masterPassword: string): void {
    this.go('creating', 'failed', async () => {
      const { world, name } = this.region;
      await world.pace(async () => {
        await this.automated.archive.make();
        this.cluster = await createCluster({
          folder: world.place('db'),
          settings: this.automated.archive.settings(),
          at: world.addressOf(name, this.identifier),
        });
        await this.cluster.start();
        const { MasterUsername, DBName } = this.settings;
        const master = escapeIdentifier(MasterUsername);
        await this.cluster.query(`CREATE ROLE ${master} SUPERUSER LOGIN PASSWORD ${escapeLiteral(masterPassword)}`);
        if (DBName && DBName !== 'postgres') {
          await this.cluster.query(`CREATE DATABASE ${escapeIdentifier(DBName)} OWNER ${master}`);
        }
      });
      this.isServing(['creation'], 'DB instance created');
      if (this.settings.BackupRetentionPeriod > 0) await this.backUpAutomatically();
    });
  }

  /** Comes into being from a backup. The master user keeps the password it had there. */
  public restore(recovery: Recovery, announcement: string): void {
    const fault = this.region.world.faults.nextRestore();
    if (fault === 'stuck') return;
    this.go('creating', 'incompatible-restore', async () => {
      const { world, name } = this.region;
      if (fault) {
        await world.sleep(world.pacing);
        throw new EndsAs(fault, `Restore of ${this.identifier} failed, as this rehearsal was asked for`);
      }
      await world.pace(async () => {
        await this.automated.archive.make();
        const at = world.addressOf(name, this.identifier);
        await recover(recovery, world.place('db'), this.automated.archive.settings(), at, (cluster) => {
          this.cluster = cluster;
        });
      });
      this.isServing(['restoration'], announcement);
      if (this.settings.BackupRetentionPeriod > 0) await this.backUpAutomatically();
    });
  }

  /** Comes into being as a read replica. */
  public replicate(leader: Instance): void {
    this.replication = { leader, leaderArn: leader.arn };
    leader.replicas.add(this);
    const fault = this.region.world.faults.nextRestore();
    if (fault === 'stuck') return;
    this.go('creating', 'failed', async () => {
      const { world, name } = this.region;
      if (fault) throw new EndsAs(fault, `Creation of ${this.identifier} failed, as this rehearsal was asked for`);
      await world.pace(async () => {
        const { archive } = this.automated;
        await archive.make();
        const places = { folder: world.place('db'), backup: world.place('base') };
        const at = world.addressOf(name, this.identifier);
        await follow(leader.asLeader, places, archive.settings(), at, (cluster) => {
          this.cluster = cluster;
        });
      });
      this.isServing(['creation'], 'DB instance created');
    });
  }

  /** Becomes an instance of its own; RDS restarts it on the way. */
  public promote(settings: InstanceSettings): void {
    this.settings = settings;
    this.go('modifying', 'failed', async () => {
      await this.region.world.pace(() => promote(this.serving, this.automated.archive.settings()));
      this.stopFollowing();
      this.enter('rebooting');
      await this.restart();
      this.announce(['read replica'], 'Promoted read replica to a stand-alone DB instance');
      if (this.settings.BackupRetentionPeriod > 0) await this.backUpAutomatically();
      else await this.dropAutomatedSnapshots();
    });
  }

  /** Does what changes need besides being noted. */
  public modify(changes: { settings: InstanceSettings; password?: string; name?: string }): void {
    const backupsBegin = this.settings.BackupRetentionPeriod === 0 && changes.settings.BackupRetentionPeriod > 0;
    this.settings = changes.settings;
    if (changes.name) this.reservedName = changes.name;
    // AWS answers with the state before, and goes on a moment later.
    this.go(undefined, 'failed', async () => {
      if (changes.password !== undefined) {
        this.enter('resetting-master-credentials');
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
    this.go('rebooting', 'failed', async () => {
      await this.restart();
      this.announce(['availability'], 'DB instance restarted');
    });
  }

  /** Takes a snapshot; it is `creating` until the copy is complete. */
  public takeSnapshot(identifier: string, tags: Tag[]): Snapshot {
    const snapshot = this.newSnapshot(identifier, 'manual', tags);
    this.go('backing-up', 'available', () => this.fill(snapshot));
    return snapshot;
  }

  /** Takes an automated snapshot now; RDS would in the backup window. */
  public takeAutomatedSnapshot(): Promise<Snapshot> {
    this.assertAvailable();
    return new Promise((resolve, reject) => {
      this.go('backing-up', 'available', async () => {
        const snapshot = this.backUpAutomatically();
        snapshot.then(resolve, reject);
        await snapshot;
      });
    });
  }

  /** Goes, after a last snapshot if one is asked for. */
  public delete(how: { finalSnapshot?: string; keepBackups: boolean }): void {
    const snapshot = how.finalSnapshot && this.newSnapshot(how.finalSnapshot, 'manual', [...this.tags]);
    this.go('deleting', 'failed', async () => {
      await this.region.world.pace(async () => {
        if (snapshot) await this.fill(snapshot);
        if (how.keepBackups) await this.automated.latest('now');
        await this.automated.replicate();
        await this.cluster?.remove();
      });
      if (how.keepBackups) this.automated.retain();
      else await this.automated.remove();
      this.region.instances.delete(this.identifier);
      this.stopFollowing();
      for (const replica of [...this.replicas]) replica.loseLeader();
      this.announce(['deletion'], 'DB instance deleted');
    });
  }

  public describe(): Promise<DBInstance> {
    return describeInstance(this, this.region);
  }

  private get serving(): Cluster {
    if (this.cluster) return this.cluster;
    throw new Error(`instance ${this.identifier} has no server, though it is ${this.status}`);
  }

  /** Whom others follow. */
  private get asLeader() {
    return { cluster: this.serving, archive: this.automated.archive };
  }

  private stopFollowing(): void {
    this.replication?.leader?.replicas.delete(this);
    this.replication = undefined;
  }

  /** In the leader's own region RDS promotes its replicas when it is deleted; elsewhere they wait for somebody to. */
  private loseLeader(): void {
    const { leader, leaderArn } = this.replication!;
    leader?.replicas.delete(this);
    this.replication = { leader: undefined, leaderArn };
    if (leader?.region === this.region) this.promote(this.settings);
  }

  /** Goes on following a leader that moved to another address. */
  private async refollow(): Promise<void> {
    const leader = this.replication?.leader;
    if (!leader || this.cluster?.pid === undefined) return;
    this.replication = { leader, leaderArn: leader.arn };
    await this.cluster.configure({ ...this.automated.archive.settings(), ...following(leader.asLeader) });
    await this.cluster.reload();
  }

  private async restart(): Promise<void> {
    await this.region.world.pace(async () => {
      await this.serving.stop();
      await this.serving.start();
    });
  }

  private isServing(categories: string[], announcement: string): void {
    this.hasEndpoint = true;
    this.region.world.rememberAddress(this.region.name, this.identifier, this.serving);
    this.announce(categories, announcement);
  }

  /** One thing after another, each ending `available` or as a failure. */
  private go(status: string | undefined, whenItFails: string, work: () => Promise<unknown>): void {
    if (status) this.enter(status);
    const before = this.busy;
    this.busy = new Promise((done) => {
      this.region.world.begin(
        async () => {
          await before;
          try {
            await work();
            this.enter('available');
          } finally {
            done();
          }
        },
        (error) => {
          this.enter(error instanceof EndsAs ? error.status : whenItFails);
          this.announce(['failure'], error instanceof Error ? error.message : String(error));
        },
      );
    });
  }

  /** A deletion waits for what goes on, and is not undone by it. */
  private enter(status: string): void {
    if (this.status !== 'deleting') this.status = status;
  }

  private async rename(name: string): Promise<void> {
    const { world, name: region } = this.region;
    this.enter('renaming');
    const before = this.identifier;
    await world.pace(async () => {
      await this.serving.stop();
      await this.serving.moveTo(world.addressOf(region, name));
      await this.serving.start();
    });
    this.region.instances.delete(before);
    this.identifier = name;
    this.region.instances.set(name, this);
    world.rememberAddress(region, name, this.serving);
    for (const replica of this.replicas) await replica.refollow();
    this.reservedName = undefined;
    delete this.pending.DBInstanceIdentifier;
    // Automated snapshots keep their names, but belong to the instance whatever it is called.
    for (const snapshot of this.automated.snapshots) snapshot.source = { ...snapshot.source, identifier: name };
    this.announce(['notification'], `Renamed instance from ${before} to ${name}`);
  }

  private newSnapshot(identifier: string, type: 'automated' | 'manual', tags: Tag[]): Snapshot {
    const { resourceId, created, settings } = this;
    const source = { identifier: this.identifier, resourceId, created, settings, tags: [...this.tags] };
    const snapshot = new Snapshot(this.region, identifier, type, source, tags);
    this.region.snapshots.set(identifier, snapshot);
    return snapshot;
  }

  private async backUpAutomatically(): Promise<Snapshot> {
    this.enter('backing-up');
    const tags = this.settings.CopyTagsToSnapshot ? [...this.tags] : [];
    const snapshot = this.newSnapshot(this.automatedName(), 'automated', tags);
    await this.fill(snapshot);
    await this.automated.prune();
    return snapshot;
  }

  private async fill(snapshot: Snapshot): Promise<void> {
    const { world } = this.region;
    const isAutomated = snapshot.type === 'automated';
    this.announce(['backup'], 'Backing up DB instance');
    try {
      const place = world.place('snapshot');
      snapshot.complete(await world.pace(() => backUp(this.serving, this.automated.archive, place)));
    } catch (error) {
      snapshot.fail();
      throw error;
    }
    this.announce(['backup'], 'Finished DB Instance backup');
    const category = isAutomated ? 'Automated' : 'Manual';
    this.region.announce('db-snapshot', snapshot.identifier, ['creation'], `${category} snapshot created`);
  }

  /** As AWS names them. Two within a minute can't happen there; here the later one takes the next free minute. */
  private automatedName(): string {
    for (let time = Date.now(); ; time += 60_000) {
      const minute = new Date(time).toISOString().slice(0, 16).replace('T', '-').replace(':', '-');
      const name = `rds:${this.identifier}-${minute}`;
      if (!this.region.snapshots.has(name)) return name;
    }
  }

  private async dropAutomatedSnapshots(): Promise<void> {
    for (const snapshot of this.automated.snapshots) await snapshot.remove();
  }

  private announce(categories: string[], message: string): void {
    this.region.announce('db-instance', this.identifier, categories, message);
  }
}
