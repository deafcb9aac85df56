/** A user's own query against its expectation. Its text is trusted as little as any input; its result never repeated. */
import { DatabaseError } from 'pg';
import type { Check } from '../contract';
import { CannotCheck } from './catalog';
import type { Answer as Verdict } from './detector';
import { bounds, compareNumbers } from './figures';
import { printable, whatPostgresSaidOfStatement } from './postgres-error';
import type { Row, Session } from './session';

/**
 * The search path that the user's sessions have, so that the query means what it means to them; behind the catalog, so
 * that no function of the database's stands before PostgreSQL's own.
 */
const WITH_THE_USERS_PATH = `
  SELECT pg_catalog.set_config('search_path', 'pg_catalog, ' || coalesce((
    SELECT pg_catalog.substr(setting, pg_catalog.length('search_path=') + 1)
    FROM pg_catalog.pg_db_role_setting s, pg_catalog.unnest(s.setconfig) AS setting
    WHERE s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))
      AND s.setrole IN (0, (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user))
      AND setting LIKE 'search_path=%'
    ORDER BY s.setrole <> 0 DESC, s.setdatabase <> 0 DESC LIMIT 1), '"$user", public'), true)`;

type Query = Extract<Check, { kind: 'query' }>;

/** More of a text than this is not compared; a text of a gigabyte would not fit in here. */
const COMPARED_CHARACTERS = 100_000;

export async function userQuery(session: Session, check: Query): Promise<Verdict> {
  await session.rows(WITH_THE_USERS_PATH);
  // As a subquery it can only read.
  const query = `(\n${check.sql.replace(/;\s*$/, '')}\n) AS answer`;
  // Without rows, what it says is about the statement, and may be told.
  const { types } = await session.single(`SELECT * FROM ${query} LIMIT 0`).catch(tell);
  const [type] = types;
  if (type === undefined || types.length !== 1) {
    throw new CannotCheck(`the query returned ${types.length} columns; it must return one`);
  }
  // A second row is enough to know that there are too many.
  const value = `pg_catalog.left(answer.value::pg_catalog.text, ${COMPARED_CHARACTERS})`;
  const { rows } = await session.single(`SELECT ${value} FROM ${query}(value) LIMIT 2`);
  const [row] = rows;
  if (!row) throw new CannotCheck('the query returned no row; it must return one');
  if (rows.length > 1) throw new CannotCheck('the query returned several rows; it must return one');
  return judge(check, row[0]!, type);
}

/** int8, int2, int4, oid, float4, float8, numeric. */
const NUMBERS = new Set([20, 21, 23, 26, 700, 701, 1700]);
const BOOLEAN = 16;

function judge(check: Query, value: string | null, type: number): Verdict {
  const expected = expectation(check);
  const observed = observable(value, type);
  if (value === null) return { outcome: 'failed', observed, expected };
  const numeric = NUMBERS.has(type);
  const { equals, atLeast, atMost } = check;
  const wantsNumber = typeof equals === 'number' || atLeast !== undefined || atMost !== undefined;
  if (wantsNumber && !numeric) throw new CannotCheck('the query returned no number to compare with one; cast it');
  if (typeof equals === 'boolean' && type !== BOOLEAN) {
    throw new CannotCheck('the query returned no boolean to compare with one; cast it');
  }
  if (typeof equals === 'string' && equals.length > COMPARED_CHARACTERS) {
    throw new CannotCheck(`texts of more than ${COMPARED_CHARACTERS} characters are not compared; compare a hash`);
  }
  const holds =
    (equals === undefined || equal(equals, value)) &&
    (atLeast === undefined || compareNumbers(value, atLeast) >= 0) &&
    (atMost === undefined || compareNumbers(value, atMost) <= 0);
  return holds ? { outcome: 'passed', observed } : { outcome: 'failed', observed, expected };
}

function equal(equals: string | number | boolean, value: string): boolean {
  switch (typeof equals) {
    case 'number':
      return compareNumbers(value, equals) === 0;
    case 'boolean':
      return value === String(equals);
    case 'string':
      return value === equals;
  }
}

/** Text may be a row's: only numbers and booleans are shown. */
function observable(value: string | null, type: number): string {
  if (value === null) return 'NULL';
  if (NUMBERS.has(type)) return printable(value);
  if (type === BOOLEAN) return value;
  return 'a text, which evidence does not repeat';
}

function expectation({ equals, atLeast, atMost }: Query): string {
  return [equals === undefined ? [] : JSON.stringify(equals), bounds(atLeast, atMost) || []].flat().join(' and ');
}

/**
 * Plans a statement before it runs it: what is wrong with the statement itself shows then, and can be told, since no
 * row was read.
 *
 * @throws CannotCheck where it can't even be planned
 */
export async function planned(session: Session, sql: string): Promise<readonly Row[]> {
  await session.reading(`EXPLAIN ${sql}`).catch(tell);
  return session.reading(sql);
}

function tell(error: unknown): never {
  throw error instanceof DatabaseError ? new CannotCheck(whatPostgresSaidOfStatement(error)) : error;
}
