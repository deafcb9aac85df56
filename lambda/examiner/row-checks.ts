/** Checks of tables and columns that users name: counts, moments and orphans. They report numbers, never rows. */
import { escapeLiteral } from 'pg';
import type { Check } from '../contract';
import { CannotCheck, type Column, findColumn, findTable, type Table } from './catalog';
import type { Answer, Context, Detector, Examined, Verdict } from './detector';
import { bounds, many } from './figures';
import { hidden } from './hiding-settings';
import type { Session } from './session';
import { planned, userQuery } from './user-query';

/** Plans that might answer from an index, or from a constraint instead of the rows. */
export const FROM_THE_TABLE = {
  enable_indexscan: 'off',
  enable_indexonlyscan: 'off',
  enable_bitmapscan: 'off',
  constraint_exclusion: 'off',
} as const;

/** Run it after having looked into the catalog: without indexes, each look reads what the catalog holds of all tables. */
export const SET_FROM_THE_TABLE = Object.entries(FROM_THE_TABLE)
  .map(([name, value]) => `SET LOCAL ${name} = ${value}`)
  .join('; ');

export const ownChecks: Detector = {
  name: 'own checks',
  phase: 'own checks',
  serves: ['row-count', 'fresh', 'nothing-after', 'no-orphans', 'query'],
  examine: async (session, _, context): Promise<Examined> => {
    const { check } = context;
    if (!check) throw new CannotCheck('the work names no check');
    const [setting] = context.facts.hiding;
    if (setting) {
      const { observed, remedy } = hidden(setting, context.facts.user);
      throw new CannotCheck(observed, remedy);
    }
    const answer = await answerTo(session, check, context);
    return { verdicts: [{ check: check.kind, ...answer } as Verdict] };
  },
};

async function answerTo(session: Session, check: Check, context: Context): Promise<Answer> {
  if (check.kind === 'query') return userQuery(session, check);
  switch (check.kind) {
    case 'row-count':
      return rowCount(session, check);
    case 'fresh':
      return fresh(session, check, context);
    case 'nothing-after':
      return nothingAfter(session, check, context);
    case 'no-orphans':
      return noOrphans(session, check);
    default:
      throw new CannotCheck(`'${check.kind}' is not a check of the user's own`);
  }
}

type Of<Kind extends Check['kind']> = Extract<Check, { kind: Kind }>;

export async function rowCount(session: Session, { table, atLeast, atMost }: Of<'row-count'>): Promise<Answer> {
  const found = await findTable(session, table);
  const count = sum(await ofEach(session, found, (part) => `SELECT pg_catalog.count(*) FROM ${part}`));
  const observed = rowsOf(count) + leftOut(found);
  if (count >= (atLeast ?? 0) && count <= (atMost ?? Number.POSITIVE_INFINITY)) return { outcome: 'passed', observed };
  return { outcome: 'failed', observed, expected: `${bounds(atLeast, atMost)} rows` };
}

export async function fresh(session: Session, check: Of<'fresh'>, context: Context): Promise<Answer> {
  const { table, column, type } = await momentColumn(session, check);
  // One row dated next year would otherwise stand for writes that never reached the backup.
  const ages = await ofEach(
    session,
    table,
    (part) => `
    SELECT extract(epoch FROM ${moment(context)} - pg_catalog.max(${column})::pg_catalog.timestamptz) FROM ${part}
    WHERE pg_catalog.isfinite(${column}) AND ${column} <= ${moment(context)}::${type}`,
  );
  const expected = `at most ${check.withinSeconds} s before the restore point`;
  const known = ages.flatMap((age) => (age === null ? [] : [Number(age)]));
  if (known.length === 0) {
    const observed = `no row holds a moment up to the restore point${leftOut(table)}`;
    return { outcome: 'failed', observed, expected };
  }
  const freshnessSeconds = Math.min(...known);
  const observed = `the newest is ${rounded(freshnessSeconds)} s before the restore point${leftOut(table)}`;
  if (freshnessSeconds <= check.withinSeconds) return { outcome: 'passed', observed, freshnessSeconds };
  return { outcome: 'failed', observed, expected, freshnessSeconds };
}

export async function nothingAfter(session: Session, check: Of<'nothing-after'>, context: Context): Promise<Answer> {
  const { table, column, type } = await momentColumn(session, check);
  // The restore point takes the column's type: so every row is compared as it is stored.
  const later = await ofEach(
    session,
    table,
    (part) =>
      `SELECT pg_catalog.count(*) FROM ${part} WHERE ${column} > ${moment(context)}::${type} AND pg_catalog.isfinite(${column})`,
  );
  const count = sum(later);
  if (count === 0) return { outcome: 'passed', observed: `no row is later than the restore point${leftOut(table)}` };
  return {
    outcome: 'failed',
    observed: `${rowsOf(count)} later than the restore point`,
    expected: 'no row later than the restore point',
  };
}

export async function noOrphans(session: Session, check: Of<'no-orphans'>): Promise<Answer> {
  const child = await findColumn(session, check.table, check.column);
  const parent = await findColumn(session, check.parent, check.parentColumn);
  if (parent.table.foreign > 0) {
    throw new CannotCheck(
      `${many(parent.table.foreign, 'partition')} of "${check.parent}" ${parent.table.foreign === 1 ? 'is' : 'are'} foreign, so ` +
        'parents may be in another database, which no backup of this one has',
    );
  }
  // NOT IN would find no orphan at all once the parent's column holds a NULL.
  const orphans = await ofEach(
    session,
    child.table,
    (part) => `
    SELECT pg_catalog.count(*) FROM ${part} AS child WHERE child.${child.column} IS NOT NULL
      AND NOT EXISTS (SELECT FROM ${parent.table.sql} AS parent WHERE parent.${parent.column} = child.${child.column})`,
  );
  const count = sum(orphans);
  if (count === 0) return { outcome: 'passed', observed: `no row lacks its parent${leftOut(child.table)}` };
  return { outcome: 'failed', observed: `${rowsOf(count)} without a parent`, expected: 'a parent for every row' };
}

/** What a statement of one row and one value gives for each part of a table. */
async function ofEach(session: Session, { parts }: Table, statement: (part: string) => string) {
  const values: (string | null)[] = [];
  await session.rows(SET_FROM_THE_TABLE);
  for (const part of parts) {
    const [row] = await planned(session, statement(part));
    values.push(row![0]!);
  }
  return values;
}

const sum = (counts: readonly (string | null)[]) => counts.reduce((all, count) => all + Number(count), 0);

/** Foreign tables are never touched: a backup does not hold their rows, and their servers are production. */
const leftOut = ({ foreign }: Table) =>
  foreign === 0 ? '' : `, without ${many(foreign, 'foreign partition')}, whose rows are in no backup of this database`;

const MOMENTS = ['date', 'timestamp without time zone', 'timestamp with time zone'];

async function momentColumn(session: Session, named: { table: string; column: string }): Promise<Column> {
  const found = await findColumn(session, named.table, named.column);
  if (MOMENTS.includes(found.type)) return found;
  throw new CannotCheck(
    `"${named.table}"."${named.column}" is of type ${found.type}; name a column of type date, timestamp or timestamptz`,
  );
}

const moment = ({ restorePoint }: Context) => `${escapeLiteral(restorePoint)}::pg_catalog.timestamptz`;

export const rowsOf = (count: number) => (count === 1 ? '1 row' : `${count} rows`);

const rounded = (seconds: number) => Number(seconds.toFixed(3));
