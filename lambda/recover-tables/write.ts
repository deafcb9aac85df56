/** Brings approved rows into live tables: staged and verified first, then merged or swapped in. */
import type { TableWay } from '../contract';
import type { Runbook } from '../runbook/runbook';
import type { Merged, Sides, Swapped, TableRef, TablesAnswers, TablesRequest } from '../tables/protocol';
import type { Tables } from './ports';

/** A planned table with the list that was approved. */
export interface ApprovedTable extends TableRef {
  readonly list: string;
}

type Request<Task> = Extract<TablesRequest, { task: Task }>;
/** A request without what is the same in all of them. */
type What<Task> = Omit<Request<Task>, 'task' | keyof Sides>;

/** What the tasks are asked with; only ever built inside a step, whose result does not carry the passwords. */
export type Reach = () => Promise<Omit<Sides, 'copy'> & Partial<Sides>>;

/** Two operations each, of the 3,000 that an execution may have. */
const MAX_CALLS = 600;

/** How long writers are waited for before a swap gives up; each try holds others up for some milliseconds only. */
const SWAP_HOURS = 2;

export const nameOf = ({ schema, table }: { schema: string; table: string }) => `${schema}.${table}`;

/** Asks one task until it is done. Each call goes on where the last one was committed. */
export class TableWork {
  private calls = 0;

  constructor(
    private readonly runbook: Runbook,
    private readonly tables: Tables,
    private readonly reach: Reach,
  ) {}

  async whole<Task extends TablesRequest['task']>(
    task: Task,
    name: string,
    request: What<Task>,
  ): Promise<TablesAnswers[Task]> {
    for (;;) {
      const call = ++this.calls;
      if (call > MAX_CALLS) {
        throw new Error(`'${name}' is not done after ${MAX_CALLS} calls in all; bring back fewer tables in one run`);
      }
      // A call may take most of the 15 minutes that an invocation has.
      await this.runbook.rest(`make room (${call})`);
      const answer = await this.runbook.step(`${name} (${call})`, () => this.ask(task, request));
      if (answer.done) return answer;
    }
  }

  /** The same, for what waits for others' transactions: with pauses between the calls. */
  async waiting<Task extends TablesRequest['task']>(
    task: Task,
    name: string,
    request: What<Task>,
  ): Promise<TablesAnswers[Task]> {
    await this.runbook.rest(`make room for '${name}'`);
    return this.runbook.poll(
      name,
      () => this.ask(task, request),
      ({ done }) => done,
      { hours: SWAP_HOURS },
    );
  }

  private async ask<Task extends TablesRequest['task']>(task: Task, what: What<Task>): Promise<TablesAnswers[Task]> {
    // TypeScript does not see that the parts of a request make the request.
    const whole = { task, ...(await this.reach()), ...what } as unknown as Request<Task>;
    return this.tables.ask(whole);
  }
}

/** What was written, for the report. */
export interface Written {
  readonly merged: readonly (Merged & { readonly table: string })[];
  readonly swapped: Swapped | null;
}

export async function writeTables(work: TableWork, way: TableWay, tables: readonly ApprovedTable[]): Promise<Written> {
  return way === 'swap' ? swap(work, tables) : merge(work, way, tables);
}

async function merge(
  work: TableWork,
  way: Exclude<TableWay, 'swap'>,
  tables: readonly ApprovedTable[],
): Promise<Written> {
  await stage(work, way, tables);
  const merged: Written['merged'][number][] = [];
  for (const table of tables) {
    const written = await work.whole('merge-table', `write ${nameOf(table)}`, { way, table });
    merged.push({ ...written, table: nameOf(table) });
  }
  return { merged, swapped: null };
}

async function swap(work: TableWork, tables: readonly ApprovedTable[]): Promise<Written> {
  await work.waiting('capture-writes', 'capture writes', { tables });
  await stage(work, 'swap', tables);
  await work.whole('dress-shadow', 'dress the new tables', { tables });
  await work.whole('catch-up', 'catch up with writes', { tables });
  const swapped = await work.waiting('swap-tables', 'swap the tables', { tables });
  return { merged: [], swapped };
}

/** All tables, and each verified, before the first live table is written to. */
async function stage(work: TableWork, way: TableWay, tables: readonly ApprovedTable[]): Promise<void> {
  for (const { list, ...table } of tables) {
    await work.whole('stage-table', `stage ${nameOf(table)}`, { way, table, list });
    await work.whole('verify-staged', `verify what was staged of ${nameOf(table)}`, { way, table, list });
  }
}
