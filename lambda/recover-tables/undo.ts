/** Takes back what a recovery of tables wrote, within its hold time, as far as nobody has built on it since. */
import * as v from 'valibot';
import { parse, type TableRecoveryRequest, tableWay } from '../contract';
import { ask } from '../recover/ask';
import { open } from '../recover/open';
import { ENDINGS, type Ending, type RecoveryOutcome } from '../recover/outcome';
import { report } from '../recover/report';
import type { Identity } from '../runbook/identity';
import { describe } from '../runbook/runbook';
import type { Undone } from '../tables/protocol';
import type { TableRecovery } from './story';
import { theLive } from './the-live';
import { nameOf, TableWork } from './write';

/** What the run wrote down before it wrote anything else. */
const intent = v.object({
  way: tableWay,
  tables: v.pipe(v.array(v.object({ schema: v.string(), table: v.string() })), v.minLength(1)),
  database: v.nullable(v.string()),
  resourceId: v.string(),
});

export async function undoTables(
  recovery: TableRecovery,
  request: Extract<TableRecoveryRequest, { action: 'undo' }>,
): Promise<RecoveryOutcome> {
  const startedBy = await open(recovery, request);
  let outcome: Ending = 'failed';
  let error: string | null = null;
  let undone: Undone | null = null;
  try {
    const ended = await carryOut(recovery, request.run, startedBy);
    outcome = ended.outcome;
    undone = ended.undone;
  } catch (failure) {
    error = describe(failure);
  }
  return report(recovery, {
    outcome,
    error,
    recovered: null,
    facts: [['Run that is undone', request.run], ...(undone ? countsOf(undone) : [])],
    sections: [],
    next:
      outcome === 'failed'
        ? ['Start the undo again: it goes on where this one stopped.']
        : ['Nothing: the tables are as the outcome says.'],
  });
}

async function carryOut(
  recovery: TableRecovery,
  run: string,
  startedBy: Identity | null,
): Promise<{ outcome: Ending; undone: Undone | null }> {
  const { runbook, ports, definition } = recovery;
  const before = await runbook.step('read what the run wrote down', () => intentOf(recovery, run));
  const live = await runbook.step('look at the live database', () => theLive(ports.rds, definition.source));
  if (live.resourceId !== before.resourceId) {
    throw new Error(
      `run ${run} wrote to database ${before.resourceId}, and the live one is ${live.resourceId}, so there is nothing to undo in it; ` +
        'find out who replaced it',
    );
  }
  const names = before.tables.map(nameOf).join(', ');
  const paper = {
    name: 'proposal',
    title: `undo of run ${run}: ${before.way} of ${names}`,
    facts: [['Database', `${live.instance} (${live.resourceId})`]] satisfies [string, string][],
    sections: [
      {
        title: 'What would be written',
        lines: [
          before.way === 'swap'
            ? `${names}: the old tables come back, with what was written since the swap`
            : `${names}: rows that the run inserted are deleted, and rows that it overwrote get their values from before; rows that ` +
              'somebody changed since are left as they are, and counted',
        ],
      },
    ],
    values: { run, ...before },
  };
  const { answer } = await ask(recovery, paper, [live.resourceId, ...before.tables.map(nameOf)], startedBy);
  if (answer.outcome !== 'approved') {
    return { outcome: ENDINGS[answer.outcome], undone: null };
  }
  // The run whose work it is: what it made is named after it.
  const reach = async () => ({ run, live: await recovery.connection(live, before.database ?? undefined) });
  const work = new TableWork(runbook, ports.tables(definition.examiner), reach);
  const { way, tables } = before;
  const undone = await recovery.act(`undo run ${run}`, { ...before }, () =>
    work.waiting('undo-tables', 'undo', { way, tables }),
  );
  return { outcome: 'undone', undone };
}

async function intentOf({ ports, definition }: TableRecovery, run: string) {
  const documents = await ports.chain(definition).ofRun(run);
  const found = documents.filter(({ kind }) => kind === 'intent').at(-1);
  if (found) return parse(intent, found.values, `what run ${run} wrote down`);
  throw new Error(
    `run ${run} wrote down nothing that it was about to change, as far as its signed documents say, so there is nothing to undo; ` +
      'see its report for what it did',
  );
}

const countsOf = ({ deleted, setBack, changedSince, referencedSince, applied }: Undone): [string, string][] => [
  ['Rows deleted again', String(deleted)],
  ['Rows with their values from before', String(setBack)],
  ['Rows left, since they were changed since', String(changedSince)],
  ['Rows left, since others refer to them', String(referencedSince)],
  ['Writes since, kept', String(applied)],
];
