/** `lifeboat recover`: starts a recovery with the user's own identity, takes one back, or ends one. */
import { StopDurableExecutionCommand } from '@aws-sdk/client-lambda';
import { type Command, Option } from 'commander';
import {
  type DatabaseRecoveryRequest,
  type DeployedRecovery,
  databaseRecoveryRequest,
  parse,
  type RestorePointRequest,
  type TableRecoveryRequest,
  tableRecoveryRequest,
  tableWay,
} from '../../lambda/contract';
import { visibleLines } from '../../lambda/evidence/visible';
import { listDeployed } from '../../lambda/runbook/deployed';
import { prove, startBinding } from '../../lambda/runbook/proof';
import { listRecoveries, releaseLock } from '../../lambda/runbook/recovery-lock';
import { runOfExecution } from '../../lambda/runbook/run-id';
import { executionName, startRun } from '../../lambda/runbook/start';
import { fromArguments, misused } from '../ending';
import { clientsOf, type InRegion, regionOf, takesRegion } from './clients';

interface Start extends InRegion {
  readonly recovery?: string;
  readonly reason: string;
  readonly json: boolean;
}

type Request = DatabaseRecoveryRequest | TableRecoveryRequest;

const TO = 'latest, latest-snapshot, a moment as 2026-11-29T02:59:00Z, or snapshot:<identifier>';

export function addRecover(program: Command): void {
  const recover = program
    .command('recover')
    .description(
      'Bring a database or tables of it back in production. Nothing of production is changed before somebody has ' +
        'approved what the recovery shows; see `lifeboat status` and `lifeboat approve`.',
    );

  takesStart(
    recover.command('database').description('Bring a whole database back: beside the damaged one, then cut over.'),
  )
    .requiredOption('--to <point>', TO, (text: string) => restorePointOf(program, text))
    .option('--dry-run', 'end after the comparison', false)
    .action(
      async (
        plan: string,
        target: string,
        { to, dryRun, ...start }: Start & { to: RestorePointRequest; dryRun: boolean },
      ) => {
        await begin(program, 'database', plan, target, start, { action: 'recover', to, reason: start.reason, dryRun });
      },
    );

  takesStart(
    recover.command('tables').description('Bring tables back: out of a restored copy, into the live database.'),
  )
    .requiredOption('--to <point>', TO, (text: string) => restorePointOf(program, text))
    .requiredOption('--table <names...>', 'tables, each as `table` of the schema public or as `schema.table`')
    .addOption(
      new Option('--way <way>', 'insert missing rows, set changed rows back, or replace the whole tables')
        .choices(tableWay.options)
        .default('insert-missing'),
    )
    .option('--database <name>', 'database that holds them, instead of the deployed one')
    .option('--dry-run', 'end after the comparison', false)
    .action(
      async (plan: string, target: string, { to, table, way, database, dryRun, ...start }: Start & TablesAsked) => {
        const tables = table.map((name) => tableOf(program, name));
        const { reason } = start;
        await begin(program, 'tables', plan, target, start, {
          action: 'recover',
          to,
          tables,
          way,
          database,
          reason,
          dryRun,
        });
      },
    );

  takesStart(recover.command('roll-back').description('Take the recovery of a database back, within its hold time.'))
    .requiredOption('--run <run>', 'the run to roll back, as its report names it')
    .action(async (plan: string, target: string, { run, ...start }: Start & { run: string }) => {
      await begin(program, 'database', plan, target, start, { action: 'roll-back', run, reason: start.reason });
    });

  takesStart(recover.command('undo').description('Take the recovery of tables back, within its hold time.'))
    .requiredOption('--run <run>', 'the run to undo, as its report names it')
    .action(async (plan: string, target: string, { run, ...start }: Start & { run: string }) => {
      await begin(program, 'tables', plan, target, start, { action: 'undo', run, reason: start.reason });
    });

  takesRegion(recover.command('abandon'))
    .description('End an open recovery: its run is stopped, what it made stays, and another one may start.')
    .argument('<plan>', 'name of the plan, as `lifeboat status` has it')
    .argument('<target>', 'name of what is recovered in it')
    .requiredOption('--run <run>', 'the run to end, so that no other one is ended by mistake')
    .action(async (plan: string, target: string, { run, ...where }: InRegion & { run: string }) => {
      await abandon(program, plan, target, run, where);
    });
}

interface TablesAsked {
  readonly to: RestorePointRequest;
  readonly table: readonly string[];
  readonly way: (typeof tableWay.options)[number];
  readonly database?: string;
  readonly dryRun: boolean;
}

const takesStart = (command: Command) =>
  takesRegion(command)
    .argument('<plan>', 'name of the plan, as `lifeboat list` has it')
    .argument('<target>', 'name of the database in it')
    .requiredOption('--reason <text>', 'why, for whoever approves it and reads the report')
    .option('--recovery <name>', 'the recovery to use, where several are deployed for the target')
    .option('--json', 'print one JSON document', false);

