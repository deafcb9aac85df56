/**
 * Has the examiner check a restored instance, database after database, in as many calls as its size needs.
 *
 * Part of every runbook that proves a backup, restored by a drill or by AWS Backup.
 */
import { type Check, type CheckResult, type DrillDefinition, GENERIC_CHECKS } from '../contract';
import type { StoredInventory } from '../evidence/inventories';
import { conclude, type ExaminedDatabase } from '../examiner/conclusion';
import { size } from '../examiner/figures';
import type { Connection, Finding, Server, Survey, Work } from '../examiner/protocol';
import type { Examiner } from './examiner-client';
import { type CountedDatabase, compareWithLastProof } from './last-proof';
import type { ProofPorts } from './ports';
import type { Runbook } from './runbook';

/** The definition's fields that drills and validations share. */
type Deployed = Pick<
  DrillDefinition,
  'plan' | 'target' | 'examiner' | 'checks' | 'databases' | 'allowEmpty' | 'evidenceBucket' | 'signingKey'
>;

export interface CopyToExamine {
  /** Only ever called inside a step, whose result does not carry the password. */
  readonly connection: () => Promise<Connection>;
  /** The moment it was restored to, ISO 8601. */
  readonly restorePoint: string;
  /** When the copy may be deleted. */
  readonly expires: Date;
  /** It is going to be production, so the examination leaves nothing on it. */
  readonly kept?: boolean;
}

/** What was learned, also when it ends early. */
export interface Examined {
  server: Server | null;
  databases: ExaminedDatabase[];
  checks: readonly CheckResult[];
  /** What the copy held, for the next proof to compare with. */
  inventory: StoredInventory | null;
  /** What is wrong with the copy as a whole. */
  failures: string[];
  warnings: string[];
  /** When the last check had ended. */
  checked: Date | null;
}

/** Two operations each, of the 3,000 that an execution may have. */
const MAX_CALLS = 600;

/** @throws when the copy can't be examined, or not in time */
export async function examineCopy(
  ports: Pick<ProofPorts, 'examiner' | 'inventories'>,
  definition: Deployed,
  copy: CopyToExamine,
  report: Examined,
  runbook: Runbook,
): Promise<void> {
  const { connection, restorePoint } = copy;
  const { databases, allowEmpty } = definition;
  const examiner = ports.examiner(definition.examiner);
  const inventories = ports.inventories(definition);
  const checks = definition.checks.length > 0 ? definition.checks : GENERIC_CHECKS;
  const examined: (CountedDatabase & { findings: Finding[] })[] = [];
  try {
    const { main, server } = await runbook.step('look at the server', async () => {
      const to = await connection();
      return { main: to.database, server: await examiner.server({ connection: to, kept: copy.kept }) };
    });
    report.server = server;
    const calls = { made: 0 };
    for (const name of chosen(server, main, databases)) {
      const to = async (): Promise<Connection> => ({ ...(await connection()), database: name });
      // Before the survey, which prepares the copy for examination and so changes what is listed.
      const listing = await runbook.step(`list what ${name} holds`, async () =>
        inventories.keepListing(runbook.id, JSON.stringify(await examiner.list({ connection: await to() }))),
      );
      const survey = await runbook.step(`survey ${name}`, async () =>
        examiner.survey({ connection: await to(), checks, main: name === main, kept: copy.kept }),
      );
      const database = { survey, findings: [] as Finding[], listing, rows: new Map<number, number>() };
      examined.push(database);
      report.databases.push(database);
      await examineDatabase(examiner, checks, { ...copy, connection: to }, database, calls, runbook);
    }
    const compared = await runbook.step('compare with the last proof', () =>
      compareWithLastProof(inventories, runbook.id, examined, checks, restorePoint),
    );
    report.inventory = compared.inventory;
    for (const [index, findings] of compared.findings.entries()) examined[index]!.findings.push(...findings);
    nothingProven(report, allowEmpty);
  } finally {
    report.checks = conclude(checks, report.databases);
    report.checked = runbook.now;
  }
}

/** A copy without a row is what a failed restore leaves, and every check passes on it. */
function nothingProven(report: Examined, allowEmpty = false): void {
  const examined = report.databases.map(({ survey }) => survey.database);
  const empty = report.databases.flatMap(({ survey }) => (survey.holdsRows === false ? [survey.database] : []));
  if (empty.length === examined.length) {
    const text = `no examined database holds a row (${empty.join(', ')})`;
    if (allowEmpty) report.warnings.push(`${text}, which the drill's definition allows`);
    else
      report.failures.push(
        `${text}, so the drill proves nothing; if the databases are meant to be empty, set allowEmpty`,
      );
  } else {
    for (const name of empty) report.warnings.push(`database '${name}' holds no row, so nothing is proven about it`);
  }
  for (const database of report.server?.databases ?? []) {
    const { name, bytes } = database;
    if (isUnused(database) || examined.includes(name)) continue;
    report.warnings.push(
      `database '${name}' (${size(bytes)}) was not examined, so nothing is proven about it; name it in the drill's databases, ` +
        'or name none to examine all',
    );
  }
}

/** Every instance has one of this name, and most leave it empty. */
const isUnused = ({ name, empty }: Server['databases'][number]) => name === 'postgres' && empty === true;

function chosen(server: Server, main: string, wanted: readonly string[] | undefined): readonly string[] {
  const names = server.databases.map(({ name }) => name);
  const missing = (wanted ?? [main]).filter((name) => !names.includes(name));
  if (missing.length > 0) {
    throw new Error(
      `the restored instance has no database ${missing.map((name) => `'${name}'`).join(', ')} that takes connections, so nothing is proven; ` +
        `it has ${names.map((name) => `'${name}'`).join(', ') || 'none'}`,
    );
  }
  const used = server.databases.filter((database) => database.name === main || !isUnused(database));
  return wanted ?? used.map(({ name }) => name);
}

async function examineDatabase(
  examiner: Examiner,
  checks: readonly Check[],
  { connection, restorePoint, expires }: CopyToExamine,
  { survey, findings, rows }: { survey: Survey; findings: Finding[]; rows: Map<number, number> },
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
        `the restored instance expired at ${expires.toISOString()}, before its checks had ended, so the rest did not run; ` +
          'set a longer expiresAfter (of a restore test, validationWindow), or check less',
      );
    }
    const now = work;
    const found = await runbook.step(`run checks (${call})`, async () =>
      examiner.check({ connection: await connection(), checks, work: now, restorePoint }),
    );
    findings.push(...found.findings);
    for (const [oid, count] of found.rows) rows.set(oid, (rows.get(oid) ?? 0) + count);
    // A restored volume is still being loaded, so work that ran out of time may fit the next call. It goes first, since
    // later work may destroy what it has to see.
    const progress = found.findings.some(({ examined }) => examined > 0) || found.left.some(({ slow }) => slow);
    if (found.left.length > 0 && progress && call + queue.length < MAX_CALLS) queue.unshift(found.left);
    else findings.push(...found.left.flatMap(outOfTime));
  }
}

/** The result of work that ran out of time: nothing of it was examined. */
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
