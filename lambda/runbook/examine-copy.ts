/**
 * Has the examiner look at a restored copy, database after database, in as many calls as its size needs.
 *
 * Part of every runbook that proves a backup: a drill's own copy, or what AWS Backup restored.
 */
import { type Check, type CheckResult, GENERIC_CHECKS } from '../contract';
import { conclude, type ExaminedDatabase } from '../examiner/conclusion';
import type { Connection, Finding, Server, Survey, Work } from '../examiner/protocol';
import type { Examiner } from './examiner-client';
import type { Runbook } from './runbook';

export interface CopyToExamine {
  readonly examiner: Examiner;
  /** Only ever called inside a step, whose result does not carry the password. */
  readonly connection: () => Promise<Connection>;
  /** The generic ones when empty. */
  readonly checks: readonly Check[];
  /** Databases to examine; all of the instance when absent. */
  readonly databases?: readonly string[];
  /** The moment it was restored to, ISO 8601. */
  readonly restorePoint: string;
  /** When the copy may be deleted. */
  readonly expires: Date;
}

/** What was learned, also when it ends early. */
export interface Examined {
  server: Server | null;
  databases: ExaminedDatabase[];
  checks: readonly CheckResult[];
  /** When the last check had ended. */
  checked: Date | null;
}

/** Two operations each, of the 3,000 that an execution may have. */
const MAX_CALLS = 600;

/** @throws when the copy can't be examined, or not in time */
export async function examineCopy(copy: CopyToExamine, report: Examined, runbook: Runbook): Promise<void> {
  const { examiner, connection } = copy;
  const checks = copy.checks.length > 0 ? copy.checks : GENERIC_CHECKS;
  try {
    const { main, server } = await runbook.step('look at the server', async () => {
      const to = await connection();
      return { main: to.database, server: await examiner.server({ connection: to }) };
    });
    report.server = server;
    const calls = { made: 0 };
    for (const database of chosen(server, main, copy.databases)) {
      const to = async (): Promise<Connection> => ({ ...(await connection()), database });
      const survey = await runbook.step(`survey ${database}`, async () =>
        examiner.survey({ connection: await to(), checks, main: database === main }),
      );
      const examined = { survey, findings: [] as Finding[] };
      report.databases.push(examined);
      await examineDatabase({ ...copy, checks, connection: to }, survey, examined.findings, calls, runbook);
    }
  } finally {
    report.checks = conclude(checks, report.databases);
    report.checked = runbook.now;
  }
}

function chosen(server: Server, main: string, wanted: readonly string[] | undefined): readonly string[] {
  const names = server.databases.map(({ name }) => name);
  const missing = (wanted ?? [main]).filter((name) => !names.includes(name));
  if (missing.length > 0) {
    throw new Error(
      `the copy has no database ${missing.map((name) => `'${name}'`).join(', ')} that takes connections, so nothing is proven; ` +
        `it has ${names.map((name) => `'${name}'`).join(', ') || 'none'}`,
    );
  }
  return wanted ?? names;
}

async function examineDatabase(
  { examiner, connection, checks, restorePoint, expires }: CopyToExamine,
  survey: Survey,
  findings: Finding[],
  calls: { made: number },
  runbook: Runbook,
): Promise<void> {
  const queue = [...survey.calls];
  for (let work = queue.shift(); work; work = queue.shift()) {
    const call = ++calls.made;
    // A call, the survey's too, may take most of the 15 minutes that an invocation has.
    await runbook.rest(`make room (${call})`);
    if (runbook.now >= expires) {
      throw new Error(
        `the copy's time was over at ${expires.toISOString()}, before its checks had ended, so the rest did not run; ` +
          'let copies live longer, or check less',
      );
    }
    const now = work;
    const found = await runbook.step(`run checks (${call})`, async () =>
      examiner.check({ connection: await connection(), checks, work: now, restorePoint }),
    );
    findings.push(...found.findings);
    // A restored volume is still being loaded, so what ran out of time may well fit the next call: before the others,
    // since what comes later may destroy what it has to see.
    const progress = found.findings.some(({ examined }) => examined > 0);
    if (found.left.length > 0 && progress && call + queue.length < MAX_CALLS) queue.unshift(found.left);
    else findings.push(...found.left.flatMap(outOfTime));
  }
}

/** Said instead of its result: nothing of it was examined. */
function outOfTime(work: Work): Finding[] {
  const none = { count: 0, first: [] };
  const reason = { count: work.objects, first: [{ observed: 'ran out of time' }] };
  return work.checks.map((check) => ({
    work,
    check,
    examined: work.objects,
    bytes: 0,
    observed: [],
    failures: none,
    warnings: none,
    notRun: reason,
  }));
}
