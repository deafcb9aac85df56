/**
 * The statements that give a shadow all that is quick to make. Each query reads one table as `t`, its entry in pg_class,
 * with `shadow`, the shadow's name ready for SQL, and `shadow_oid`; it gives a name for people, the statement's
 * beginning, a call that gives its middle by the search path, and its end.
 */

import { STAGING_SCHEMA } from '../tables/protocol';
import { CAPTURE_TRIGGER, KEPT_SCHEMA } from './names';

const options = (array: string, prefix = '') =>
  `(SELECT string_agg(format('${prefix}%I = %L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ') FROM
    unnest(${array}) o)`;

const column = `JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_attribute s ON s.attrelid = t.shadow_oid AND s.attname = a.attname`;

const alter = (how: string, ...values: string[]) =>
  `format('ALTER TABLE ONLY %s ALTER COLUMN %I ${how}', ${['shadow', 'a.attname', ...values].join(', ')})`;

/** What a function of PostgreSQL's makes of a row of a catalog. */
const from = (expression: string, catalog: string, oid: string) =>
  `format('(SELECT ${expression} FROM pg_catalog.${catalog} x WHERE x.oid OPERATOR(pg_catalog.=) %s::pg_catalog.oid)', ${oid})`;

const SEQUENCES = `JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.classid =
  'pg_class'::regclass
  AND d.deptype = 'i' AND d.refobjsubid > 0 JOIN pg_class q ON q.oid = d.objid AND q.relkind = 'S'`;
const SHADOW_SEQUENCE = `format('%I.%I', '${STAGING_SCHEMA}', q.relname)`;

/** A comment, where there is one. */
const comment = (what: string, catalog: string, oid: string, joins: string, sub = '0') => `
  SELECT NULL, format('COMMENT ON %s IS %L', ${what}, m.description), NULL, NULL
  FROM t ${joins} JOIN pg_description m ON m.classoid = '${catalog}'::regclass AND m.objoid = ${oid} AND m.objsubid =
    ${sub}`;

const grantee = (role: string) => `CASE ${role} WHEN 0 THEN 'PUBLIC' ELSE ${role}::regrole::text END`;

/**
 * Whoever has rights on the new object, by default privileges, loses them first: only those of the old one count.
 *
 * @param kind TABLE or SEQUENCE
 */
const grants = (kind: 'TABLE' | 'SEQUENCE', old: string, made: string, name: string, joins: string): string[] => [
  `SELECT NULL, format('REVOKE ALL ON ${kind} %s FROM %s', ${name}, ${grantee('g.grantee')}), NULL, NULL
    FROM t ${joins} JOIN pg_class made ON made.oid = ${made} CROSS JOIN LATERAL aclexplode(coalesce(made.relacl,
      acldefault('${kind === 'TABLE' ? 'r' : 'S'}', made.relowner))) g
    WHERE made.relacl IS NOT NULL OR ${old}.relacl IS NOT NULL GROUP BY t.oid, made.oid, g.grantee, ${name}`,
  `SELECT ${kind === 'TABLE' ? "'grants'" : 'NULL'}, format('GRANT %s ON ${kind} %s TO %s%s', g.privilege_type, ${name},
      ${grantee('g.grantee')}, CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' END), NULL, NULL
    FROM t ${joins} JOIN pg_class made ON made.oid = ${made} CROSS JOIN LATERAL aclexplode(coalesce(${old}.relacl,
      acldefault('${kind === 'TABLE' ? 'r' : 'S'}', ${old}.relowner))) g
    WHERE made.relacl IS NOT NULL OR ${old}.relacl IS NOT NULL`,
];

