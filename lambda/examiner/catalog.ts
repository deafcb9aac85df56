/** What the copy's catalog says: relations by the names people give them. Everything is schema-qualified: see session.ts. */
import { DatabaseError, escapeLiteral } from 'pg';
import { whatPostgresSaidOfStatement } from './postgres-error';
import type { Row, Session } from './session';

/** Why a check can't be made; becomes its `not-run` reason. */
export class CannotCheck extends Error {
  constructor(
    message: string,
    public readonly remedy?: string,
  ) {
    super(message);
  }
}

/**
 * A relation's entry in the catalog.
 *
 * @param columns of `pg_class` as `c` and `pg_namespace` as `n`
 * @returns its name, ready for SQL, and the columns
 * @throws CannotCheck when it is gone
 */
export async function relationOf(session: Session, oid: number, ...columns: string[]): Promise<Row> {
  const [found] = await session.rows(`
    SELECT ${["pg_catalog.format('%I.%I', n.nspname, c.relname)", ...columns].join(', ')}
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ${oid}`);
  if (!found) throw new CannotCheck('it does not exist any more');
  return found;
}

/** Of a statement that reads catalogs alone. PostgreSQL names the file of a page, so the catalog is named beside it. */
export async function whatDamagedCatalogSaid(session: Session, error: DatabaseError): Promise<string> {
  const said = whatPostgresSaidOfStatement(error);
  const file = /relation "?base\/\d+\/(\d+)/.exec(error.message)?.[1];
  if (!file) return said;
  try {
    const [found] = await session.transaction('READ ONLY', () =>
      session.rows(`SELECT pg_catalog.pg_filenode_relation(0, ${file})`),
    );
    return found?.[0] ? `${said} (${found[0]})` : said;
  } catch (unnamed) {
    // Finding the name may meet the same damage.
    if (!(unnamed instanceof DatabaseError)) throw unnamed;
    return said;
  }
}

/** A relation as people write it: bare in `public`, with its schema elsewhere. */
export const displayName = (schema: string, relation: string) =>
  `CASE WHEN ${schema}.nspname = 'public' AND pg_catalog.strpos(${relation}.relname, '.') = 0 THEN ${relation}.relname::pg_catalog.text ` +
  `ELSE ${schema}.nspname || '.' || ${relation}.relname END`;

/**
 * Leaves out what PostgreSQL keeps for itself, and temporary objects that a crash left. The schema of ours has no
 * table.
 */
export const userSchema = (schema: string) =>
  `${schema}.nspname !~ '^pg_' AND ${schema}.nspname <> 'information_schema'`;

/** Every relation that has files, TOAST and the system's own among them, apart from what is temporary. */
export const storedSchema = (schema: string) => `${schema}.nspname !~ '^pg_(toast_)?temp_'`;

/** Whether the user may vacuum table `c`: its owner may, and so may the database's, its catalogs included. */
export const vacuumable = (version: number) => `(pg_catalog.pg_has_role(c.relowner, 'USAGE')
  OR EXISTS (SELECT FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
    AND NOT c.relisshared AND pg_catalog.pg_has_role(d.datdba, 'USAGE'))
  ${version >= 170_000 ? "OR pg_catalog.has_table_privilege(c.oid, 'MAINTAIN')" : ''})`;

/**
 * Matches a name as given, `table` or `schema.table`, to the catalog. Comparing there instead of splitting here lets
 * dots, quotes and capitals in names be what they are.
 */
const named = (name: string) =>
  `(n.nspname || '.' || c.relname = ${name} OR n.nspname = 'public' AND c.relname::pg_catalog.text = ${name})`;

export interface Table {
  /** Ready for SQL. */
  readonly sql: string;
  /**
   * The tables that hold its rows, ready for FROM. The table itself, unless some of its partitions or of the tables
   * that inherit from it are foreign: those are left out.
   */
  readonly parts: readonly string[];
  /** Foreign tables among its partitions. Their rows are in no backup of this database. */
  readonly foreign: number;
}

/** The table that a check of the user's own names. */
export async function findTable(session: Session, table: string): Promise<Table> {
  const found = await session.rows(`
    SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname), c.relkind, c.relhassubclass
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f') AND ${named(escapeLiteral(table))}
    ORDER BY n.nspname, c.relname`);
  const [first, second] = found;
  if (!first) throw new CannotCheck(`table "${table}" does not exist`);
  if (second) {
    throw new CannotCheck(
      `"${table}" means several tables, ${found.map(([, sql]) => sql).join(' and ')}`,
      'name it with its schema; where that is ambiguous too, count in a query check instead',
    );
  }
  const [oid, sql, kind, inherited] = first;
  if (kind === 'f') {
    throw new CannotCheck(`"${table}" is a foreign table, whose rows are in no backup of this database`);
  }
  const members = inherited === 't' ? await membersOf(session, oid!) : [];
  const foreign = members.filter(([, kind]) => kind === 'f').length;
  if (foreign === 0) return { sql: sql!, parts: [sql!], foreign };
  const parts = members.flatMap(([member, kind]) => (kind === 'r' ? [`ONLY ${member}`] : []));
  return { sql: sql!, parts, foreign };
}

/** A table with its partitions, or with what inherits from it, however deep. */
const membersOf = (session: Session, oid: string) =>
  session.rows(`
    WITH RECURSIVE members (oid) AS (
      SELECT ${oid}::pg_catalog.oid UNION
      SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN members m ON m.oid = i.inhparent)
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), c.relkind
    FROM members m JOIN pg_catalog.pg_class c ON c.oid = m.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    ORDER BY c.oid`);

export interface Column {
  readonly table: Table;
  /** Ready for SQL. */
  readonly column: string;
  /** Such as `timestamp with time zone`; the base type of a domain. */
  readonly type: string;
}

export async function findColumn(session: Session, name: string, column: string): Promise<Column> {
  const table = await findTable(session, name);
  const [found] = await session.rows(`
    SELECT pg_catalog.quote_ident(a.attname), pg_catalog.format_type(coalesce(nullif(t.typbasetype, 0), t.oid), NULL)
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = ${escapeLiteral(table.sql)}::pg_catalog.regclass AND a.attname::pg_catalog.text = ${escapeLiteral(column)}
      AND a.attnum > 0 AND NOT a.attisdropped`);
  if (!found) throw new CannotCheck(`table "${name}" has no column "${column}"`);
  return { table, column: found[0]!, type: found[1]! };
}
