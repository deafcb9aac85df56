/**
 * Reads every row of a table once, from the table itself and never from an index: counts it, decodes each of its
 * values, and compares it with what the table declares.
 */
import { DatabaseError } from 'pg';
import { CannotCheck, displayName, userSchema } from '../examiner/catalog';
import type { Context, Detector, Examined, Piece, Verdict } from '../examiner/detector';
import { whatPostgresSaid } from '../examiner/postgres-error';
import { SET_FROM_THE_TABLE } from '../examiner/row-checks';
import type { Row, Session } from '../examiner/session';
import { pages, tableSize } from '../examiner/sizes';
import { type Declared, MAY_HOLD_DOMAIN, type Rule, rulesOf } from './declared-rules';
import { columnsOf, isTooLarge, isUndecodable } from './decoding';
import { isBehind, type SequenceColumn, sequenceColumnsOf } from './sequence-columns';
import { COMPARE_TABLE, FIND_IN_SOURCE, firstWanted, thousands } from './verdicts';

export const rows: Detector = {
  name: 'rows',
  phase: 'rows',
  serves: ['readable', 'constraints', 'not-shrunk'],
  objects: ({ version }) => `
    SELECT c.oid, ${displayName('n', 'c')} AS name, ${tableSize()} AS bytes,
      ${/* Before 14 a range of blocks is read by scanning the whole table. */ version >= 140_000 ? pages() : 'NULL'} AS blocks
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND c.relispopulated AND ${userSchema('n')}`,
  examine: readRows,
};

interface Table extends Declared {
  /** Rows by its statistics; below 0 where there are none, or a crash empties it. */
  readonly expected: number;
  /** As in ` FROM ONLY s.t WHERE ...`. */
  readonly from: string;
  /** Whether any column takes its values from somewhere. */
  readonly hasDefaults: boolean;
}

/** Of most tables there is nothing to look up: a look at their columns is cheaper than the question. */
const ANY_COLUMN = (that: string) => `
  EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND ${that})`;

async function readRows(session: Session, piece: Piece, context: Context): Promise<Examined> {
  const table = await describe(session, piece);
  const rules = context.wanted.has('constraints') ? await rulesOf(session, piece.oid, table) : [];
  const sequences = table.hasDefaults ? await sequenceColumnsOf(session, piece.oid, table.alias) : [];
  const columns = await columnsOf(session, piece.oid, table.alias, context.facts, false);
  await session.rows(SET_FROM_THE_TABLE);
  const select = [
    'pg_catalog.count(*)',
    decodedBy(columns),
    ...rules.map(countBroken),
    ...sequences.map(({ furthest }) => furthest),
  ];
  let pass: Row;
  try {
    pass = (await session.reading(`SELECT ${select.join(', ')}${table.from}`))[0]!;
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    return readApart(session, piece, table, rules, context);
  }
  const count = Number(pass[0]);
  const broken = pass.slice(2, 2 + rules.length).map(Number);
  return {
    rows: count,
    verdicts: [
      readable(context),
      { check: 'not-shrunk', outcome: 'passed', observed: 'counted' },
      ...fewer(count, table, piece, context),
      ...(await behind(session, sequences, pass.slice(2 + rules.length), context)),
      ...verdictsOn(rules, broken, context),
    ],
  };
}

async function describe(session: Session, { oid, name, blocks }: Piece): Promise<Table> {
  const [named] = await session.rows(`
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), pg_catalog.quote_ident(c.relname), CASE c.relpersistence WHEN 'p' THEN c.reltuples ELSE -1 END,
      ${ANY_COLUMN(`(a.atthasdef OR a.attidentity <> '')`)}, ${ANY_COLUMN(MAY_HOLD_DOMAIN)}, c.relchecks > 0
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ${oid}`);
  if (!named) throw new CannotCheck(`table "${name}" does not exist any more`);
  const [qualified, alias, expected, hasDefaults, mayHoldDomains, hasChecks] = named;
  const part = blocks ? ` WHERE ctid >= '(${blocks[0]},0)' AND ctid < '(${blocks[1] + 1},0)'` : '';
  return {
    alias: alias!,
    expected: Number(expected),
    from: ` FROM ONLY ${qualified}${part}`,
    hasDefaults: hasDefaults === 't',
    mayHoldDomains: mayHoldDomains === 't',
    hasChecks: hasChecks === 't',
  };
}

/** One number, however many columns: a table has up to 1,600, as has a result. */
const decodedBy = (columns: readonly string[]) =>
  columns.length === 0 ? '0' : columns.map((column) => `pg_catalog.count(${column})`).join(' + ');

/** FILTER, since a WHERE of IS NULL on a column that is NOT NULL is planned away. */
const countBroken = ({ broken }: Rule) => `pg_catalog.count(*) FILTER (WHERE ${broken})`;

