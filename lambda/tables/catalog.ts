/** One table as one side's catalogs describe it. */
import { escapeLiteral } from 'pg';
import type { TableName } from './protocol';
import { quoted, type Session } from './session';

export interface Column {
  readonly name: string;
  /** With its schema, where that is not `pg_catalog`, and its modifier: `numeric(6,2)`. */
  readonly type: string;
  /** Without the modifier: what a literal is cast to. */
  readonly bareType: string;
  readonly oid: number;
  readonly modifier: number;
  /** Of the type below all domains. */
  readonly base: string;
  /** Of PostgreSQL itself, on each server the same. */
  readonly builtIn: boolean;
  /** Has a binary form. */
  readonly binary: boolean;
  readonly notNull: boolean;
  readonly hasDefault: boolean;
  /** '' or 'a' (always) or 'd' (by default) */
  readonly identity: string;
  readonly generated: boolean;
  /** Equal texts have the same bytes. */
  readonly deterministic: boolean;
  /** Of the collation that it sorts by, as the operating system or ICU has it now; null where it has none. */
  readonly collation: string | null;
}

export interface Key {
  readonly index: string;
  readonly primary: boolean;
  readonly columns: readonly string[];
  /** Schemas of each column's operators `<`, `=` and `>`. */
  readonly schemas: readonly string[];
}

export interface ForeignKey {
  readonly name: string;
  /** The table that refers, and its columns. */
  readonly from: string;
  readonly fromColumns: readonly string[];
  /** The table that is referred to, and its columns. */
  readonly to: string;
  readonly toColumns: readonly string[];
  /** Schema and name of each pair's `=`, with the referred column on the left. */
  readonly operators: readonly string[];
}

export interface Table {
  readonly oid: number;
  /** 'r' or 'p'; other kinds hold no rows of their own. */
  readonly kind: string;
  readonly columns: readonly Column[];
  /** The primary key first. */
  readonly keys: readonly Key[];
  readonly foreignKeys: readonly ForeignKey[];
  readonly referredBy: readonly ForeignKey[];
  /** Row security would hide rows from this user. */
  readonly hidesRows: boolean;
  /** Has tables that inherit from it, other than as partitions. */
  readonly inherited: boolean;
  readonly unlogged: boolean;
  readonly rights: readonly string[];
  /** Triggers of the user's own that fire for whoever writes: name and the events. */
  readonly triggers: readonly string[];
  readonly rules: readonly string[];
  /** Estimate of the planner; null where it has none. */
  readonly rows: number | null;
  readonly bytes: number;
  /** Sequences that a column owns, or that its identity uses. */
  readonly sequences: readonly { readonly column: string; readonly name: string }[];
}

/** All leaves of a partitioned table, or itself. */
const LEAVES = `(
  SELECT t.relid FROM pg_partition_tree(c.oid) t WHERE t.isleaf UNION SELECT c.oid WHERE c.relkind = 'r')`;

const RELATION = (oid: string) => `(
  SELECT format('"%s"."%s"', replace(n.nspname, '"', '""'), replace(r.relname, '"', '""'))
  FROM pg_class r JOIN pg_namespace n
  ON n.oid = r.relnamespace WHERE r.oid = ${oid})`;

const NAMES = (table: string, attributes: string) => `(
  SELECT json_agg(a.attname ORDER BY k.position) FROM unnest(${attributes}) WITH ORDINALITY k(attnum, position)
  JOIN pg_attribute a ON a.attrelid = ${table} AND a.attnum = k.attnum)`;

const FOREIGN_KEYS = (which: string) => `(
  SELECT coalesce(json_agg(json_build_object('name', f.conname, 'from', ${RELATION('f.conrelid')},
    'fromColumns', ${NAMES('f.conrelid', 'f.conkey')}, 'to', ${RELATION('f.confrelid')},
    'toColumns', ${NAMES('f.confrelid', 'f.confkey')},
    'operators', (SELECT json_agg(quote_ident(n.nspname) || '.' || o.oprname ORDER BY p.position)
      FROM unnest(f.conpfeqop) WITH ORDINALITY p(oid, position) JOIN pg_operator o ON o.oid = p.oid
      JOIN pg_namespace n ON n.oid = o.oprnamespace)) ORDER BY f.conname), '[]')
  FROM pg_constraint f WHERE f.contype = 'f' AND f.conparentid = 0 AND ${which})`;

