/**
 * Sends applications back to the database that they were sent away from, as a run's intent documents recorded it.
 *
 * Lossless until the first write on the new side. From then on it counts what would be lost, keeps writers out of the
 * new side, and wants the number approved.
 */
import type { DatabaseRecoveryRequest } from '../contract';
import type { Identity } from '../runbook/identity';
import { describe } from '../runbook/runbook';
import { ask } from './ask';
import { tryToCount } from './compare';
import { endpointOf, takeBack } from './cut-over';
import { type FencedSide, liftFence, putUpFence } from './fence';
import { open } from './open';
import { ENDINGS, type Ending, type RecoveryOutcome } from './outcome';
import type { Paper, Recovery, Side } from './recovery';
import { report } from './report';
import { restartAll, watchHealth } from './restart';
import { DAMAGED, RECOVERED } from './story';
import { type Done, whatWasDone } from './what-was-done';
import { type Loss, lossGrew, lossLines, lossSince, NO_LOSS } from './written-since';

type RollBackRequest = Extract<DatabaseRecoveryRequest, { action: 'roll-back' }>;

/** What is learned on the way, for the report. */
interface Learned {
  done: Done | null;
  loss: Loss | null;
}

export async function rollBack(recovery: Recovery, request: RollBackRequest): Promise<RecoveryOutcome> {
  const learned: Learned = { done: null, loss: null };
  let outcome: Ending = 'failed';
  let error: string | null = null;
  try {
    outcome = await carryOut(recovery, request, await open(recovery, request), learned);
  } catch (failure) {
    error = describe(failure);
  }
  const { done, loss } = learned;
  return report(recovery, {
    outcome,
    error,
    recovered: done?.cutOver?.recovered ?? null,
    facts: [['Rolls back', request.run]],
    sections: loss ? [{ title: LOST, lines: lossLines(loss) }] : [],
    next: nextSteps(recovery, outcome),
  });
}

const LOST = 'Written since the cut-over, and not in the damaged database';

async function carryOut(
  recovery: Recovery,
  request: RollBackRequest,
  startedBy: Identity | null,
  learned: Learned,
): Promise<Ending> {
  const { runbook, definition, ports } = recovery;
  const done = await runbook.step(`read what run ${request.run} did`, () =>
    whatWasDone(ports.chain(definition), request.run, runbook.started, definition.holdSeconds),
  );
  learned.done = done;
  const { cutOver } = done;
  const open: Side | null = cutOver && { resourceId: cutOver.recovered.resourceId };
  let fenced: FencedSide | null = done.fenceOfRecovered;
  let loss = await count(recovery, done, fenced ?? open, '1');
  let worse: string[] = [];
  for (let round = 1; ; round++) {
    learned.loss = loss;
    const resources = [done.fence?.resourceId, open?.resourceId].flatMap((id) => id ?? []);
    const { answer } = await ask(recovery, proposal(recovery, done, loss, round, worse), resources, startedBy);
    if (answer.outcome !== 'approved') {
      if (fenced && !done.fenceOfRecovered) await liftFence(recovery, fenced, RECOVERED);
      return ENDINGS[answer.outcome];
    }
    // A fence that an earlier try put up is seen to hold, as any other.
    if (round === 1 && open && definition.fence === 'connect') {
      fenced = await putUpFence(recovery, open, RECOVERED, done.fenceOfRecovered);
    }
    const now = await count(recovery, done, fenced ?? open, `again (${round})`);
    worse = lossGrew(loss, now);
    loss = now;
    learned.loss = now;
    if (worse.length === 0 || definition.approval.waived) break;
  }
  const damaged = done.fence ?? (cutOver?.damaged && { resourceId: cutOver.damaged.resourceId });
  if (done.fence) await liftFence(recovery, done.fence, DAMAGED);
  await takeBack(recovery, done.run, done.ways);
  if (damaged && done.ways.length > 0) {
    const side = { resourceId: damaged.resourceId };
    await restartAll(recovery, await endpointOf(recovery, side.resourceId));
    const unhealthy = await watchHealth(recovery, null);
    if (unhealthy !== null) recovery.remarks.push(`Applications are not healthy: ${unhealthy}`);
  }
  return 'rolled back';
}

/** What going back would lose. Where nobody was sent to the recovered database, nobody has written there. */
async function count(recovery: Recovery, { cutOver }: Done, side: Side | null, which: string): Promise<Loss> {
  if (!cutOver || !side) return NO_LOSS;
  return lossSince(cutOver.counts, await tryToCount(recovery, side, `${RECOVERED}, ${which}`, cutOver.moment));
}

function proposal(
  { definition }: Recovery,
  { run, fence, ways, cutOver }: Done,
  loss: Loss,
  round: number,
  worse: readonly string[],
): Omit<Paper, 'kind'> {
  const plan = [
    ...(cutOver && definition.fence === 'connect'
      ? [`Writers are kept out of '${cutOver.recovered.instance}', and its sessions are ended.`]
      : []),
    ...(fence ? ['Everybody may connect to the damaged database again who could before.'] : []),
    ...[...ways].reverse().map(({ title }) => `Taken back: ${title}.`),
    'Neither database is deleted.',
  ];
  return {
    name: `proposal ${round}`,
    title:
      loss.writes === 0
        ? `roll back run ${run}, nothing is lost`
        : `roll back run ${run}, and lose ${loss.writes ?? 'an unknown number of'} writes`,
    facts: [
      ['Rolls back', run],
      ['Writes that are lost', String(loss.writes ?? 'unknown')],
    ],
    sections: [
      ...(worse.length > 0 ? [{ title: 'Worse than what was approved', lines: [...worse] }] : []),
      { title: LOST, lines: lossLines(loss) },
      { title: 'What will be done', lines: plan },
    ],
    values: { run, loss },
  };
}

function nextSteps(recovery: Recovery, outcome: Ending): string[] {
  if (outcome === 'rolled back')
    return ['Both databases are still there; delete the recovered one when nobody needs it.'];
  if (outcome === 'failed' && recovery.acts.length > 0) {
    return [
      'It stopped, and both databases stand as they are.',
      `To go on: ${recovery.commandToTakeBack(recovery.runbook.id)}`,
    ];
  }
  return ['Nothing was changed that was not given back.'];
}
