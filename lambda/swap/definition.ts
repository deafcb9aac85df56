/**
 * All that defines tables and what hangs on them, as texts that can be compared: of the live table before a swap, and of
 * the one in its place before the swap is committed. Names instead of OIDs, except for views, which keep theirs.
 */
import { createHash } from 'node:crypto';
import { printable } from '../examiner/postgres-error';
import type { TableName } from '../tables/protocol';
import { type Asks, CAPTURE_TRIGGER, KEPT_SCHEMA, oidsOf } from './names';

export interface Fact {
  readonly kind: string;
  /** With the table's name, where it is not the table's alone. */
  readonly name: string;
  /** May hold constants of the schema, so no message repeats it. */
  readonly text: string;
}

/** The tables and their partitions, as `f`. */
export const FAMILY = (tables: readonly TableName[]) => `
  WITH RECURSIVE f (oid, root) AS (
    SELECT t, t FROM unnest(${oidsOf(tables)}) t
    UNION SELECT i.inhrelid, f.root FROM pg_inherits i JOIN f ON f.oid = i.inhparent)`;

/** Of an access list: who may do what, whoever granted it; of a NULL list what it stands for. */
const acl = (column: string, kind: 'r' | 'S', owner: string) => `(
  SELECT jsonb_agg(format('%s %s %s', CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, privilege_type,
    is_grantable) ORDER BY grantee::regrole::text, privilege_type, is_grantable)
  FROM aclexplode(coalesce(${column}, acldefault('${kind}', ${owner}))))`;

const note = (catalog: string, oid: string, sub = '0') =>
  `(SELECT description FROM pg_description WHERE classoid = '${catalog}'::regclass AND objoid = ${oid} AND objsubid =
    ${sub})`;

const INDEX_DETAILS = `jsonb_build_array(pg_get_indexdef(x.indexrelid), x.indisvalid, x.indisreplident,
  x.indisclustered,
  xc.reloptions, xc.reltablespace, ${note('pg_class', 'x.indexrelid')},
  (SELECT jsonb_agg(coalesce(attstattarget, -1) ORDER BY attnum) FROM pg_attribute WHERE attrelid = x.indexrelid))`;

