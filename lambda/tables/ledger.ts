/**
 * What a recovery has done, in the database that it was done in. A row is written in the transaction of the work that it
 * stands for, so a range is done once, whatever becomes of the call that did it.
 */
import { escapeIdentifier, escapeLiteral } from 'pg';
import { OWN_SCHEMA, STAGING_SCHEMA, type TableName } from './protocol';
import { TablesRefused } from './refusals';
import { quoted, type Session } from './session';

const LEDGER = `${OWN_SCHEMA}.ledger`;
const OBJECTS = `${OWN_SCHEMA}.objects`;

/** Makes the schema and the tables that are missing. Two calls may do so at once. */
export async function makeLedger(session: Session, schemas: readonly string[] = [OWN_SCHEMA]): Promise<void> {
  const [known] = await session.read(
    `SELECT to_regclass('${LEDGER}'), to_regclass('${OBJECTS}'), ${schemas.map((name) => `to_regnamespace('${name}')`)}`,
  );
  if (known!.every((name) => name !== null)) return;
  await session.transaction('READ WRITE', async () => {
    await session.rows("SELECT pg_advisory_xact_lock(hashtextextended('lifeboat', 0))");
    for (const schema of schemas) {
      // With IF NOT EXISTS it would take the right to create schemas even where the schema is there.
      const [there] = await session.rows(
        `SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = '${schema}'`,
      );
      if (there?.[0] === 'f') {
        throw new TablesRefused(
          `${session.side} has a schema '${schema}' of somebody else's, so Lifeboat can't keep its tables there; rename it`,
        );
      }
      if (there === undefined) await session.rows(`CREATE SCHEMA ${schema}`);
    }
    await session.rows(`
      CREATE TABLE IF NOT EXISTS ${LEDGER} (run text, tab text, task text, part bigint, lo bigint, hi bigint,
        rows bigint, counts jsonb NOT NULL DEFAULT '{}', at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (run, tab, task, part, lo));
      CREATE TABLE IF NOT EXISTS ${OBJECTS} (run text, tab text, purpose text, schema text NOT NULL, name text NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (run, tab, purpose))`);
  });
}

export const SCHEMAS_IN_LIVE = [OWN_SCHEMA, STAGING_SCHEMA] as const;

/** Which work on which table a row of the ledger is about. */
export interface Entry {
  readonly run: string;
  readonly table: TableName;
  readonly task: string;
}

export interface Range {
  /** Relation that is cut into ranges, by its OID; 0 for a list. */
  readonly part: number;
  readonly lo: number;
  readonly hi: number;
}

export interface Done extends Range {
  readonly rows: number;
  readonly counts: Readonly<Record<string, unknown>>;
}

const where = ({ run, table, task }: Entry): string =>
  `run = ${escapeLiteral(run)} AND tab = ${escapeLiteral(quoted(table))} AND task = ${escapeLiteral(task)}`;

export async function doneOf(session: Session, entry: Entry): Promise<readonly Done[]> {
  const rows = await session.read(
    `SELECT part, lo, hi, rows, counts FROM ${LEDGER} WHERE ${where(entry)} ORDER BY part, lo`,
  );
  return rows.map(([part, lo, hi, count, counts]) => ({
    part: Number(part),
    lo: Number(lo),
    hi: Number(hi),
    rows: Number(count),
    counts: JSON.parse(counts!),
  }));
}

/**
 * Takes a range, in the transaction that is to do it. A second call waits here until the first has ended.
 *
 * @returns false where it is done already
 */
export async function take(session: Session, entry: Entry, { part, lo, hi }: Range): Promise<boolean> {
  const { run, table, task } = entry;
  const texts = [run, quoted(table), task].map(escapeLiteral).join(', ');
  const taken = await session.rows(
    `INSERT INTO ${LEDGER} (run, tab, task, part, lo, hi) VALUES (${texts}, ${part}, ${lo}, ${hi})
     ON CONFLICT DO NOTHING RETURNING lo`,
  );
  return taken.length > 0;
}

/** Says what was done, in the same transaction. */
export async function enter(session: Session, entry: Entry, done: Done): Promise<void> {
  await session.rows(
    `UPDATE ${LEDGER} SET rows = ${done.rows}, hi = ${done.hi}, counts = ${escapeLiteral(JSON.stringify(done.counts))}
     WHERE ${where(entry)} AND part = ${done.part} AND lo = ${done.lo}`,
  );
}

export interface Made {
  readonly run: string;
  readonly table: TableName;
  /** What it is for: 'staging', 'list', 'written', 'before'. */
  readonly purpose: string;
  readonly schema: string;
  readonly name: string;
}

/**
 * Makes a table of the run's own, once.
 *
 * @param definition what follows its name in CREATE TABLE
 * @throws TablesRefused where there is one of that name that this run did not make
 */
export async function makeTable(session: Session, made: Made, definition: string, then = ''): Promise<string> {
  const { run, table, purpose, schema, name } = made;
  const full = `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
  if ((await madeFor(session, made)) !== undefined) return full;
  const texts = [run, quoted(table), purpose, schema, name].map(escapeLiteral).join(', ');
  await session.transaction('READ WRITE', async () => {
    const first = await session.rows(
      `INSERT INTO ${OBJECTS} (run, tab, purpose, schema, name) VALUES (${texts}) ON CONFLICT DO NOTHING RETURNING name`,
    );
    if (first.length === 0) return;
    const [there] = await session.rows(`SELECT to_regclass(${escapeLiteral(full)})`);
    if (there![0] !== null) {
      throw new TablesRefused(
        `${session.side} has a table ${full} that this recovery did not make, so it is left alone; ` +
          'clean up after the recovery that it belongs to, or rename it',
      );
    }
    await session.rows(`CREATE TABLE ${full} ${definition}${then && `; ${then}`}`);
  });
  return full;
}

/** The table that the run made for a purpose. */
export async function madeFor(
  session: Session,
  { run, table, purpose }: Pick<Made, 'run' | 'table' | 'purpose'>,
): Promise<string | undefined> {
  const [row] = await session.read(
    `SELECT quote_ident(schema) || '.' || quote_ident(name) FROM ${OBJECTS}
     WHERE run = ${escapeLiteral(run)} AND tab = ${escapeLiteral(quoted(table))} AND purpose = ${escapeLiteral(purpose)}`,
  );
  return row?.[0] ?? undefined;
}
