/**
 * Runbook: bring a database back in production.
 *
 * Restores beside the damaged database, checks, compares, and changes nothing of production before a person has
 * approved what it showed. Then writers are kept out of the old side, seen and not assumed, before anyone is sent to
 * the new one. It deletes nothing, and cleans nothing up: where it fails it stops, says what is half done, and leaves
 * both sides standing.
 */
import {
  type DatabaseRecoveryDefinition,
  type DatabaseRecoveryRequest,
  databaseRecoveryDefinition,
  databaseRecoveryRequest,
  parse,
} from '../contract';
import { describe, type Runbook } from '../runbook/runbook';
import { ask } from './ask';
import { type Assessment, assess } from './assess';
import { type CheckedDatabase, checkRecovered } from './check-recovered';
import { type Comparison, type Counts, compareCounts, countAll, tryToCount, worseThan } from './compare';
import { cutOverTo, endpointOf } from './cut-over';
import { liftFence, putUpFence } from './fence';
import { open } from './open';
import type { Ending, RecoveryOutcome } from './outcome';
import type { RecoveryPorts } from './ports';
import { proposal } from './proposal';
import { RecoveredInstance } from './recovered-instance';
import { Recovery, type Side } from './recovery';
import { report } from './report';
import { restartAll, watchHealth } from './restart';
import { rollBack } from './roll-back';
import { takeSafetySnapshot } from './safety-snapshot';
import { facts, nextSteps, type Story } from './story';

export const DAMAGED = 'the damaged database';
export const RECOVERED = 'the recovered database';

export const recoverDatabase =
  (ports: RecoveryPorts) =>
  async (input: unknown, runbook: Runbook): Promise<RecoveryOutcome> => {
    const definition = parse(databaseRecoveryDefinition, ports.definition, 'definition of the recovery');
    const request = parse(databaseRecoveryRequest, input ?? {}, 'request of a recovery');
    const recovery = new Recovery(ports, definition, runbook);
    return request.action === 'recover' ? recover(recovery, request) : rollBack(recovery, request);
  };

type RecoverRequest = Extract<DatabaseRecoveryRequest, { action: 'recover' }>;

async function recover(recovery: Recovery, request: RecoverRequest): Promise<RecoveryOutcome> {
  const story: Story = { assessment: null, recovered: null, checked: null, comparison: null, snapshot: null };
  let outcome: Ending = 'failed';
  let error: string | null = null;
  const startedBy = await open(recovery, request);
  try {
    outcome = await carryOut(recovery, request, startedBy, story);
  } catch (failure) {
    error = describe(failure);
  }
  return report(recovery, {
    outcome,
    error,
    recovered: story.recovered && { instance: story.recovered.name, resourceId: story.recovered.resourceId },
    ...facts(story),
    next: nextSteps(recovery, outcome, story),
  });
}

async function carryOut(
  recovery: Recovery,
  request: RecoverRequest,
  startedBy: string | null,
  story: Story,
): Promise<Ending> {
  const { runbook, definition } = recovery;
  const assessment = await runbook.step('assess', () => assess(recovery.ports, definition, request.to));
  story.assessment = assessment;
  const { source, point } = assessment;
  const recovered = await restoreBeside(recovery, assessment, story);
  const checked = await checkRecovered(recovery, recovered, point.time);
  story.checked = checked;

  const restored = await countAll(recovery, recovered, RECOVERED, point.time);
  let damaged: Side = { resourceId: source.resourceId };
  const damage = await tryToCount(recovery, damaged, DAMAGED, point.time);
  let comparison = compareCounts(damage, restored);
  story.comparison = comparison;

  let approved: Comparison | null = null;
  let worse: string[] = [];
  for (let round = 1; ; round++) {
    const paper = await proposal(recovery, story, round, worse);
    if (request.dryRun) {
      await recovery.publish({ ...paper, kind: 'proposal' });
      return 'dry run';
    }
    const { answer } = await ask(
      recovery,
      paper,
      [source.resourceId, recovered.resourceId],
      startedBy,
      checked.problems,
    );
    if (answer.outcome !== 'approved') return await giveUp(recovery, damaged, answer.outcome);
    approved = comparison;
    if (round === 1) {
      if (definition.fence === 'connect') damaged = await putUpFence(recovery, damaged, DAMAGED);
      story.snapshot = await takeSafetySnapshot(recovery, source.resourceId);
    }
    comparison = compareCounts(await tryToCount(recovery, damaged, `${DAMAGED}, again ${round}`, point.time), restored);
    story.comparison = comparison;
    worse = worseThan(approved, comparison);
    if (worse.length === 0 || definition.approval.waived) break;
  }

  await mustStillBe(recovery, assessment, recovered);
  const sides = { damaged: source, recovered: { ...recovered, instance: recovered.name } };
  await recovery.publish({
    kind: 'intent',
    name: 'counts at the cut-over',
    title: 'what the recovered database holds before anybody writes to it',
    values: { counts: restored },
  });
  await cutOverTo(recovery, sides);
  await restartAll(recovery, await endpointOf(recovery, recovered.resourceId));
  const unhealthy = await watchHealth(recovery, recovered);
  if (unhealthy === null) return 'recovered';
  recovery.remarks.push(`Applications are not healthy: ${unhealthy}`);
  return 'recovered, not healthy';
}