const factsSql = (tables: readonly TableName[], version: number) => `
  ${FAMILY(tables)},
  v AS (
    SELECT DISTINCT v.* FROM f
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = f.oid AND d.classid =
      'pg_rewrite'::regclass
    JOIN pg_rewrite r ON r.oid = d.objid AND r.rulename = '_RETURN'
    JOIN pg_class v ON v.oid = r.ev_class AND v.relkind IN ('v', 'm')
    JOIN pg_namespace vn ON vn.oid = v.relnamespace AND vn.nspname <> '${KEPT_SCHEMA}')
  SELECT 'table' AS kind, c.oid::regclass::text AS name, jsonb_build_array(c.relkind, c.relpersistence,
    c.relowner::regrole,
    c.relam, c.reltablespace, c.reloptions, t.reloptions, c.relreplident, c.relrowsecurity, c.relforcerowsecurity,
    pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid),
    (SELECT jsonb_agg(inhparent::regclass::text) FROM pg_inherits WHERE inhrelid = c.oid),
      ${note('pg_class', 'c.oid')})::text
  FROM f JOIN pg_class c USING (oid) LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
  UNION ALL
  SELECT 'grants', c.oid::regclass::text, ${acl('c.relacl', 'r', 'c.relowner')}::text FROM f JOIN pg_class c USING (oid)
  UNION ALL
  SELECT 'column', f.oid::regclass || '.' || quote_ident(attname), jsonb_build_array(
    row_number() OVER (PARTITION BY f.oid ORDER BY attnum), format_type(atttypid, atttypmod), attnotnull,
    attcollation::regcollation, attidentity, attgenerated, pg_get_expr(adbin, adrelid), attstorage,
    attcompression, coalesce(attstattarget, -1), attoptions, ${note('pg_class', 'f.oid', 'a.attnum')},
    (SELECT jsonb_agg(format('%s %s %s', CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
      privilege_type,
      is_grantable) ORDER BY grantee::regrole::text, privilege_type) FROM aclexplode(nullif(attacl, '{}'))))::text
  FROM f JOIN pg_attribute a ON a.attrelid = f.oid AND attnum > 0 AND NOT attisdropped
  LEFT JOIN pg_attrdef ON adrelid = f.oid AND adnum = attnum
  UNION ALL
  SELECT CASE WHEN contype = 'f' THEN 'foreign key' ELSE 'constraint' END, quote_ident(conname) || ' on ' ||
    conrelid::regclass,
    jsonb_build_array(replace(pg_get_constraintdef(n.oid), ' NOT VALID', ''), ${note('pg_constraint', 'n.oid')},
      CASE WHEN contype <> 'f' THEN convalidated END)::text
  FROM pg_constraint n
  WHERE (conrelid IN (SELECT oid FROM f) OR contype = 'f' AND conparentid = 0 AND confrelid IN (SELECT oid FROM f))
    AND contype <> 't'
    AND NOT EXISTS (SELECT FROM pg_class k JOIN pg_namespace kn ON kn.oid = k.relnamespace
      WHERE k.oid = conrelid AND kn.nspname = '${KEPT_SCHEMA}')
  UNION ALL
  SELECT 'index', quote_ident(xc.relname), ${INDEX_DETAILS}::text
  FROM f JOIN pg_index x ON x.indrelid = f.oid JOIN pg_class xc ON xc.oid = x.indexrelid
  UNION ALL
  SELECT 'trigger', quote_ident(tgname) || ' on ' || tgrelid::regclass,
    jsonb_build_array(pg_get_triggerdef(g.oid), tgenabled, ${note('pg_trigger', 'g.oid')})::text
  FROM f JOIN pg_trigger g ON tgrelid = f.oid AND NOT tgisinternal AND tgname NOT LIKE '${CAPTURE_TRIGGER}%'
  UNION ALL
  SELECT 'policy', quote_ident(polname) || ' on ' || polrelid::regclass, jsonb_build_array(polcmd, polpermissive,
    (SELECT jsonb_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE r::regrole::text END ORDER BY 1) FROM unnest(polroles) r),
    pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid), ${note('pg_policy', 'p.oid')})::text
  FROM f JOIN pg_policy p ON polrelid = f.oid
  UNION ALL
  SELECT 'statistics', quote_ident(stxname), jsonb_build_array(pg_get_statisticsobjdef(s.oid), stxowner::regrole,
    coalesce(stxstattarget, -1), ${note('pg_statistic_ext', 's.oid')})::text
  FROM f JOIN pg_statistic_ext s ON stxrelid = f.oid
  UNION ALL
  SELECT CASE deptype WHEN 'i' THEN 'identity' ELSE 'serial' END, s.oid::regclass::text,
    jsonb_build_array(f.oid::regclass,
    d.refobjsubid > 0, s.relowner::regrole, seqtypid::regtype, seqstart, seqincrement, seqmin, seqmax, seqcache, seqcycle,
    ${acl('s.relacl', 'S', 's.relowner')}, ${note('pg_class', 's.oid')})::text
  FROM f JOIN pg_depend d ON refclassid = 'pg_class'::regclass AND refobjid = f.oid AND classid = 'pg_class'::regclass
    AND deptype IN ('a', 'i')
  JOIN pg_class s ON s.oid = objid AND s.relkind = 'S' JOIN pg_sequence ON seqrelid = s.oid
  UNION ALL
  SELECT CASE relkind WHEN 'v' THEN 'view' ELSE 'materialized view' END, v.oid::regclass::text, jsonb_build_array(
    CASE relkind WHEN 'v' THEN v.oid END, pg_get_viewdef(v.oid), relowner::regrole, reloptions, reltablespace, relispopulated,
    ${acl('v.relacl', 'r', 'v.relowner')}, ${note('pg_class', 'v.oid')},
    (SELECT jsonb_agg(jsonb_build_array(xc.relname, ${INDEX_DETAILS}) ORDER BY xc.relname)
      FROM pg_index x JOIN pg_class xc ON xc.oid = x.indexrelid WHERE x.indrelid = v.oid),
    (SELECT jsonb_agg(jsonb_build_array(attname, attstorage, coalesce(attstattarget, -1), attoptions, attacl::text,
      ${note('pg_class', 'v.oid', 'a.attnum')}) ORDER BY attnum) FROM pg_attribute a WHERE a.attrelid = v.oid AND
        attnum > 0))::text
  FROM v
  UNION ALL
  SELECT 'publication', quote_ident(pubname) || ' of ' || prrelid::regclass,
    jsonb_build_array(${version >= 150_000 ? 'pg_get_expr(prqual, prrelid), (SELECT jsonb_agg(attname ORDER BY attname) FROM pg_attribute WHERE attrelid = prrelid AND attnum = ANY (prattrs))' : ''})::text
  FROM f JOIN pg_publication_rel r ON prrelid = f.oid JOIN pg_publication p ON p.oid = prpubid`;

/** @returns in no particular order */
export async function definitionOf(db: Asks, tables: readonly TableName[]): Promise<Fact[]> {
  const found = await db.rows(factsSql(tables, await versionOf(db)));
  return found.map(([kind, name, text]) => ({ kind: kind!, name: name!, text: text ?? '' }));
}

/**
 * The same, read often and under locks: planned once. @returns what reads it */
export async function preparedDefinition(db: Asks, tables: readonly TableName[]): Promise<() => Promise<Fact[]>> {
  const sql = factsSql(tables, await versionOf(db));
  const name = `definition_${createHash('sha256').update(sql).digest('hex').slice(0, 16)}`;
  const [there] = await db.rows(`SELECT EXISTS (SELECT FROM pg_prepared_statements WHERE name = '${name}')`);
  if (there![0] === 'f') await db.rows(`PREPARE ${name} AS ${sql}`);
  const read = async () =>
    (await db.rows(`EXECUTE ${name}`)).map(([kind, name, text]) => ({ kind: kind!, name: name!, text: text ?? '' }));
  // The first reading plans it.
  await read();
  return read;
}

export async function versionOf(db: Asks): Promise<number> {
  const [found] = await db.rows("SELECT current_setting('server_version_num')");
  return Number(found![0]);
}

/** @returns what is not as it was, by kind and name */
export function differences(before: readonly Fact[], after: readonly Fact[]): string[] {
  const keyOf = ({ kind, name }: Fact) => `${kind} ${name}`;
  const [was, is] = [before, after].map((facts) => new Map(facts.map((fact) => [keyOf(fact), fact.text])));
  const lost = [...was!].flatMap(([key, text]) => {
    const now = is!.get(key);
    if (now === undefined) return [`${key} is missing`];
    return now === text ? [] : [`${key} differs`];
  });
  const added = [...is!.keys()].filter((key) => !was!.has(key)).map((key) => `${key} was not there`);
  return [...lost, ...added].map(printable).sort();
}
