/** What the copy's catalog says: tables by the names people give them, and what amcheck may be used for. */
import { escapeLiteral } from 'pg';
import type { Session } from './session';

/** Why a check can't be made; becomes its `not-run` reason. */
export class CannotCheck extends Error {}

/** A relation as people write it: bare in `public`, with its schema elsewhere. */
export const displayName = (schema: string, relation: string) =>
  `CASE WHEN ${schema}.nspname = 'public' AND strpos(${relation}.relname, '.') = 0 THEN ${relation}.relname::text ` +
  `ELSE ${schema}.nspname || '.' || ${relation}.relname END`;

/** Leaves out what PostgreSQL keeps for itself. TOAST is read through its table. */
export const userSchema = (schema: string) =>
  `${schema}.nspname !~ '^pg_' AND ${schema}.nspname <> 'information_schema'`;

/**
 * Matches a name as given, `table` or `schema.table`, to the catalog. Comparing there instead of splitting here lets
 * dots, quotes and capitals in names be what they are; where two fit, the split at the first dot wins.
 */
const named = (name: string) =>
  `(n.nspname || '.' || c.relname = ${name} OR n.nspname = 'public' AND c.relname::text = ${name})`;
const best = (name: string) =>
  `n.nspname::text = split_part(${name}, '.', 1) DESC, n.nspname = 'public' DESC, n.nspname`;

/** A table's name, ready for SQL. */
export async function findTable(session: Session, table: string): Promise<string> {
  const name = escapeLiteral(table);
  const [found] = await session.rows(`
    SELECT format('%I.%I', n.nspname, c.relname), c.relkind
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
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
    SELECT quote_ident(a.attname), format_type(coalesce(nullif(t.typbasetype, 0), t.oid), NULL)
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = ${escapeLiteral(quoted)}::regclass AND a.attname::text = ${escapeLiteral(column)}
      AND a.attnum > 0 AND NOT a.attisdropped`);
  if (!found) throw new CannotCheck(`table "${table}" has no column "${column}"`);
  return { table: quoted, column: found[0]!, type: found[1]! };
}

/** The tables of these names, ready for SQL, in their order; null for what does not exist. */
export async function findTables(session: Session, tables: readonly string[]): Promise<readonly (string | null)[]> {
  const found = await session.rows(`
    SELECT (SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p') AND ${named('given.name')} ORDER BY ${best('given.name')} LIMIT 1)
    FROM unnest(ARRAY[${tables.map(escapeLiteral).join(', ')}]::text[]) WITH ORDINALITY AS given(name, position)
    ORDER BY given.position`);
  return found.map(([table]) => table ?? null);
}

const TABLES_PER_STATEMENT = 200;

/** Which of these tables, as SQL has them, hold at least one row: in their order. */
export async function holdRows(session: Session, tables: readonly string[]): Promise<boolean[]> {
  const held: boolean[] = [];
  for (let from = 0; from < tables.length; from += TABLES_PER_STATEMENT) {
    const some = tables.slice(from, from + TABLES_PER_STATEMENT);
    const rows = await session.rows(
      `SELECT * FROM (${some
        .map((table, position) => `SELECT ${position} AS position, EXISTS (SELECT FROM ${table})`)
        .join(' UNION ALL ')}) AS held ORDER BY position`,
    );
    held.push(...rows.map(([, holds]) => holds === 't'));
  }
  return held;
}

/** amcheck's functions that this user may call, ready for SQL. */
export interface Amcheck {
  readonly verifyHeapam?: string;
  readonly btIndexCheck?: string;
}

export async function findAmcheck(session: Session): Promise<Amcheck> {
  const functions = await session.rows(`
    SELECT p.proname, format('%I.%I', n.nspname, p.proname)
    FROM pg_extension e
    JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
      AND d.classid = 'pg_proc'::regclass
    JOIN pg_proc p ON p.oid = d.objid JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE e.extname = 'amcheck' AND has_function_privilege(p.oid, 'EXECUTE') AND has_schema_privilege(n.oid, 'USAGE')
      AND (p.proname = 'verify_heapam' OR p.proname = 'bt_index_check' AND p.pronargs = 2)`);
  const byName = new Map(functions.map(([name, sql]) => [name, sql ?? undefined]));
  return { verifyHeapam: byName.get('verify_heapam'), btIndexCheck: byName.get('bt_index_check') };
}
