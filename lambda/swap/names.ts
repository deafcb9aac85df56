/** How tables are written, in SQL and in messages, and the schemas that a swap moves them between. */
import { escapeIdentifier, escapeLiteral } from 'pg';
import type { Row } from '../examiner/session';
import { OWN_SCHEMA, STAGING_SCHEMA, type TableName } from '../tables/protocol';
import { quoted as sqlName } from '../tables/session';

export { sqlName };

/** One of the databases, inside a transaction whose search path holds the catalog alone. */
export interface Asks {
  /** Runs one statement, or several separated by semicolons, of which it gives the last one's rows. */
  rows(sql: string): Promise<readonly Row[]>;
}

/** The schema of old tables after a swap, in the live database: kept until clean-up, so that the swap can be undone. */
export const KEPT_SCHEMA = 'lifeboat_old';

export const CAPTURE_TRIGGER = 'lifeboat_capture';

/** Ready for SQL. */
export const quoted = (schema: string, name: string): string => `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;

/** The same of two columns of the catalog, by SQL: so that both can be compared. */
export const quotedSql = (schema: string, name: string): string =>
  `'"' || replace(${schema}, '"', '""') || '"."' || replace(${name}, '"', '""') || '"'`;

/** As messages name what is ready for SQL. */
export const readable = (sql: string): string => sql.replace(/"([a-z_][a-z0-9_]*)"/g, '$1');

/** As messages name it. */
export const shown = ({ schema, table }: TableName): string => `${schema}.${table}`;

export const inSchema = ({ table }: TableName, schema: string): TableName => ({ schema, table });

/** Ready for SQL: an array of the tables' OIDs; a table that is not there is NULL. */
export const oidsOf = (tables: readonly TableName[]): string =>
  `ARRAY[${tables.map((table) => `to_regclass(${escapeLiteral(sqlName(table))})`).join(', ')}]::oid[]`;

/** Ready for SQL: a search path, or a list of columns. */
export const list = (names: readonly string[]): string => names.map((name) => escapeIdentifier(name)).join(', ');

export const OURS: readonly string[] = [OWN_SCHEMA, STAGING_SCHEMA, KEPT_SCHEMA];

export const namesOf = (tables: readonly TableName[]): string => tables.map(shown).join(', ');
