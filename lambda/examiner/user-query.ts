/** A user's own query against its expectation. Its text is trusted as little as any input; its result never repeated. */
import { DatabaseError } from 'pg';
import type { Check } from '../contract';
import { CannotCheck } from './catalog';
import { conditionOf, isServersOwn } from './postgres-error';
import { bounds, type Answer as Verdict } from './row-checks';
import type { Answer, Session } from './session';

/**
 * The search path that the user's sessions have, so that the query means what it means to them; behind the catalog, so that
 * no function of the database's stands before PostgreSQL's own.
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

export async function userQuery(session: Session, check: Query): Promise<Verdict> {
  await session.rows(WITH_THE_USERS_PATH);
  // As a subquery it can only read, and a second row is enough to know that there are too many.
  const wrapped = `SELECT * FROM (\n${check.sql.replace(/;\s*$/, '')}\n) AS answer LIMIT 2`;
  const { value, type } = theOneValue(await answer(session, wrapped));
  return judge(check, value, type);
}

/** A statement's own mistakes may be told; what it says once it has rows in hand may quote them. */
async function answer(session: Session, sql: string): Promise<Answer> {
  await session.rows('SAVEPOINT query');
  try {
    return await session.single(sql);
  } catch (error) {
    if (!(error instanceof DatabaseError) || isServersOwn(error)) throw error;
    await session.rows('ROLLBACK TO SAVEPOINT query');
    // Planning reads no row: what fails there as well is about the statement.
    await session.single(`EXPLAIN ${sql}`);
    throw new CannotCheck(conditionOf(error));
  }
}

function theOneValue({ rows, types }: Answer): { value: string | null; type: number } {
  const [row] = rows;
  if (types.length !== 1) throw new CannotCheck(`the query returned ${types.length} columns; it must return one`);
  if (!row) throw new CannotCheck('the query returned no row; it must return one');
  if (rows.length > 1) throw new CannotCheck('the query returned several rows; it must return one');
  return { value: row[0]!, type: types[0]! };
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
  const number = Number(value);
  const holds =
    (equals === undefined || equal(equals, value)) &&
    (atLeast === undefined || number >= atLeast) &&
    (atMost === undefined || number <= atMost);
  return holds ? { outcome: 'passed', observed } : { outcome: 'failed', observed, expected };
}

function equal(equals: string | number | boolean, value: string): boolean {
  switch (typeof equals) {
    case 'number':
      return Number(value) === equals;
    case 'boolean':
      return value === (equals ? 't' : 'f');
    case 'string':
      return value === equals;
  }
}

/** Text may be a row's: only numbers and booleans are shown. */
function observable(value: string | null, type: number): string {
  if (value === null) return 'NULL';
  if (NUMBERS.has(type)) return value;
  if (type === BOOLEAN) return value === 't' ? 'true' : 'false';
  return 'a text, which evidence does not repeat';
}

function expectation({ equals, atLeast, atMost }: Query): string {
  return [equals === undefined ? [] : JSON.stringify(equals), bounds(atLeast, atMost) || []].flat().join(' and ');
}
