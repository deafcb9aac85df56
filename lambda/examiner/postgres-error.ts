/**
 * Which parts of PostgreSQL's errors evidence may repeat, and which errors can be trusted.
 *
 * DETAIL, HINT and CONTEXT quote rows, and so do the messages of many conditions (`invalid input syntax for type
 * integer: "alice@example.org"`, `role "alice@example.org" does not exist`). So the server's words are repeated only
 * where they can't: of a statement that was planned and read no row, or where they are known to name files, limits and
 * locks alone. And an error from inside a function of the database's own has the text and the code that its owner
 * chose: it is neither repeated nor believed.
 */
import { DatabaseError } from 'pg';

/** Of statements that read no row: their own mistakes, rights and limits. */
const SAID_OF_STATEMENTS = new Set(['0A', '25', '28', '3D', '3F', '40', '42', '53', '54', '55', '57', '58', 'XX']);

/**
 * Messages that are repeated whatever was read, by their codes. Functions of PostgreSQL's own put values into messages
 * of nearly every code (`permission denied to set role "alice"`, `word is too long in tsquery: "..."`, `connection
 * "alice" not available`, `could not open file "alice"`), so they have to look like what names objects, limits and
 * files of the server.
 */
const SAID_WITH_ROWS: readonly (readonly [codes: RegExp, message: RegExp])[] = [
  [/^(XX00[12]|55P03)$/, /^/],
  [/^42501$/, /^permission denied for (table|(materialized )?view|sequence|schema|function|procedure|aggregate|type) /],
  [
    /^(53|58)/,
    /^([\w ,.:;()%+-]|"(base|global|pg_tblspc|pg_[a-z]*xact|pg_subtrans|pg_commit_ts|pg_wal)\/[\w./-]+"|"temp_file_limit")+$/,
  ],
  [/^54001$/, /^stack depth limit exceeded$/],
  [/^57/, /^(canceling statement|terminating connection) [a-z -]+$/],
];

const CONDITIONS: Readonly<Record<string, string>> = {
  '0A000': 'feature not supported',
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
  '42501': 'insufficient privilege',
  '42601': 'syntax error',
  '42703': 'undefined column',
  '42704': 'undefined object',
  '42804': 'datatype mismatch',
  '42883': 'undefined function',
  '42P01': 'undefined table',
  '42P22': 'indeterminate collation',
  '54000': 'program limit exceeded',
  '54001': 'statement too complex',
  '55P03': 'lock not available',
  '57014': 'query canceled',
  P0001: 'raised by a function',
  P0002: 'no data found',
  P0004: 'assertion failed',
  XX000: 'internal error',
  XX001: 'data corrupted',
  XX002: 'index corrupted',
};

const CLASSES: Readonly<Record<string, string>> = {
  '22': 'data exception',
  '23': 'integrity constraint violation',
  '38': 'external routine exception',
  '42': 'syntax error or access rule violation',
  P0: 'PL/pgSQL error',
};

/**
 * Contexts that the server itself gives, line by line; those of functions start otherwise, whatever they are called.
 */
const SERVERS_OWN_CONTEXT =
  /^(parallel worker|while (scanning|vacuuming|cleaning up|truncating|checking|validating|locking|inserting index) .*)$/;

/** Longer texts are cut: they go into results of steps and into evidence. */
const MAX_TEXT = 1_000;

/** Whether a context is that of a function of the database's own, or of one that it called. */
export const isFunctionsContext = (where: string | undefined): boolean =>
  where !== undefined && where !== '' && !where.split('\n').every((line) => SERVERS_OWN_CONTEXT.test(line));

/** Whether a function of the database's own raised it. */
export const isFromFunction = ({ where }: DatabaseError): boolean => isFunctionsContext(where);

/** What to do about an object that could not be examined. */
export const remedyFor = (error: DatabaseError): string | undefined =>
  isFromFunction(error)
    ? 'a function that it calls failed; where it names others without their schema, set its path: ' +
      'ALTER FUNCTION ... SET search_path, else it fails in dumps and vacuums too'
    : undefined;

/** The error as evidence may carry it, whatever the statement read. */
export function whatPostgresSaid(error: DatabaseError): string {
  const known = SAID_WITH_ROWS.some(([codes, message]) => codes.test(error.code ?? '') && message.test(error.message));
  return known && !isFromFunction(error) ? `PostgreSQL said: ${printable(error.message)}` : conditionOf(error);
}

/** The error of a statement that read no row: it was only planned, reads catalogs alone, or defines something. */
export function whatPostgresSaidOfStatement(error: DatabaseError): string {
  const ownWords = SAID_OF_STATEMENTS.has(sqlClass(error)) && !isFromFunction(error);
  return ownWords ? `PostgreSQL said: ${printable(error.message)}` : conditionOf(error);
}

/** The error's condition alone. */
export function conditionOf(error: DatabaseError): string {
  const code = error.code ?? 'an error without a code';
  const meaning = CONDITIONS[code] ?? CLASSES[sqlClass(error)] ?? 'its text may quote rows';
  return `PostgreSQL reported ${code} (${meaning})${isFromFunction(error) ? ' in a function of the database' : ''}`;
}

export const sqlClass = (error: DatabaseError): string => (error.code ?? '').slice(0, 2);

/**
 * Whether the server itself reports a condition of one of these classes or codes: no function of the database's does.
 */
export const isServersOwn = (error: unknown, codes: readonly string[]): error is DatabaseError =>
  error instanceof DatabaseError &&
  !isFromFunction(error) &&
  (codes.includes(sqlClass(error)) || codes.includes(error.code ?? ''));

/** Damaged pages and damaged indexes, whatever statement met them. */
export const isDamage = (error: unknown): error is DatabaseError => isServersOwn(error, ['XX001', 'XX002']);

/**
 * Damage of the catalogs, met by a statement that reads nothing else: pages that can't be read, and what is missing
 * though something refers to it, or though every database has it.
 */
export const isCatalogDamage = (error: unknown): error is DatabaseError =>
  isServersOwn(error, ['XX', '58', '3F', '42P01', '42703', '42704', '42883']);

/** Undefined where catalogs that it reads are damaged: detectors report that, and the rest is still examined. */
export async function unlessDamaged<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (!isCatalogDamage(error)) throw error;
    return undefined;
  }
}

/**
 * A text from the database as evidence, logs and terminals may carry it: of bounded length, with control characters and
 * line ends written out.
 */
export function printable(text: string): string {
  const short = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}... (cut)` : text;
  return short.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}
