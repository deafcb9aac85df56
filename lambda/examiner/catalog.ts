/** What the copy's catalog says: relations by the names people give them. Everything is schema-qualified: see session.ts. */
import { escapeLiteral } from 'pg';
import { SCHEMA } from './extensions';
import type { Session } from './session';

/** Why a check can't be made; becomes its `not-run` reason. */
export class CannotCheck extends Error {
  constructor(
    message: string,
    public readonly remedy?: string,
  ) {
    super(message);
  }
}

/** A relation as people write it: bare in `public`, with its schema elsewhere. */
export const displayName = (schema: string, relation: string) =>
  `CASE WHEN ${schema}.nspname = 'public' AND pg_catalog.strpos(${relation}.relname, '.') = 0 THEN ${relation}.relname::pg_catalog.text ` +
  `ELSE ${schema}.nspname || '.' || ${relation}.relname END`;

/** Leaves out what PostgreSQL keeps for itself, what is ours, and temporary objects that a crash left. */
export const userSchema = (schema: string) =>
  `${schema}.nspname !~ '^pg_' AND ${schema}.nspname <> 'information_schema' AND ${schema}.nspname <> '${SCHEMA}'`;

/** Every relation that has files, TOAST and the system's own among them, apart from what is ours or temporary. */
export const storedSchema = (schema: string) =>
  `${schema}.nspname !~ '^pg_(toast_)?temp_' AND ${schema}.nspname <> '${SCHEMA}'`;

/**
 * Matches a name as given, `table` or `schema.table`, to the catalog. Comparing there instead of splitting here lets
 * dots, quotes and capitals in names be what they are; where two fit, the split at the first dot wins.
 */
const named = (name: string) =>
  `(n.nspname || '.' || c.relname = ${name} OR n.nspname = 'public' AND c.relname::pg_catalog.text = ${name})`;
const best = (name: string) =>
  `n.nspname::pg_catalog.text = pg_catalog.split_part(${name}, '.', 1) DESC, n.nspname = 'public' DESC, n.nspname`;

/** A table's name, ready for SQL. */
export async function findTable(session: Session, table: string): Promise<string> {
  const name = escapeLiteral(table);
  const [found] = await session.rows(`
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), c.relkind
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f') AND ${named(name)}
    ORDER BY ${best(name)} LIMIT 1`);
  if (!found) throw new CannotCheck(`table "${table}" does not exist`);
  if (found[1] === 'f')
    throw new CannotCheck(`"${table}" is a foreign table, whose rows are in no backup of this database`);
  return found[0]!;
}

export interface Column {
  /** Ready for SQL. */
  readonly table: string;
  readonly column: string;
  /** Such as `timestamp with time zone`; the base type of a domain. */
  readonly type: string;
}

export async function findColumn(session: Session, table: string, column: string): Promise<Column> {
  const quoted = await findTable(session, table);
  const [found] = await session.rows(`
    SELECT pg_catalog.quote_ident(a.attname), pg_catalog.format_type(coalesce(nullif(t.typbasetype, 0), t.oid), NULL)
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = ${escapeLiteral(quoted)}::pg_catalog.regclass AND a.attname::pg_catalog.text = ${escapeLiteral(column)}
      AND a.attnum > 0 AND NOT a.attisdropped`);
  if (!found) throw new CannotCheck(`table "${table}" has no column "${column}"`);
  return { table: quoted, column: found[0]!, type: found[1]! };
}