export const GARMENTS: readonly string[] = [
  // Settings of the table and of its columns.
  `SELECT 'storage parameters', format('ALTER TABLE %s SET (%s)', shadow, ${options('t.reloptions')}), NULL, NULL
    FROM t WHERE t.reloptions IS NOT NULL`,
  `SELECT 'storage parameters', format('ALTER TABLE %s SET (%s)', shadow, ${options('o.reloptions', 'toast.')}),
    NULL, NULL
    FROM t JOIN pg_class o ON o.oid = t.reltoastrelid WHERE o.reloptions IS NOT NULL`,
  `SELECT NULL, ${alter('SET NOT NULL')}, NULL, NULL FROM t ${column} WHERE a.attnotnull AND NOT s.attnotnull`,
  `SELECT NULL, ${alter('SET STORAGE %s', "CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended' END")},
    NULL, NULL FROM t ${column} WHERE a.attstorage <> s.attstorage`,
  `SELECT NULL, ${alter('SET COMPRESSION %s', "CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' ELSE 'default' END")},
    NULL, NULL FROM t ${column} WHERE a.attcompression <> s.attcompression`,
  `SELECT NULL, ${alter('SET STATISTICS %s', 'a.attstattarget')}, NULL, NULL FROM t ${column} WHERE a.attstattarget
    >= 0`,
  `SELECT NULL, ${alter('SET (%s)', options('a.attoptions'))}, NULL, NULL FROM t ${column} WHERE a.attoptions IS NOT
    NULL`,
  `SELECT 'default of ' || quote_ident(a.attname), ${alter('SET DEFAULT ')},
    ${from('pg_catalog.pg_get_expr(x.adbin, x.adrelid)', 'pg_attrdef', 'e.oid')}, ''
    FROM t ${column} JOIN pg_attrdef e ON e.adrelid = t.oid AND e.adnum = a.attnum WHERE a.attgenerated = ''`,
  `SELECT 'identity of ' || quote_ident(a.attname), ${alter(
    'ADD GENERATED %s AS IDENTITY (SEQUENCE NAME %s START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s %s)',
    "CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END",
    SHADOW_SEQUENCE,
    'n.seqstart, n.seqincrement, n.seqmin, n.seqmax, n.seqcache',
    "CASE WHEN n.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END",
  )}, NULL, NULL
    FROM t ${SEQUENCES} JOIN pg_sequence n ON n.seqrelid = q.oid ${column}
    WHERE a.attnum = d.refobjsubid AND a.attidentity <> '' AND s.attidentity = ''`,
  // Extended statistics, whose text begins with a name in full.
  `SELECT 'statistics ' || quote_ident(x.stxname), format('CREATE STATISTICS %I.%I', '${STAGING_SCHEMA}', x.stxname),
    format('pg_catalog.substr(pg_catalog.pg_get_statisticsobjdef(%s), %s)', x.oid,
      length(format('CREATE STATISTICS %I.%I', n.nspname, x.stxname)) + 1), ''
    FROM t JOIN pg_statistic_ext x ON x.stxrelid = t.oid JOIN pg_namespace n ON n.oid = x.stxnamespace
    WHERE NOT EXISTS (SELECT FROM pg_statistic_ext s WHERE s.stxrelid = t.shadow_oid AND s.stxname = x.stxname)`,
  `SELECT NULL, format('ALTER STATISTICS %I.%I SET STATISTICS %s', '${STAGING_SCHEMA}', stxname, stxstattarget),
    NULL, NULL
    FROM t JOIN pg_statistic_ext ON stxrelid = t.oid WHERE stxstattarget >= 0`,
  `SELECT 'trigger ' || quote_ident(g.tgname), '', format('pg_catalog.pg_get_triggerdef(%s, true)', g.oid), ''
    FROM t JOIN pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal AND g.tgparentid = 0
      AND g.tgname NOT LIKE '${CAPTURE_TRIGGER}%'
    WHERE NOT EXISTS (SELECT FROM pg_trigger s WHERE s.tgrelid = t.shadow_oid AND s.tgname = g.tgname)`,
  `SELECT 'policy ' || quote_ident(p.polname), format('CREATE POLICY %I ON %s AS %s FOR %s TO %s', p.polname, shadow,
      CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
      CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE
        'ALL' END,
      (SELECT string_agg(${grantee('r')}, ', ') FROM unnest(p.polroles) r)),
    ${from(
      `pg_catalog.concat(
        CASE WHEN x.polqual IS NOT NULL THEN pg_catalog.concat('' USING ('', pg_catalog.pg_get_expr(x.polqual,
          x.polrelid), '')'') END,
        CASE WHEN x.polwithcheck IS NOT NULL THEN pg_catalog.concat('' WITH CHECK ('',
          pg_catalog.pg_get_expr(x.polwithcheck, x.polrelid), '')'') END)`,
      'pg_policy',
      'p.oid',
    )}, ''
    FROM t JOIN pg_policy p ON p.polrelid = t.oid
    WHERE NOT EXISTS (SELECT FROM pg_policy s WHERE s.polrelid = t.shadow_oid AND s.polname = p.polname)`,
  `SELECT 'row security', format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', shadow), NULL, NULL FROM t WHERE
    relrowsecurity`,
  `SELECT NULL, format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', shadow), NULL, NULL FROM t WHERE relforcerowsecurity`,
  // Indexes have settings of their own, which a constraint's text leaves out.
  `SELECT NULL, format('ALTER INDEX %I.%I SET (%s)', '${STAGING_SCHEMA}', c.relname, ${options('c.reloptions')}),
    NULL, NULL
    FROM t JOIN pg_index x ON x.indrelid = t.oid JOIN pg_class c ON c.oid = x.indexrelid WHERE c.reloptions IS NOT
      NULL`,
  `SELECT NULL, format('ALTER INDEX %I.%I ALTER COLUMN %s SET STATISTICS %s', '${STAGING_SCHEMA}', c.relname,
    a.attnum, a.attstattarget), NULL, NULL
    FROM t JOIN pg_index x ON x.indrelid = t.oid JOIN pg_class c ON c.oid = x.indexrelid
    JOIN pg_attribute a ON a.attrelid = c.oid WHERE a.attstattarget >= 0`,
  `SELECT NULL, format('ALTER TABLE %s CLUSTER ON %I', shadow, c.relname), NULL, NULL
    FROM t JOIN pg_index x ON x.indrelid = t.oid AND x.indisclustered JOIN pg_class c ON c.oid = x.indexrelid`,
  `SELECT 'replica identity', format('ALTER TABLE %s REPLICA IDENTITY %s', shadow, CASE t.relreplident WHEN 'f' THEN
    'FULL'
      WHEN 'n' THEN 'NOTHING' ELSE (SELECT format('USING INDEX %I', c.relname) FROM pg_index x JOIN pg_class c ON
        c.oid = x.indexrelid
        WHERE x.indrelid = t.oid AND x.indisreplident) END), NULL, NULL
    FROM t WHERE t.relreplident IN ('f', 'n') OR t.relreplident = 'i' AND EXISTS (SELECT FROM pg_index x WHERE
      x.indrelid = t.oid AND x.indisreplident)`,
  // Comments.
  comment("'TABLE ' || shadow", 'pg_class', 't.oid', ''),
  comment("format('COLUMN %s.%I', shadow, a.attname)", 'pg_class', 't.oid', column, 'a.attnum'),
  comment(
    "format('CONSTRAINT %I ON %s', n.conname, shadow)",
    'pg_constraint',
    'n.oid',
    "JOIN pg_constraint n ON n.conrelid = t.oid AND n.contype NOT IN ('f', 't')",
  ),
  comment(
    `format('INDEX %I.%I', '${STAGING_SCHEMA}', c.relname)`,
    'pg_class',
    'c.oid',
    'JOIN pg_index x ON x.indrelid = t.oid JOIN pg_class c ON c.oid = x.indexrelid',
  ),
  comment(
    "format('POLICY %I ON %s', p.polname, shadow)",
    'pg_policy',
    'p.oid',
    'JOIN pg_policy p ON p.polrelid = t.oid',
  ),
  comment(
    `format('STATISTICS %I.%I', '${STAGING_SCHEMA}', x.stxname)`,
    'pg_statistic_ext',
    'x.oid',
    'JOIN pg_statistic_ext x ON x.stxrelid = t.oid',
  ),
  comment(`'SEQUENCE ' || ${SHADOW_SEQUENCE}`, 'pg_class', 'q.oid', SEQUENCES),
];

