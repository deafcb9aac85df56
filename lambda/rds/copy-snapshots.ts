/**
 * Runbook: copy a database's snapshots to where they outlive its region, or its account.
 *
 * Each round copies all that is missing, whether an automated snapshot's event or the hourly schedule started it, since
 * events are delivered by best effort only. Rounds may overlap. Nothing here can change or delete the original
 * snapshots.
 */
import { RDSClient } from '@aws-sdk/client-rds';
import { SSMClient } from '@aws-sdk/client-ssm';
import {
  type Hold,
  METRICS,
  parse,
  type SnapshotCopyDefinition,
  snapshotCopyDefinition,
  snapshotCopyRequest,
} from '../contract';
import { embeddedMetric } from '../evidence/metrics';
import { deployedDefinition } from '../runbook/definition';
import { askHold, secondsHeld } from '../runbook/hold';
import { describe, type Runbook, shipped } from '../runbook/runbook';
import { type Missing, SnapshotCopies, type States } from './snapshot-copies';

export interface CopyPorts {
  /** The deployed definition, unchecked; the runbook parses it at its start. */
  readonly definition: unknown;
  /** A client of RDS in a region. */
  readonly rds: (region: string) => RDSClient;
  /** A client of SSM in a region that may have a hold. */
  readonly ssm: (region: string) => SSMClient;
  readonly print: (line: string) => void;
  /** Read in steps only. */
  readonly clock: () => number;
}

export interface CopyReport {
  readonly copied: readonly string[];
  readonly waiting: number;
  readonly deleted: readonly string[];
  /** The hold that kept older copies from being deleted. */
  readonly hold: Hold | null;
  /** When the newest good copy's snapshot was taken. ISO 8601. */
  readonly newest: string | null;
}

/**
 * The first copy of a large database into a region is a whole one, and may wait in RDS's own queue. At a look every two
 * minutes, a quarter of the 3,000 operations that an execution may have.
 */
const COPY_HOURS = 24;

/** @throws after all other work, when a copy failed or could not be started */
export const copySnapshots =
  (ports: CopyPorts) =>
  async (input: unknown, runbook: Runbook): Promise<CopyReport> => {
    parse(snapshotCopyRequest, input ?? {}, 'snapshot copy request');
    const definition = parse(snapshotCopyDefinition, ports.definition, 'snapshot copy definition');
    const { source, destination } = definition;
    const copies = new SnapshotCopies(ports.rds(source.region), ports.rds(destination.region), definition);

    const problems: string[] = [];
    const survey = await runbook.step('find what is missing', () => copies.survey(ports.clock()));
    const asked = await ask(survey.missing, copies, runbook, problems);
    const states = await settled(asked, copies, runbook, problems);
    const copied = asked.filter((target) => states[target] === 'available');

    // Even if these fail, the age is published, since the alarm reads it.
    // A hold in either region counts: only one may be up when it is set.
    const regions = [...new Set([source.region, destination.region])];
    const hold = askHold(regions.map(ports.ssm), { kind: 'database', id: source.instance }, ports.clock);
    const pruned = await tried(problems, 'prune', runbook, () => copies.prune(ports.clock(), hold));
    await tried(problems, 'share good copies', runbook, () => copies.share());
    const newest = await runbook.step('publish the age', () =>
      publish(ports, copies, definition, pruned?.hold ?? null),
    );

    if (problems.length > 0) {
      throw new Error(
        `some copies of '${source.instance}' failed, or could not be pruned or shared; the next round tries again:\n  ${problems.join('\n  ')}`,
      );
    }
    return { copied, waiting: survey.waiting, deleted: pruned?.deleted ?? [], hold: pruned?.hold ?? null, newest };
  };

/** A step whose failure is reported at the end. */
async function tried<T>(
  problems: string[],
  name: string,
  runbook: Runbook,
  effect: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await runbook.step(name, effect);
  } catch (error) {
    problems.push(`${name}: ${describe(error)}`);
    return undefined;
  }
}

/** After so many refusals, the others would be refused too. */
const MAX_REFUSED = 3;

/** Names of the copies that were started. */
async function ask(
  missing: readonly Missing[],
  copies: SnapshotCopies,
  runbook: Runbook,
  problems: string[],
): Promise<string[]> {
  const asked: string[] = [];
  let refused = 0;
  for (const snapshot of missing) {
    try {
      const outcome = await runbook.step(`copy ${snapshot.target}`, () => copies.copy(snapshot));
      if (outcome === 'no room') break;
      if (outcome === 'asked') asked.push(snapshot.target);
    } catch (error) {
      problems.push(`${snapshot.target}: ${describe(error)}`);
      refused += 1;
      if (refused === MAX_REFUSED) break;
    }
  }
  return asked;
}

async function settled(
  asked: readonly string[],
  copies: SnapshotCopies,
  runbook: Runbook,
  problems: string[],
): Promise<States> {
  if (asked.length === 0) return {};
  const pending = (state: string) => !['available', 'failed', 'deleting', 'deleted'].includes(state);
  const states = await runbook
    .poll<States>(
      'wait until available',
      (before) => copies.states(asked, before),
      (seen) => !Object.values(seen).some(pending),
      { hours: COPY_HOURS },
    )
    .catch((error): States => {
      problems.push(describe(error));
      return {};
    });
  for (const [target, state] of Object.entries(states)) {
    if (state === 'available') continue;
    problems.push(`${target}: the copy is ${state}, not available; its events say why`);
  }
  return states;
}

async function publish(
  { print, clock }: CopyPorts,
  copies: SnapshotCopies,
  { plan, target, copy }: SnapshotCopyDefinition,
  hold: Hold | null,
): Promise<string | null> {
  const { dimensions: name } = METRICS;
  const dimensions = { [name.plan]: plan, [name.target]: target, [name.copy]: copy };
  const say = (metric: string, seconds: number, at: number) =>
    print(embeddedMetric({ name: metric, unit: 'Seconds', value: seconds, dimensions }, at));
  if (hold) say(METRICS.holdAge, secondsHeld(hold, clock()), clock());
  const newest = await copies.newest();
  // Without a copy no age is published, and the alarm fires on the missing data.
  if (newest === null) return null;
  const now = clock();
  say(METRICS.snapshotCopyAge, (now - newest) / 1000, now);
  return new Date(newest).toISOString();
}

function awsPorts(): CopyPorts {
  const kept = <T>(make: (region: string) => T) => {
    const clients = new Map<string, T>();
    return (region: string) => {
      const client = clients.get(region) ?? make(region);
      clients.set(region, client);
      return client;
    };
  };
  return {
    definition: deployedDefinition(),
    rds: kept((region) => new RDSClient({ region })),
    ssm: kept((region) => new SSMClient({ region })),
    print: (line) => process.stdout.write(`${line}\n`),
    clock: Date.now,
  };
}

export const handler = shipped(copySnapshots, awsPorts);