const describe = (name: string) => `
  SELECT json_build_object('oid', c.oid::bigint, 'kind', c.relkind, 'unlogged', c.relpersistence <> 'p',
    'hidesRows', row_security_active(c.oid),
    'inherited', EXISTS (SELECT FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent
      WHERE i.inhparent = c.oid AND p.relkind = 'r'),
    'rights', (SELECT coalesce(json_agg(r), '[]') FROM unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) r
      WHERE has_table_privilege(c.oid, r)),
    'rows', (SELECT CASE WHEN bool_or(l.reltuples < 0) THEN NULL ELSE sum(l.reltuples)::bigint END
      FROM pg_class l WHERE l.oid IN ${LEAVES}),
    'bytes', (SELECT coalesce(sum(pg_total_relation_size(l.relid)), 0) FROM ${LEAVES} l),
    'triggers', (SELECT coalesce(json_agg(t.tgname ORDER BY t.tgname), '[]') FROM pg_trigger t
      WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')),
    'rules', (SELECT coalesce(json_agg(r.rulename), '[]') FROM pg_rewrite r WHERE r.ev_class = c.oid),
    'columns', (SELECT coalesce(json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
        'bareType', format_type(a.atttypid, -1), 'oid', a.atttypid::bigint, 'modifier', a.atttypmod,
        'base', format_type(b.oid, -1), 'builtIn', a.atttypid < 16384,
        'binary', t.typsend <> 0 AND t.typreceive <> 0, 'notNull', a.attnotnull, 'hasDefault', a.atthasdef,
        'identity', a.attidentity, 'generated', a.attgenerated <> '', 'deterministic', coalesce(l.collisdeterministic, true),
        'collation', CASE WHEN l.oid IS NOT NULL THEN concat_ws(' ', l.collname, l.collprovider::text,
          CASE WHEN l.collprovider <> 'd' THEN l.collcollate END, pg_collation_actual_version(l.oid),
          CASE WHEN l.collprovider = 'd' THEN (SELECT datcollate FROM pg_database WHERE datname = current_database()) END)
          END) ORDER BY a.attnum), '[]')
      FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
      CROSS JOIN LATERAL (WITH RECURSIVE d(oid, below) AS (SELECT t.oid, t.typbasetype UNION ALL
        SELECT u.oid, u.typbasetype FROM d JOIN pg_type u ON u.oid = d.below) SELECT d.oid FROM d WHERE below = 0) b
      LEFT JOIN pg_collation l ON l.oid = a.attcollation
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    'keys', (SELECT coalesce(json_agg(json_build_object('index', k.relname, 'primary', i.indisprimary, 'columns', w.names,
        'schemas', w.schemas) ORDER BY i.indisprimary DESC, k.relname), '[]')
      FROM pg_index i JOIN pg_class k ON k.oid = i.indexrelid JOIN pg_am m ON m.oid = k.relam
      CROSS JOIN LATERAL (SELECT json_agg(a.attname ORDER BY p.position) AS names,
          json_agg(o.schema ORDER BY p.position) AS schemas,
          bool_and(a.attnotnull AND p.direction = 0 AND p.sorting = a.attcollation AND o.schema IS NOT NULL) AS usable
        FROM unnest(i.indkey::int2[], i.indcollation::oid[], i.indoption::int2[], i.indclass::oid[])
          WITH ORDINALITY p(attnum, sorting, direction, class, position)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.attnum
        JOIN pg_opclass oc ON oc.oid = p.class
        LEFT JOIN LATERAL (SELECT min(n.nspname) AS schema FROM pg_amop e JOIN pg_operator q ON q.oid = e.amopopr
          JOIN pg_namespace n ON n.oid = q.oprnamespace
          WHERE e.amopfamily = oc.opcfamily AND e.amoplefttype = oc.opcintype AND e.amoprighttype = oc.opcintype
            AND (e.amopstrategy, q.oprname) IN ((1, '<'), (3, '='), (5, '>'))
          HAVING count(*) = 3 AND count(DISTINCT n.oid) = 1) o ON true
        WHERE p.position <= i.indnkeyatts) w
      WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate AND m.amname = 'btree'
        AND i.indpred IS NULL AND i.indexprs IS NULL AND w.usable),
    'foreignKeys', ${FOREIGN_KEYS('f.conrelid = c.oid')},
    'referredBy', ${FOREIGN_KEYS('f.confrelid = c.oid')},
    'sequences', (SELECT coalesce(json_agg(json_build_object('column', a.attname, 'name', ${RELATION('d.objid')})
        ORDER BY a.attnum), '[]')
      FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
      WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
        AND d.deptype IN ('a', 'i')))
  FROM pg_class c WHERE c.oid = to_regclass(${escapeLiteral(name)})`;

/** Undefined where there is none of that name. */
export async function describeTable(session: Session, name: TableName): Promise<Table | undefined> {
  const [row] = await session.read(describe(quoted(name)));
  return row === undefined ? undefined : (JSON.parse(row[0]!) as Table);
}
