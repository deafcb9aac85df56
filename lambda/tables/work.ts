/**
 * Works on tables of both databases for the conductor of a recovery: a plain function without any AWS permission. The
 * call carries both passwords, so nothing here logs the call, and no error repeats it.
 */
import { DatabaseError } from 'pg';
import type { Tls } from '../examiner/client';
import { type CallLimit, type Deadline, deadlineOf } from '../examiner/deadline';
import { whatPostgresSaid } from '../examiner/postgres-error';
import { compareTable } from './compare';
import { mergeTable } from './merge';
import { type Inventory, planTables, refuseNames } from './plan';
import type {
  CaptureWrites,
  CatchUp,
  CleanTables,
  DressShadow,
  Plan,
  PlanTables,
  SwapTables,
  TableName,
  TablesAnswers,
  TablesRequest,
  TablesResponse,
  UndoTables,
} from './protocol';
import { isBusy, OutOfTime, TablesBusy, TablesNotReady, TablesRefused } from './refusals';
import { Session } from './session';
import { stageTable } from './stage';
import { undoMerges } from './undo-merge';
import { verifyStaged } from './verify';

export interface TablesOptions {
  /**
   * Authorities that both certificates must come from.
   *
   * @default - none: only databases on this machine are worked on, as rehearsals make them
   */
  readonly tls?: Tls;
  /**
   * Seconds a call may take, where its caller sets no limit itself.
   *
   * @default 780
   */
  readonly budgetSeconds?: number;
  /**
   * The tasks of swaps, and the clean-up.
   *
   * @default - none: those are refused, and merges are all there is
   */
  readonly swap?: SwapPart;
  /**
   * Ranges that are copied at a time.
   *
   * @default 2
   */
  readonly streams?: number;
}

/** What lies in the room above this one. */
export interface SwapPart {
  /** What hangs on a table, in a transaction that only reads; `together` are all tables of the request. */
  inventory(live: Session, table: TableName, together: readonly TableName[]): Promise<Inventory>;
  answer(request: SwapRequest, tls: Tls | undefined, deadline: Deadline): Promise<TablesResponse>;
}

export type SwapRequest =
  | CaptureWrites
  | DressShadow
  | CatchUp
  | SwapTables
  | (UndoTables & { readonly way: 'swap' })
  | CleanTables;

export const workOnTables =
  ({ tls, swap, budgetSeconds, streams = 2 }: TablesOptions = {}) =>
  async <Task extends TablesRequest>(request: Task, limit?: CallLimit): Promise<TablesAnswers[Task['task']]> => {
    const work = new Work(request, tls, deadlineOf(limit, budgetSeconds), streams, swap);
    try {
      refuseNames(request.run);
      return (await work.answer()) as TablesAnswers[Task['task']];
    } catch (error) {
      throw told(error);
    } finally {
      await work.close();
    }
  };

class Work {
  private readonly sessions: Session[] = [];

  constructor(
    private readonly request: TablesRequest,
    private readonly tls: Tls | undefined,
    private readonly deadline: Deadline,
    private readonly streams: number,
    private readonly swap: SwapPart | undefined,
  ) {}

  public async answer(): Promise<TablesResponse> {
    const { request, deadline } = this;
    switch (request.task) {
      case 'plan-tables':
        return this.plan(request);
      case 'compare-table':
        return compareTable(request, await this.live(), await this.copy(), deadline);
      case 'stage-table': {
        const pairs: [Session, Session][] = [];
        for (let stream = 0; stream < this.streams; stream++) pairs.push([await this.live(), await this.copy()]);
        return stageTable(request, pairs, deadline);
      }
      case 'verify-staged':
        return verifyStaged(request, await this.live(), await this.copy(), await this.live(), deadline);
      case 'merge-table':
        return mergeTable(request, await this.live(), await this.copy(), deadline);
      case 'undo-tables':
        if (request.way !== 'swap') return undoMerges(request, await this.live(), deadline);
        return this.swapOf(request.task).answer({ ...request, way: 'swap' }, this.tls, deadline);
      default:
        return this.swapOf(request.task).answer(request, this.tls, deadline);
    }
  }

  public async close(): Promise<void> {
    await Promise.all(this.sessions.map((session) => session.close()));
  }

  private async plan(request: PlanTables): Promise<Plan> {
    const [live, copy] = [await this.live(), await this.copy()];
    const inventory = ({ name }: { readonly name: TableName }) =>
      live.transaction('READ ONLY', () => this.swapOf("a plan for 'swap'").inventory(live, name, request.tables));
    return planTables(request, live, copy, inventory);
  }

  private swapOf(what: string): SwapPart {
    if (this.swap) return this.swap;
    throw new TablesRefused(`${what} needs the tasks of swaps, which this function was made without; use a merge`);
  }

  private live(): Promise<Session> {
    return this.open('the live database', this.request.live);
  }

  private copy(): Promise<Session> {
    return this.open('the restored copy', this.request.copy);
  }

  private async open(side: Session['side'], connection: TablesRequest['live']): Promise<Session> {
    const session = await Session.open({ connection, tls: this.tls, deadline: this.deadline, side });
    this.sessions.push(session);
    return session;
  }
}

/** An error as the conductor may store it: never with a value of a row. */
function told(error: unknown): unknown {
  if (error instanceof OutOfTime)
    return new TablesNotReady('the time of this call was over before it began its work; call again');
  if (!(error instanceof DatabaseError)) return error;
  const said = whatPostgresSaid(error);
  return isBusy(error)
    ? new TablesBusy(`somebody else holds a lock (${said}), so it was rolled back; call again to go on`)
    : new TablesRefused(`the tables can't be worked on: ${said}; what was begun is rolled back`);
}