/** Read once the ones above were run, for partitions as well: they have triggers from the table that they belong to. */
export const TRIGGERS: readonly string[] = [
  // They stay still until the swap.
  `SELECT NULL, format('ALTER TABLE %s DISABLE TRIGGER %I', shadow, g.tgname), NULL, NULL
    FROM t JOIN pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal AND g.tgname NOT LIKE '${CAPTURE_TRIGGER}%'`,
  comment(
    "format('TRIGGER %I ON %s', g.tgname, shadow)",
    'pg_trigger',
    'g.oid',
    'JOIN pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal',
  ),
];

/** Read once the ones above were run: the rights on a table are its owner's to give. */
export const OWNERS: readonly string[] = [
  // A new owner must be able to create in the schema; where it may already, nothing is asked for.
  `SELECT NULL, format('GRANT USAGE, CREATE ON SCHEMA ${STAGING_SCHEMA} TO %s', t.relowner::regrole), NULL, NULL
    FROM t WHERE NOT has_schema_privilege(t.relowner, '${STAGING_SCHEMA}', 'CREATE')`,
  // Foreign keys of a table that has left its schema still run as its owner, until they are dropped.
  `SELECT DISTINCT NULL, format('GRANT USAGE ON SCHEMA ${KEPT_SCHEMA} TO %s', t.relowner::regrole), NULL, NULL
    FROM t WHERE NOT has_schema_privilege(t.relowner, '${KEPT_SCHEMA}', 'USAGE')`,
  `SELECT 'owner', format('ALTER TABLE %s OWNER TO %s', shadow, t.relowner::regrole), NULL, NULL
    FROM t JOIN pg_class s ON s.oid = t.shadow_oid WHERE s.relowner <> t.relowner`,
  `SELECT NULL, format('ALTER STATISTICS %I.%I OWNER TO %s', '${STAGING_SCHEMA}', x.stxname, x.stxowner::regrole),
    NULL, NULL
    FROM t JOIN pg_statistic_ext x ON x.stxrelid = t.oid
    JOIN pg_statistic_ext s ON s.stxrelid = t.shadow_oid AND s.stxname = x.stxname AND s.stxowner <> x.stxowner`,
];

export const GRANTS: readonly string[] = [
  ...grants('TABLE', 't', 't.shadow_oid', 'shadow', ''),
  ...grants('SEQUENCE', 'q', `to_regclass(${SHADOW_SEQUENCE})`, SHADOW_SEQUENCE, SEQUENCES),
  `SELECT NULL, format('GRANT %s (%I) ON %s TO %s%s', g.privilege_type, a.attname, shadow, ${grantee('g.grantee')},
      CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' END), NULL, NULL
    FROM t ${column} CROSS JOIN LATERAL aclexplode(a.attacl) g`,
];