async function begin(
  program: Command,
  of: DeployedRecovery['of'],
  plan: string,
  target: string,
  { recovery, json, ...where }: Start,
  chosen: Request,
): Promise<void> {
  const schema = of === 'database' ? databaseRecoveryRequest : tableRecoveryRequest;
  const request = fromArguments(program, () => parse<Request>(schema, chosen, 'request'));
  const { ssm, lambda, endpoint } = clientsOf(program, where);
  const region = await regionOf(program, ssm);
  const deployed = theOne(await listDeployed(ssm), { of, plan, target, recovery }, region);
  const execution = executionName(of === 'database' ? 'recover-database' : 'recover-tables');
  const { credentials } = lambda.config;
  const startedBy = await prove(startBinding(deployed, request), { region, credentials, endpoint });
  const started = await startRun(lambda, deployed.function, execution, { ...request, startedBy });
  const run = started.execution === null ? null : runOfExecution(started.execution);
  const lines = json
    ? [JSON.stringify({ region, plan, target, recovery: deployed.recovery, run, ...started })]
    : [
        `${region}: ${deployed.recovery} of ${target} in plan ${plan} has started`,
        ...(run === null ? [] : [`  run        ${run}`, `  execution  ${started.execution}`]),
        `  see it     lifeboat status --region ${region}`,
        ...(deployed.approval === 'no-one'
          ? ['  approval   waived: it goes on by itself']
          : [`  approve    lifeboat approve '${plan}' '${target}' --region ${region}`]),
      ];
  process.stdout.write(`${lines.map(visibleLines).join('\n')}\n`);
}

async function abandon(program: Command, plan: string, target: string, run: string, where: InRegion): Promise<void> {
  const { ssm, lambda } = clientsOf(program, where);
  const region = await regionOf(program, ssm);
  const { recoveries, unread } = await listRecoveries(ssm);
  const open = recoveries.find((one) => one.plan === plan && one.target === target);
  if (!open) {
    const others = unread.length === 0 ? '' : `; ${unread.join('; ')}`;
    throw new Error(`no recovery of '${target}' in plan '${plan}' is open in ${region}, so none was ended${others}`);
  }
  const own = runOfExecution(open.execution);
  if (own !== run)
    throw new Error(`the open recovery is run ${own}, not ${run}, so it was not ended; see \`lifeboat status\``);
  const cause = { ErrorType: 'Abandoned', ErrorMessage: 'abandoned with lifeboat recover abandon' };
  try {
    await lambda.send(new StopDurableExecutionCommand({ DurableExecutionArn: open.execution, Error: cause }));
  } catch (error) {
    // It has ended by itself, and left its target locked.
    if (!(error instanceof Error && error.name === 'ResourceNotFoundException')) throw error;
  }
  await releaseLock(ssm, open.of, open.execution);
  process.stdout.write(
    visibleLines(
      `${region}: run ${run} of '${target}' in plan '${plan}' was ended in its phase '${open.phase}', and another may start\n` +
        '  what it made or changed stays as it is: its documents under recoveries/ in the bucket of evidence say what\n',
    ),
  );
}

/** @throws Error when there is none, or several */
function theOne(
  { recoveries, unread }: Awaited<ReturnType<typeof listDeployed>>,
  { of, plan, target, recovery }: Pick<DeployedRecovery, 'of' | 'plan' | 'target'> & { readonly recovery?: string },
  region: string,
): DeployedRecovery {
  const found = recoveries.filter(
    (one) => one.of === of && one.plan === plan && one.target === target && (recovery ?? one.recovery) === one.recovery,
  );
  const [first] = found;
  if (first && found.length === 1) return first;
  const what = `${of === 'database' ? 'recovery' : 'recovery of tables'} of '${target}' in plan '${plan}'`;
  const names = found.map((one) => `'${one.recovery}'`).join(', ');
  throw new Error(
    first
      ? `several are deployed in ${region} for the ${what}: ${names}; name one with --recovery`
      : `no ${what} is deployed in ${region}; see \`lifeboat list\`${unread.map((one) => `; ${one}`).join('')}`,
  );
}

function restorePointOf(program: Command, text: string): RestorePointRequest {
  if (text === 'latest' || text === 'latest-snapshot') return { kind: text };
  if (text.startsWith('snapshot:')) return { kind: 'snapshot', snapshot: text.slice('snapshot:'.length) };
  if (/^\d{4}-\d\d-\d\dT/.test(text)) return { kind: 'time', time: text };
  return misused(program, `'--to' is '${text}', which is not ${TO}`);
}

function tableOf(program: Command, name: string): { schema: string; table: string } {
  const [schema, table, ...more] = name.split('.');
  if (schema && table === undefined) return { schema: 'public', table: schema };
  if (schema && table && more.length === 0) return { schema, table };
  return misused(program, `'--table' is '${name}', which is not a table or schema.table`);
}
