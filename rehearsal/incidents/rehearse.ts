/** Rehearses one incident in a region of its own, from an empty machine to the account of what it cost. */
import { type Region, serveRegion } from '../region';
import type { Narrator } from '../story/narrator';
import { untilStopped } from '../story/until-stopped';
import { fill } from '../story/zephyr-data';
import { INSTANCE, REGION, ZephyrInstance } from '../story/zephyr-instance';
import type { IncidentName } from './incidents';
import { type IncidentOutcome, IncidentRehearsal } from './rehearse-incident';
import { ZephyrScene } from './scene';

export interface IncidentOptions {
  readonly incident: IncidentName;
  /** Votes in the database. */
  readonly rows: number;
  /** Keep data directories and snapshots after the end. */
  readonly keep: boolean;
}

/** @throws when it could not be told to its end, or was stopped; the region is closed by then */
export async function rehearseIncident(
  { incident, rows, keep }: IncidentOptions,
  narrator: Narrator,
  stop: AbortSignal,
): Promise<IncidentOutcome> {
  narrator.chapter('A region starts on this machine');
  narrator.doingNow('starting RDS, S3, SSM, STS and Secrets Manager, on real PostgreSQL');
  const region = await serveRegion({ keep });
  try {
    return await untilStopped(tell(region, incident, rows, narrator, stop), stop);
  } finally {
    narrator.end();
    await region.close();
  }
}

async function tell(
  region: Region,
  incident: IncidentName,
  rows: number,
  narrator: Narrator,
  stop: AbortSignal,
): Promise<IncidentOutcome> {
  narrator.say(`serving ${region.endpoint}, on loopback only; nothing here can reach AWS`, 'dim');
  narrator.doingNow(`CreateDBInstance ${INSTANCE}`);
  const instance = new ZephyrInstance(region);
  const database = await instance.create();
  narrator.doingNow(`loading ${rows.toLocaleString('en')} votes`);
  await fill(database, rows, () => {});
  narrator.doingNow('automated snapshot');
  await region.takeAutomatedSnapshot(REGION, INSTANCE);
  narrator.done();
  const scene = await ZephyrScene.set(region, instance, database);
  return new IncidentRehearsal(region, narrator, incident, stop).tell(scene);
}