/** One thing failed, and each is tried alone: to decode the rows, and every rule. */
async function readApart(
  session: Session,
  piece: Piece,
  table: Table,
  rules: readonly Rule[],
  context: Context,
): Promise<Examined> {
  const attempt = async (sql: string): Promise<Row | DatabaseError> => {
    try {
      return (await session.reading(`SELECT ${sql}${table.from}`))[0]!;
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      return error;
    }
  };
  const decode = async (large: boolean) =>
    attempt(
      `pg_catalog.count(*), ${decodedBy(await columnsOf(session, piece.oid, table.alias, context.facts, large))}`,
    );
  let read = await decode(false);
  if (read instanceof DatabaseError && isTooLarge(read)) read = await decode(true);
  if (read instanceof DatabaseError) {
    if (!isUndecodable(read)) throw read;
    return {
      verdicts: [
        {
          check: 'readable',
          outcome: 'failed',
          observed: whatPostgresSaid(read),
          expected: 'every value of every row to be readable',
          remedy: COMPARE_TABLE,
        },
        { check: 'constraints', outcome: 'not-run', observed: 'its rows could not be read', remedy: COMPARE_TABLE },
        { check: 'not-shrunk', outcome: 'not-run', observed: 'its rows could not be read' },
      ],
    };
  }
  const verdicts: Verdict[] = [readable(context)];
  for (const rule of rules) {
    const found = await attempt(countBroken(rule));
    if (!(found instanceof DatabaseError)) verdicts.push(...verdictsOn([rule], found.map(Number), context));
    else {
      verdicts.push({
        check: 'constraints',
        outcome: 'not-run',
        observed: `${rule.name} could not be evaluated: ${whatPostgresSaid(found)}`,
        remedy: 'name functions in it with their schema, so that it means the same in every session',
      });
    }
  }
  if (rules.length === 0) verdicts.push(...verdictsOn([], [], context));
  return { rows: Number(read[0]), verdicts };
}

const readable = ({ facts }: Context): Verdict => ({
  check: 'readable',
  outcome: 'passed',
  observed: `every row read in full and decoded; ${
    facts.checksums ? 'page checksums are on' : 'page checksums are off, so damage inside a value can go unseen'
  }`,
});

/** Statistics count what was there at the last ANALYZE, and rows may have been deleted since: they prove nothing alone. */
function fewer(count: number, { expected }: Table, { blocks }: Piece, context: Context): Verdict[] {
  if (blocks || expected < 100 || count >= expected / 2) return [];
  return [
    {
      check: firstWanted(rows, context),
      outcome: 'warning',
      observed: `${thousands(count)} rows, where its statistics (reltuples) count ${thousands(Math.round(expected))}`,
      expected: 'about as many rows as at the last ANALYZE',
      remedy: 'compare the number of its rows with the source; ANALYZE it there if rows were deleted',
    },
  ];
}

async function behind(
  session: Session,
  columns: readonly SequenceColumn[],
  furthest: Row,
  context: Context,
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const [index, column] of columns.entries()) {
    if (!(await isBehind(session, column, furthest[index] ?? null))) continue;
    verdicts.push({
      check: firstWanted(rows, context),
      outcome: 'warning',
      observed: `sequence ${column.sequence} is behind the values of column ${column.column}, so that inserts will fail`,
      expected: 'a sequence beyond all values that its column holds',
      remedy: 'setval() it beyond them after a recovery, and see whether the source needs it, too',
    });
  }
  return verdicts;
}

function verdictsOn(rules: readonly Rule[], violations: readonly number[], { wanted }: Context): Verdict[] {
  if (!wanted.has('constraints')) return [];
  const broken = rules.flatMap(({ name, changing }, index): Verdict[] => {
    const count = violations[index] ?? 0;
    if (count === 0) return [];
    const breaks = `${thousands(count)} ${count === 1 ? 'row breaks' : 'rows break'} ${name}`;
    if (changing) {
      return [
        {
          check: 'constraints',
          outcome: 'warning',
          observed: `${breaks} now, which depends on more than the row (${changing}), so that it may have held once`,
          expected: 'a CHECK that calls IMMUTABLE functions alone, so that it holds for ever or never',
          remedy:
            'count the rows that break it in the source: where they are there too, nothing was lost; such a CHECK makes ' +
            'dumps fail to restore, so a trigger is the place for it',
        },
      ];
    }
    return [
      {
        check: 'constraints',
        outcome: 'failed',
        observed: breaks,
        expected: 'every row to keep what its table declares',
        remedy: FIND_IN_SOURCE,
      },
    ];
  });
  return broken.length > 0
    ? broken
    : [{ check: 'constraints', outcome: 'passed', observed: 'NOT NULL, CHECK and domains hold for every row' }];
}
