/**
 * Runbook: bring a database back in production.
 *
 * Restores beside the damaged database, checks, compares, and changes nothing of production before a person has
 * approved what it showed. Then writers are kept out of the old side, seen and not assumed, before anyone is sent to
 * the new one. It deletes nothing, and cleans nothing up: where it fails it stops, says what is half done, and leaves
 * both sides standing.
 */
import { type DatabaseRecoveryRequest, databaseRecoveryDefinition, databaseRecoveryRequest, parse } from '../contract';
import { instanceById, knownState } from '../rds/known-instance';
import type { Identity } from '../runbook/identity';
import { describe, type Runbook, shipped } from '../runbook/runbook';
import { ask } from './ask';
import { type Assessment, assess } from './assess';
import { checkRecovered } from './check-recovered';
import { type Comparison, compareCounts, countAll, tryToCount, worseThan } from './compare';
import { cutOverTo, endpointOf } from './cut-over';
import { type FencedSide, liftFence, putUpFence } from './fence';
import { open } from './open';
import { ENDINGS, type Ending, type RecoveryOutcome } from './outcome';
import { awsRecoveryPorts, type RecoveryPorts } from './ports';
import { proposal } from './proposal';
import { RecoveredInstance } from './recovered-instance';
import { Recovery, type Side } from './recovery';
import { report } from './report';
import { restartAll, watchHealth } from './restart';
import { rollBack } from './roll-back';
import { takeSafetySnapshot } from './safety-snapshot';
import { COUNTS, DAMAGED, facts, nextSteps, RECOVERED, type Story } from './story';

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
  try {
    outcome = await carryOut(recovery, request, await open(recovery, request), story);
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
  startedBy: Identity | null,
  story: Story,
): Promise<Ending> {
  const { runbook, definition } = recovery;
  const assessment = await runbook.step('assess', () => assess(recovery.ports, definition, request.to));
  story.assessment = assessment;
  const { source, point } = assessment;
  const recovered = await restoreBeside(recovery, assessment, story);
  const { resourceId } = recovered;
  const checked = await checkRecovered(recovery, recovered, point.time);
  story.checked = checked;

  const restored = await countAll(recovery, recovered, RECOVERED, point.time);
  const unfenced: Side = { resourceId: source.resourceId };
  let fenced: FencedSide | null = null;
  const damage = await tryToCount(recovery, unfenced, DAMAGED, point.time);
  let comparison = compareCounts(damage, restored);
  story.comparison = comparison;

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
    if (answer.outcome !== 'approved') {
      if (fenced) await liftFence(recovery, fenced, DAMAGED);
      return ENDINGS[answer.outcome];
    }
    const approved: Comparison = comparison;
    if (round === 1) {
      if (definition.fence === 'connect') fenced = await putUpFence(recovery, unfenced, DAMAGED);
      story.snapshot = await takeSafetySnapshot(recovery, source.resourceId);
    }
    comparison = compareCounts(
      await tryToCount(recovery, fenced ?? unfenced, `${DAMAGED}, again (${round})`, point.time),
      restored,
    );
    story.comparison = comparison;
    worse = worseThan(approved, comparison);
    if (worse.length === 0 || definition.approval.waived) break;
  }

  await mustStillBe(recovery, assessment, recovered);
  const sides = {
    damaged: { resourceId: source.resourceId, instance: source.instance },
    recovered: { resourceId, instance: bornAs(recovery) },
  };
  await recovery.publish({
    kind: 'intent',
    name: COUNTS,
    title: 'what the recovered database holds before anybody writes to it',
    values: { counts: restored, moment: point.time, damaged: sides.damaged, recovered: sides.recovered },
  });
  await cutOverTo(recovery, sides);
  await restartAll(recovery, await endpointOf(recovery, recovered.resourceId));
  const unhealthy = await watchHealth(recovery, recovered);
  if (unhealthy === null) return 'recovered';
  recovery.remarks.push(`Applications are not healthy: ${unhealthy}`);
  return 'recovered, not healthy';
}

/** Born as production, with the settings and the password that it will be used with. */
async function restoreBeside(recovery: Recovery, { source, point, carried }: Assessment, story: Story): Promise<Side> {
  const { runbook, ports } = recovery;
  const instance = new RecoveredInstance(ports.rds, bornAs(recovery), source.resourceId, runbook.id);
  await runbook.step('start the restore', () => instance.restore(source.instance, point, carried));
  const born = await runbook.poll(
    'wait until restored',
    () => instance.lookAtNew(),
    (seen) => seen?.usable === true && seen.host !== null,
    { hours: MAX_RESTORE_HOURS },
  );
  const resourceId = String(born?.resourceId);
  story.recovered = { name: instance.name, resourceId };
  recovery.happened(`'${instance.name}' (${resourceId}) is restored`);
  const settled = () =>
    runbook.poll(
      `wait until '${instance.name}' has its settings`,
      () => instance.look(resourceId),
      ({ usable, pending }) => usable && pending.length === 0,
      { hours: 6 },
    );
  if (Object.keys(carried.modify).length > 0) {
    await runbook.step('set what a restore does not take', () => instance.modify(resourceId, carried.modify));
    await settled();
  }
  await runbook.step('set the master password', async () => {
    const { password } = await recovery.credentials();
    await instance.modify(resourceId, { MasterUserPassword: password });
  });
  await settled();
  return { resourceId };
}

const bornAs = ({ definition, runbook }: Recovery) => `${definition.recovered.prefix}${runbook.id}`;

/** What the approval relied on may have changed while a person read it. */
async function mustStillBe({ runbook, ports, definition }: Recovery, { source }: Assessment, recovered: Side) {
  await runbook.step('see that both databases are still the approved ones', async () => {
    const [old, fresh] = await Promise.all([
      instanceById(ports.rds, source.resourceId),
      instanceById(ports.rds, recovered.resourceId),
    ]);
    const problems = [
      ...(old ? [] : [`the damaged database ${source.resourceId} was not found`]),
      ...(old && old.DBInstanceIdentifier !== definition.source.instance
        ? [`the damaged database is called '${old.DBInstanceIdentifier}' by now`]
        : []),
      ...(fresh && knownState(fresh).usable ? [] : [`the recovered database ${recovered.resourceId} is not available`]),
    ];
    if (problems.length > 0) throw new Error(`what was approved is no longer so: ${problems.join('; ')}; start again`);
  });
}

/** At a look every two minutes, half of the 3,000 operations that an execution may have. */
const MAX_RESTORE_HOURS = 48;

export const handler = shipped(recoverDatabase, awsRecoveryPorts);
