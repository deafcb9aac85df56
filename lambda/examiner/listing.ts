/** Lists what a database of the copy holds: tables, and the names of all that its schema declares. Reads no row. */
import { gzipSync } from 'node:zlib';
import { INVENTORY_KINDS, type InventoryKind } from '../contract';
import { displayName, userSchema } from './catalog';
import { unlessDamaged } from './postgres-error';
import type { CompressedListing } from './protocol';
import { READER_NAME } from './reader';
import type { Row, Session } from './session';

export interface ListedTable {
  readonly oid: number;
  /** The partitioned table it belongs to, or itself. */
  readonly root: string;
  readonly partition: boolean;
  /** Comes back empty from every snapshot, by design. */
  readonly unlogged: boolean;
  /** Has no rows of its own: a partitioned table, or a materialized view that was never populated. */
  readonly hollow: boolean;
  /** Rows by the planner's statistics; null where it was never analyzed. */
  readonly estimate: number | null;
}

export interface Listing {
  readonly database: string;
  readonly tables: readonly ListedTable[];
  readonly objects: Readonly<Partial<Record<InventoryKind, readonly string[]>>>;
  readonly largeObjects: number;
  /** Of the instance, PostgreSQL's and RDS's own apart. */
  readonly roles: readonly string[];
  /** Kinds of what could not be listed, since the catalog is damaged. */
  readonly unlisted: readonly string[];
}

export async function list(session: Session): Promise<CompressedListing> {
  const unlisted: string[] = [];
  const rowsOf = async (what: string, sql: string): Promise<readonly Row[]> => {
    const rows = await unlessDamaged(session.transaction('READ ONLY', () => session.rows(sql)));
    if (!rows) unlisted.push(what);
    return rows ?? [];
  };
  const names = async (what: string, sql: string) =>
    (await rowsOf(what, `SELECT name FROM (${sql}) AS o (name) ORDER BY name`)).map(([name]) => name!);
  const [database] = await rowsOf('database', 'SELECT pg_catalog.current_database()');
  const objects = {} as Record<InventoryKind, readonly string[]>;
  for (const kind of INVENTORY_KINDS) objects[kind] = await names(kind, OBJECTS[kind]);
  const [large] = await rowsOf('large object', 'SELECT pg_catalog.count(*) FROM pg_catalog.pg_largeobject_metadata');
  const listing: Listing = {
    database: database![0]!,
    tables: (await rowsOf('table', TABLES)).map(tableOf),
    objects,
    largeObjects: Number(large?.[0] ?? 0),
    roles: await names(
      'role',
      `SELECT rolname FROM pg_catalog.pg_roles WHERE rolname !~ '^(pg_|rds)' AND rolname !~ '${READER_NAME}' AND oid >= 16384`,
    ),
    unlisted,
  };
  return { gzip: gzipSync(JSON.stringify(listing)).toString('base64') };
}

const TABLES = `
  SELECT c.oid, ${displayName('rn', 'r')}, c.relispartition, c.relpersistence = 'u', c.relkind = 'p' OR NOT c.relispopulated,
    nullif(c.reltuples, -1)
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_class r ON r.oid = coalesce(pg_catalog.pg_partition_root(c.oid), c.oid)
  JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
  WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't' AND ${userSchema('n')}
  ORDER BY c.oid`;

const tableOf = ([oid, root, partition, unlogged, hollow, estimate]: Row): ListedTable => ({
  oid: Number(oid),
  root: root!,
  partition: partition === 't',
  unlogged: unlogged === 't',
  hollow: hollow === 't',
  estimate: estimate === null || estimate === undefined ? null : Number(estimate),
});

/** Extensions bring what they bring; partitions have what their partitioned table declares. */
const ofExtension = (catalog: string, oid: string) =>
  `EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.${catalog}'::pg_catalog.regclass AND d.objid = ${oid}
     AND d.deptype = 'e')`;
const relation = 'pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace';
const whole = `NOT c.relispartition AND c.relpersistence <> 't' AND ${userSchema('n')}`;
const onTable = `' on ' || ${displayName('n', 'c')}`;

/** As in `billing.total(integer)`. */
const FUNCTION = `CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || p.proname || '(' ||
  pg_catalog.pg_get_function_identity_arguments(p.oid) || ')'`;

