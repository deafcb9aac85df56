/** Read replicas: how an instance follows its leader, also when the leader moves or is deleted. */
import { follow, following, promote, waiting } from '../postgres/streaming-replica';
import type { Instance } from './instance';
import type { InstanceSettings } from './instance-settings';
import { EndsAs } from './instance-states';

/** A read replica's link to its leader. */
export interface Replication {
  readonly leaderArn: string;
  /** Undefined once the leader was deleted: a replica in another region stays as it is until a call promotes it. */
  readonly leader: Instance | undefined;
}

/** Creates an instance as a read replica. */
export function replicate(replica: Instance, leader: Instance): void {
  replica.replication = { leader, leaderArn: leader.arn };
  leader.replicas.add(replica);
  const { world, name } = replica.region;
  const fault = world.faults.nextRestore();
  if (fault === 'stuck') return;
  replica.states.go('creating', 'failed', async () => {
    if (fault) throw new EndsAs(fault, `Creation of ${replica.identifier} failed, as this rehearsal was asked for`);
    await world.pace(async () => {
      const { archive } = replica.automated;
      await archive.make();
      const places = { folder: world.place('db'), backup: world.place('base') };
      const at = world.takeAddress(name, replica.identifier);
      await follow(asLeader(leader), places, archive.settings(), at, (cluster) => {
        replica.cluster = cluster;
      });
    });
    replica.isServing(['creation'], 'DB instance created');
  });
}

/** Makes a replica an instance of its own; RDS restarts it on the way. */
export function promoteReplica(replica: Instance, settings: InstanceSettings): void {
  replica.settings = settings;
  replica.states.go('modifying', 'failed', async () => {
    await replica.region.world.pace(() => promote(replica.serving, replica.automated.archive.settings()));
    stopFollowing(replica);
    replica.states.enter('rebooting');
    await replica.restart();
    replica.announce(['read replica'], 'Promoted read replica to a stand-alone DB instance');
    if (replica.settings.BackupRetentionPeriod > 0) await replica.backUpAutomatically();
    else await replica.dropAutomatedSnapshots();
  });
}

export function stopFollowing(replica: Instance): void {
  replica.replication?.leader?.replicas.delete(replica);
  replica.replication = undefined;
}

/** When a leader is deleted, RDS promotes its replicas in the same region; those in other regions wait for a call. */
export function loseLeader(replica: Instance): void {
  const { leader, leaderArn } = replica.replication!;
  leader?.replicas.delete(replica);
  replica.replication = { leader: undefined, leaderArn };
  if (leader?.region === replica.region) promoteReplica(replica, replica.settings);
}

/** Stops following a leader's address before another instance takes it, which the replica would take for the leader. */
export function detach(replica: Instance): Promise<void> {
  return reconfigure(replica, waiting());
}

/** Goes on following a leader that moved to another address. */
export async function refollow(replica: Instance): Promise<void> {
  const leader = replica.replication?.leader;
  if (!leader) return;
  replica.replication = { leader, leaderArn: leader.arn };
  await reconfigure(replica, following(asLeader(leader)));
}

async function reconfigure({ cluster, automated }: Instance, settings: Record<string, string>): Promise<void> {
  await cluster?.configure({ ...automated.archive.settings(), ...settings });
  await cluster?.reload().catch(() => undefined); // one that doesn't run reads it when it starts
}

function asLeader(leader: Instance) {
  return { cluster: leader.serving, archive: leader.automated.archive };
}
