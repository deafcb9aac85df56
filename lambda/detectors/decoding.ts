/** SQL that decodes stored values, to find bytes that are not a valid value of their type. */
import { DatabaseError, escapeIdentifier } from 'pg';
import type { CopyFacts } from '../examiner/facts';
import { isServersOwn } from '../examiner/postgres-error';
import type { Session } from '../examiner/session';

/** Text output decodes a value, TOAST included; converting the text finds bytes that are invalid in this encoding. */
export const decoded = (value: string, { encoding }: Pick<CopyFacts, 'encoding'>) =>
  encoding === 'SQL_ASCII'
    ? `${value}::pg_catalog.text`
    : `pg_catalog.convert_to(${value}::pg_catalog.text, '${encoding}')`;

/** Errors of reading a damaged value. An error with a context comes from a function of the database's own. */
export const isUndecodable = (error: unknown): error is DatabaseError => isServersOwn(error, ['XX', '58', '22']);

/**
 * A row or value that is longer as text than PostgreSQL allows, 1 GB. Some functions report that as an internal error,
 * as they do a damaged length: so it has to be read in another way to know.
 */
export const isTooLarge = (error: unknown): boolean =>
  error instanceof DatabaseError &&
  (error.code === '54000' || error.code === '53200' || (error.code === 'XX000' && /\b\d{9,}\b/.test(error.message)));

/** Types for which any bytes are a valid value, so that a decoder can't find damage. */
const ANY_BYTES = new Set(
  `bool int2 int4 int8 float4 float8 oid xid xid8 cid tid date time timetz timestamp timestamptz interval uuid macaddr
  macaddr8 money point line lseg box circle char pg_lsn`.split(/\s+/),
);

/**
 * An expression for each column of a table that reads all of a value.
 *
 * @param table its name in the statement
 * @param large makes none that is much longer than the value, where a row as text would be too long
 */
export async function columnsOf(
  session: Session,
  oid: number,
  table: string,
  facts: CopyFacts,
  large: boolean,
): Promise<string[]> {
  const found = await session.rows(`
    SELECT a.attname, b.typname, b.typcategory, b.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type d ON d.oid = a.atttypid
    JOIN pg_catalog.pg_type b ON b.oid = coalesce(nullif(d.typbasetype, 0), d.oid)
    WHERE a.attrelid = ${oid} AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> 'v' ORDER BY a.attnum`);
  return found.map(([name, type, category, own]) => {
    const column = `${table}.${escapeIdentifier(name!)}`;
    if (own === 't' && ANY_BYTES.has(type!)) return column;
    if (own === 't' && type === 'bytea') return `pg_catalog.byteacat(${column}, '')`;
    if (own === 't' && type === 'jsonb' && large) return `pg_catalog.jsonb_hash_extended(${column}, 0)`;
    // A cast of a user's own may do anything; format() calls the type's own function, as output does.
    const value = own === 't' ? column : `pg_catalog.format('%s', ${column})`;
    return decoded(value, !large || category === 'S' || type === 'json' ? facts : { encoding: 'SQL_ASCII' });
  });
}
