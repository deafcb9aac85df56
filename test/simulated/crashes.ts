/** Runs durable runbooks to their end on a virtual clock, with invocations that crash. */
import { durable, type Runbook } from '../../lambda/runbook/runbook';
import {
  type Execution,
  execute,
  type HandlerFor,
  type RunningExecution,
} from '../../rehearsal/runbooks/durable-executions';

export interface CrashingRun {
  readonly name: string;
  /** Moved on by each wait, and a little by each checkpoint. */
  readonly time: { now: number };
  /** Asked around each checkpoint: whether the invocation crashes there. @default never */
  readonly crashes?: () => boolean;
  /** Somebody stops the execution after so many invocations. @default never */
  readonly stoppedAfter?: number;
  /** Called before time passes: a person may answer what the execution waits for. @default nobody answers */
  readonly onSuspend?: (execution: RunningExecution) => void | Promise<void>;
  /** Durable functions that it may run as children, by name. @default none */
  readonly functions?: Readonly<Record<string, (request: unknown, runbook: Runbook) => Promise<unknown>>>;
}

/**
 * @param runbookFor asked before each invocation. Calls are to hang once `alive` is false, as those of a dead process do
 * @returns with the names of steps and polls, in the order in which they were first reached
 */
export async function runCrashing<Request, Report>(
  runbookFor: (alive: () => boolean) => (request: Request, runbook: Runbook) => Promise<Report>,
  request: Request,
  { name, time, crashes = () => false, stoppedAfter, onSuspend, functions = {} }: CrashingRun,
): Promise<Execution & { readonly steps: string[] }> {
  const steps = new Set<string>();
  let running = 0;
  const execution = await execute(
    (client, invocation) => {
      running = invocation;
      const runbook = runbookFor(() => running === invocation);
      return durable(runbook, { durableExecutionClient: client, clock: () => time.now });
    },
    request,
    {
      name,
      clock: {
        now: () => time.now,
        until: async (moment) => {
          time.now = Math.max(time.now, moment);
        },
      },
      onUpdate: ({ Name }) => Name && steps.add(Name),
      atCheckpoint: () => {
        // Work takes time, too.
        time.now += 100;
        if (!crashes()) return;
        running = 0;
        throw new Error('crash');
      },
      onSuspend,
      functions: Object.fromEntries(
        Object.entries(functions).map(([child, runbook]): [string, HandlerFor] => [
          child,
          (client) => durable(runbook, { durableExecutionClient: client, clock: () => time.now }),
        ]),
      ),
      ...(stoppedAfter === undefined ? {} : { invocations: stoppedAfter }),
    },
  );
  // Whatever the last invocation still had under way ends with it.
  running = 0;
  return { ...execution, steps: [...steps] };
}
