/**
 * What PostgreSQL's errors may say in evidence.
 *
 * DETAIL, HINT and CONTEXT quote rows, and so do the messages of many conditions (`invalid input syntax for type
 * integer: "alice@example.org"`). Only classes whose messages speak of statements, files and the server are repeated.
 */
import { DatabaseError } from 'pg';

/** Connection, support, transaction state, names, serialization, syntax and access, resources, limits, state, server. */
const OWN_WORDS = new Set(['08', '0A', '25', '28', '3D', '3F', '40', '42', '53', '54', '55', '57', '58', 'XX']);

const CONDITIONS: Readonly<Record<string, string>> = {
  '21000': 'cardinality violation',
  '22001': 'string data right truncation',
  '22003': 'numeric value out of range',
  '22004': 'null value not allowed',
  '22007': 'invalid datetime format',
  '22008': 'datetime field overflow',
  '22012': 'division by zero',
  '22021': 'character not in repertoire',
  '22023': 'invalid parameter value',
  '22P02': 'invalid text representation',
  '22P03': 'invalid binary representation',
  '22P05': 'untranslatable character',
  '23502': 'not null violation',
  '23503': 'foreign key violation',
  '23505': 'unique violation',
  '23514': 'check violation',
  '25006': 'read-only transaction',
  P0001: 'raised by a function',
};

const CLASSES: Readonly<Record<string, string>> = {
  '22': 'data exception',
  '23': 'integrity constraint violation',
  P0: 'PL/pgSQL error',
};

/** Limits, cancelling, files and damage: what the server says of itself, whatever statement ran. */
const SERVERS_OWN = new Set(['53', '57', '58', 'XX']);

export const isServersOwn = (error: DatabaseError): boolean => SERVERS_OWN.has(sqlClass(error));

/** The error as evidence may carry it. */
export function whatPostgresSaid(error: DatabaseError): string {
  // With a context it comes from inside a function, which may have put anything into its text.
  const ownWords = isServersOwn(error) || (OWN_WORDS.has(sqlClass(error)) && !error.where);
  return ownWords ? `PostgreSQL said: ${error.message}` : conditionOf(error);
}

/** The error's condition alone: for statements that could put rows into any message. */
export function conditionOf(error: DatabaseError): string {
  const code = error.code ?? 'an error without a code';
  return `PostgreSQL reported ${code} (${CONDITIONS[code] ?? CLASSES[sqlClass(error)] ?? 'its text may quote rows'})`;
}

export const sqlClass = (error: DatabaseError): string => (error.code ?? '').slice(0, 2);

/** Damaged pages and damaged indexes, whatever statement met them. */
export const isDamage = (error: unknown): error is DatabaseError =>
  error instanceof DatabaseError && (error.code === 'XX001' || error.code === 'XX002');

/** The server ended the session, so nothing more can be asked over it. */
export const endsSession = (error: unknown): boolean =>
  error instanceof DatabaseError &&
  (sqlClass(error) === '08' || ['57P01', '57P02', '57P03', '57P05', '25P03', '25P04'].includes(error.code ?? ''));