const TYPE = "CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || t.typname";

const OBJECTS: Readonly<Record<InventoryKind, string>> = {
  constraint: `
    SELECT CASE k.contype WHEN 'p' THEN 'primary key ' WHEN 'u' THEN 'unique ' WHEN 'f' THEN 'foreign key ' WHEN 'x' THEN 'exclusion '
      ELSE 'check ' END || k.conname || ${onTable}
    FROM ${relation} JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid
    WHERE k.contype IN ('p', 'u', 'f', 'c', 'x') AND k.conparentid = 0 AND ${whole}
    UNION ALL SELECT 'check ' || k.conname || ' on domain ' || ${TYPE}
    FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_type t ON t.oid = k.contypid JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE k.contype = 'c' AND NOT ${ofExtension('pg_type', 't.oid')} AND ${userSchema('n')}`,
  // Columns of a primary key have no choice.
  'NOT NULL': `
    SELECT a.attname || ${onTable} FROM ${relation} JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
    WHERE a.attnotnull AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p') AND ${whole}
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey))
    UNION ALL SELECT 'the value on domain ' || ${TYPE} FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE t.typtype = 'd' AND t.typnotnull AND NOT ${ofExtension('pg_type', 't.oid')} AND ${userSchema('n')}`,
  index: `
    SELECT ic.relname || ${onTable} FROM ${relation} JOIN pg_catalog.pg_index i ON i.indrelid = c.oid
    JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
      AND ${whole}`,
  trigger: `
    SELECT t.tgname || CASE t.tgenabled WHEN 'D' THEN ' (disabled)' ELSE '' END || ${onTable}
    FROM ${relation} JOIN pg_catalog.pg_trigger t ON t.tgrelid = c.oid WHERE NOT t.tgisinternal AND ${whole}`,
  policy: `
    SELECT p.polname || ${onTable} FROM ${relation} JOIN pg_catalog.pg_policy p ON p.polrelid = c.oid WHERE ${whole}
    UNION ALL SELECT 'row security' || ${onTable} FROM ${relation} WHERE c.relrowsecurity AND ${whole}`,
  grant: `
    SELECT a.privilege_type || ' to ' || coalesce(r.rolname, 'PUBLIC') || ${onTable}
    FROM ${relation}, pg_catalog.aclexplode(c.relacl) AS a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
    WHERE a.grantee <> c.relowner AND ${whole}
    UNION ALL SELECT a.privilege_type || ' (' || t.attname || ') to ' || coalesce(r.rolname, 'PUBLIC') || ${onTable}
    FROM ${relation} JOIN pg_catalog.pg_attribute t ON t.attrelid = c.oid AND NOT t.attisdropped, pg_catalog.aclexplode(t.attacl) AS a
    LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee WHERE ${whole}
    UNION ALL SELECT a.privilege_type || ' to ' || r.rolname || ' on function ' || ${FUNCTION}
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace, pg_catalog.aclexplode(p.proacl) AS a
    JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
    WHERE a.grantee <> p.proowner AND r.rolname !~ '${READER_NAME}' AND NOT ${ofExtension('pg_proc', 'p.oid')} AND ${userSchema('n')}
    UNION ALL SELECT a.privilege_type || ' to ' || coalesce(r.rolname, 'PUBLIC') || ' on schema ' || n.nspname
    FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) AS a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
    WHERE a.grantee <> n.nspowner AND ${userSchema('n')}`,
  view: `SELECT ${displayName('n', 'c')} FROM ${relation} WHERE c.relkind = 'v' AND NOT ${ofExtension('pg_class', 'c.oid')} AND ${whole}`,
  function: `
    SELECT ${FUNCTION}
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    WHERE NOT ${ofExtension('pg_proc', 'p.oid')} AND ${userSchema('n')}`,
  sequence: `SELECT ${displayName('n', 'c')} FROM ${relation} WHERE c.relkind = 'S' AND ${whole}`,
  type: `
    SELECT ${TYPE}
    FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE t.typtype IN ('e', 'd', 'r') AND NOT ${ofExtension('pg_type', 't.oid')} AND ${userSchema('n')}`,
  extension: `SELECT e.extname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
    WHERE n.nspname <> 'lifeboat_examiner'`,
  publication: 'SELECT pubname FROM pg_catalog.pg_publication',
};
