/** How snapshots of an instance are taken. */
import type { Tag } from '@aws-sdk/client-rds';
import { backUp } from '../postgres/physical-backup';
import type { Instance } from './instance';
import { Snapshot } from './snapshot';

/** A snapshot that is `creating`. */
export function beginSnapshot(
  instance: Instance,
  identifier: string,
  type: 'automated' | 'manual',
  tags: Tag[],
): Snapshot {
  const { region, resourceId, created, settings } = instance;
  const source = { identifier: instance.identifier, resourceId, created, settings, tags: [...instance.tags] };
  const snapshot = new Snapshot(region, identifier, type, source, tags);
  region.snapshots.set(identifier, snapshot);
  return snapshot;
}

/** Copies the data; afterwards the snapshot is available, or has failed. */
export async function fillSnapshot(instance: Instance, snapshot: Snapshot): Promise<void> {
  const { region } = instance;
  instance.announce(['backup'], 'Backing up DB instance');
  try {
    const place = region.world.place('snapshot');
    const { archive } = instance.automated;
    snapshot.complete(await region.world.pace(() => backUp(instance.serving, archive, place)));
  } catch (error) {
    snapshot.fail();
    throw error;
  }
  instance.announce(['backup'], 'Finished DB Instance backup');
  const category = snapshot.type === 'automated' ? 'Automated' : 'Manual';
  region.announce('db-snapshot', snapshot.identifier, ['creation'], `${category} snapshot created`);
}

/** As AWS names them. AWS never takes two within a minute; here the later one gets the next free minute. */
export function automatedName({ region, identifier }: Instance): string {
  for (let time = Date.now(); ; time += 60_000) {
    const minute = new Date(time).toISOString().slice(0, 16).replace('T', '-').replace(':', '-');
    const name = `rds:${identifier}-${minute}`;
    if (!region.snapshots.has(name)) return name;
  }
}
