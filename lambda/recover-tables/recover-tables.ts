/**
 * Runbook: bring tables back, out of a restored copy into the live database.
 *
 * Restores beside the database and compares first, both without a change in production; then it waits for an approval
 * of exactly what it found. Rows are staged and verified before the live tables are touched, and what an undo needs is
 * kept until the hold time is over. It deletes no database: the copy gets the date at which it expires, and the janitor
 * of drills deletes it then.
 */
import { parse, type TableRecoveryRequest, tableRecoveryDefinition, tableRecoveryRequest } from '../contract';
import { DrillCopy } from '../rds/drill-copy';
import { passwordOf, restoreCopy } from '../rds/restore-copy';
import { chooseRestorePoint } from '../rds/restore-point';
import { describeSource } from '../rds/source';
import { ask } from '../recover/ask';
import { open } from '../recover/open';
import { ENDINGS, type Ending, type RecoveryOutcome } from '../recover/outcome';
import { RecoveryRun } from '../recover/recovery';
import { report } from '../recover/report';
import type { Identity } from '../runbook/identity';
import { describe, type Runbook, shipped } from '../runbook/runbook';
import type { Plan, Sides } from '../tables/protocol';
import { cleanAfterHold } from './clean';
import { awsTableRecoveryPorts, type TableRecoveryPorts } from './ports';
import { isNeeded, proposalOf } from './proposal';
import { tableReport } from './report';
import type { TableRecovery, TableStory, ToBringBack } from './story';
import { theLive } from './the-live';
import { undoTables } from './undo';
import { nameOf, TableWork, writeTables } from './write';

export const recoverTables =
  (ports: TableRecoveryPorts) =>
  async (input: unknown, runbook: Runbook): Promise<RecoveryOutcome> => {
    const definition = parse(tableRecoveryDefinition, ports.definition, 'definition of the recovery');
    const request = parse(tableRecoveryRequest, input ?? {}, 'request of a recovery of tables');
    const recovery = new RecoveryRun(ports, definition, runbook, 'recover-tables');
    return request.action === 'recover' ? bringBack(recovery, request) : undoTables(recovery, request);
  };

type BringBack = Extract<TableRecoveryRequest, { action: 'recover' }>;

async function bringBack(recovery: TableRecovery, request: BringBack): Promise<RecoveryOutcome> {
  const story: TableStory = { point: null, copy: null, refused: [], found: [], written: null };
  let outcome: Ending = 'failed';
  let error: string | null = null;
  const startedBy = await open(recovery, request);
  try {
    outcome = await carryOut(recovery, request, startedBy, story);
  } catch (failure) {
    error = describe(failure);
  }
  const told = await report(recovery, tableReport(recovery, request, story, outcome, error));
  if (outcome === 'recovered') await cleanAfterHold(recovery, request.database);
  return told;
}

async function carryOut(
  recovery: TableRecovery,
  { to, database, tables, way, dryRun }: BringBack,
  startedBy: Identity | null,
  story: TableStory,
): Promise<Ending> {
  const { runbook, ports, definition } = recovery;
  const live = await runbook.step('look at the live database', () => theLive(ports.rds, definition.source));
  const source = await runbook.step('describe the source', () => describeSource(ports.rds, live.instance));
  const point = await runbook.step('choose restore point', () =>
    chooseRestorePoint(ports.rds, { ...definition.source, instance: live.instance }, to),
  );
  story.point = point;
  const copy = new DrillCopy(ports.rds, definition.copy.prefix + runbook.id, live.instance, runbook.id);
  const settings = definition.copy;
  const expires = new Date(runbook.now.getTime() + settings.expiresAfterSeconds * 1000);
  story.copy = { instance: copy.name, expires: expires.toISOString() };
  const password = () => passwordOf(ports, definition, copy);
  const { host, port } = await restoreCopy(runbook, { copy, source, point, settings, expires, password });
  if (!host || !port) throw new Error(`RDS gave no endpoint for '${copy.name}'`);
  const reach = async (): Promise<Sides> => ({
    run: runbook.id,
    live: await recovery.connection(live, database),
    copy: {
      host,
      port,
      user: source.masterUser,
      password: await password(),
      database: database ?? definition.database ?? source.database,
    },
  });
  const work = new TableWork(runbook, ports.tables(definition.examiner), reach);
  const plan = await work.whole('plan-tables', 'plan', { way, tables });
  story.refused = plan.refused;
  if (plan.refused.length > 0) return 'refused';
  story.found = await compareAll(work, plan);
  const needed = story.found.filter(({ compared }) => isNeeded(way, compared));
  const paper = {
    name: 'proposal',
    title: `${way} of ${tables.map(nameOf).join(', ')} as of ${point.time}`,
    facts: [
      ['Database', `${live.instance} (${live.resourceId})`],
      ['Restored to', `${point.time} (${point.requested})`],
    ] satisfies [string, string][],
    sections: proposalOf(way, story.found),
    values: {
      way,
      tables: story.found.map(({ planned, compared }) => ({ ...nameAndShape(planned), list: compared.list })),
    },
  };
  if (dryRun || needed.length === 0) {
    await recovery.publish({ ...paper, kind: 'proposal' });
    return dryRun ? 'dry run' : 'nothing to recover';
  }
  const { answer } = await ask(recovery, paper, [live.resourceId, ...tables.map(nameOf)], startedBy);
  if (answer.outcome !== 'approved') return ENDINGS[answer.outcome];
  const still = await runbook.step('look at the live database again', () => theLive(ports.rds, definition.source));
  if (still.resourceId !== live.resourceId) {
    throw new Error(
      `the live database is ${still.resourceId} now and was ${live.resourceId} when the approval was given, so nothing is written; ` +
        'find out who replaced it, and start again',
    );
  }
  const approved = needed.map(({ planned, compared }) => ({ ...nameAndShape(planned), list: compared.list! }));
  await recovery.act(
    `write ${tables.map(nameOf).join(', ')}`,
    { way, tables, database: database ?? null, resourceId: live.resourceId },
    async () => {
      story.written = await writeTables(work, way, approved);
    },
  );
  return 'recovered';
}

const nameAndShape = ({ schema, table, shape }: Plan['tables'][number]) => ({ schema, table, shape });

async function compareAll(work: TableWork, { tables }: Plan): Promise<ToBringBack[]> {
  const found: ToBringBack[] = [];
  for (const planned of tables) {
    const table = nameAndShape(planned);
    found.push({ planned, compared: await work.whole('compare-table', `compare ${nameOf(table)}`, { table }) });
  }
  return found;
}

export const handler = shipped(recoverTables, awsTableRecoveryPorts);
