/**
 * Reads every row of a table once, from the table itself and never from an index: counts it, decodes each of its values,
 * and compares it with what the table declares, NOT NULL and CHECK.
 */
import { escapeIdentifier } from 'pg';
import { CannotCheck, displayName, userSchema } from '../examiner/catalog';
import type { Context, Detector, Examined, Piece, Verdict } from '../examiner/detector';
import { isServersOwn, whatPostgresSaid } from '../examiner/postgres-error';
import { FROM_THE_TABLE } from '../examiner/row-checks';
import type { Session } from '../examiner/session';

export const rows: Detector = {
  name: 'rows',
  phase: 'rows',
  serves: ['readable', 'constraints', 'not-shrunk'],
  objects: ({ version }) => `
    SELECT c.oid, ${displayName('n', 'c')} AS name, pg_catalog.pg_table_size(c.oid) AS bytes,
      ${/* Before 14 a range of blocks is read by scanning the whole table. */ version >= 140_000 ? "pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::pg_catalog.int4" : 'NULL'} AS blocks
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND c.relispopulated AND ${userSchema('n')}`,
  examine: readRows,
};

interface Rule {
  /** As in `NOT NULL` or the constraint's name. */
  readonly name: string;
  /** SQL that is true of a row that breaks it. */
  readonly broken: string;
}

async function readRows(session: Session, piece: Piece, context: Context): Promise<Examined> {
  for (const [name, value] of Object.entries(FROM_THE_TABLE)) await session.rows(`SET LOCAL ${name} = ${value}`);
  const [named] = await session.rows(`
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ${piece.oid}`);
  if (!named) throw new CannotCheck(`table "${piece.name}" does not exist any more`);
  const rules = context.wanted.has('constraints') ? await rulesOf(session, piece.oid) : [];
  const [first, last] = piece.blocks ?? [];
  const part = first === undefined ? '' : ` WHERE t.ctid >= '(${first},0)' AND t.ctid < '(${last! + 1},0)'`;
  // Text output decodes every value, TOAST included; converting it finds bytes that are no text in this encoding.
  const decoded =
    context.facts.encoding === 'SQL_ASCII'
      ? 't::pg_catalog.text'
      : `pg_catalog.convert_to(t::pg_catalog.text, '${context.facts.encoding}')`;
  // FILTER, since a WHERE of IS NULL on a column that is NOT NULL is planned away.
  const broken = rules.map(({ broken }) => `, pg_catalog.count(*) FILTER (WHERE ${broken})`).join('');
  try {
    const [counted] = await session.rows(
      `SELECT pg_catalog.count(*), pg_catalog.count(${decoded})${broken} FROM ONLY ${named[0]} AS t${part}`,
    );
    const [count, , ...violations] = counted!.map(Number);
    return { rows: count, verdicts: verdictsOn(rules, violations, context) };
  } catch (error) {
    if (!isServersOwn(error, ['XX', '58', '22'])) throw error;
    return {
      verdicts: [
        {
          check: 'readable',
          outcome: 'failed',
          observed: whatPostgresSaid(error),
          expected: 'every value of every row to be readable',
          remedy: 'restore an earlier backup beside this one, and compare the table',
        },
        { check: 'constraints', outcome: 'not-run', observed: 'its rows could not be read' },
        { check: 'not-shrunk', outcome: 'not-run', observed: 'its rows could not be read' },
      ],
    };
  }
}

async function rulesOf(session: Session, oid: number): Promise<Rule[]> {
  const columns = await session.rows(`
    SELECT attname FROM pg_catalog.pg_attribute
    WHERE attrelid = ${oid} AND attnum > 0 AND attnotnull AND NOT attisdropped ORDER BY attnum`);
  const checks = await session.rows(`
    SELECT conname, pg_catalog.pg_get_expr(conbin, conrelid) FROM pg_catalog.pg_constraint
    WHERE conrelid = ${oid} AND contype = 'c' AND convalidated ORDER BY conname`);
  const notNull = columns.map(([name]) => `t.${escapeIdentifier(name!)}`);
  return [
    ...(notNull.length > 0 ? [{ name: 'NOT NULL', broken: `pg_catalog.num_nulls(${notNull.join(', ')}) > 0` }] : []),
    ...checks.map(([name, expression]) => ({ name: `CHECK ${name}`, broken: `NOT (${expression})` })),
  ];
}

function verdictsOn(rules: readonly Rule[], violations: readonly number[], { facts }: Context): Verdict[] {
  const seen = facts.checksums
    ? 'page checksums are on'
    : 'page checksums are off, so damage inside a value can go unseen';
  const broken = rules.flatMap(({ name }, index): Verdict[] => {
    const count = violations[index] ?? 0;
    if (count === 0) return [];
    return [
      {
        check: 'constraints',
        outcome: 'failed',
        observed: `${count} ${count === 1 ? 'row breaks' : 'rows break'} ${name}`,
        expected: 'every row to keep what its table declares',
        remedy: 'find the rows in the source too; where they are there, correct them, else restore an earlier backup',
      },
    ];
  });
  return [
    { check: 'readable', outcome: 'passed', observed: `every row read in full and decoded; ${seen}` },
    { check: 'not-shrunk', outcome: 'passed', observed: 'counted' },
    ...(broken.length > 0
      ? broken
      : [{ check: 'constraints', outcome: 'passed', observed: 'NOT NULL and CHECK hold for every row' } as const]),
  ];
}
