/** What has to be moved, replaced or renewed when one table takes the place of another, read from the catalog. */

import type { TableName } from '../tables/protocol';
import { TablesRefused } from '../tables/refusals';
import { FAMILY, versionOf } from './definition';
import { type Asks, CAPTURE_TRIGGER, list, quoted, quotedSql, shown } from './names';

/** A table of the swap, or one of its partitions. */
export interface Member extends TableName {
  readonly oid: string;
  /** The table that was asked for, which it is itself where it is not a partition. */
  readonly root: string;
  readonly kind: string;
}

export interface ForeignKey {
  /** Ready for SQL: the table that has it. */
  readonly on: string;
  readonly name: string;
  /** Ready for SQL, with every name in full. */
  readonly definition: string;
  readonly valid: boolean;
  readonly comment: string | null;
  /** Counts rows of `from` that refer to a row which is in none of the others. */
  readonly orphans: (from: string, ...to: string[]) => string;
  /** Ready for SQL: the table that it refers to. */
  readonly to: string;
}

/** Partitions before the tables that they belong to. */
export async function membersOf(db: Asks, tables: readonly TableName[]): Promise<Member[]> {
  const found = await db.rows(`${FAMILY(tables)}
    SELECT c.oid, n.nspname, c.relname, f.root, c.relkind FROM f JOIN pg_class c USING (oid)
    JOIN pg_namespace n ON n.oid = c.relnamespace ORDER BY c.relkind = 'p', c.oid`);
  const members = found.map(([oid, schema, table, root, kind]): Member => {
    return { oid: oid!, schema: schema!, table: table!, root: root!, kind: kind! };
  });
  for (const { schema, table } of tables) {
    if (members.some((member) => member.schema === schema && member.table === table)) continue;
    throw new TablesRefused(
      `${shown({ schema, table })}: there is no table of that name in the live database any more`,
    );
  }
  return members;
}

/** Columns that rows are copied by: generated ones are computed again. */
export async function columnsOf(db: Asks, table: string): Promise<string[]> {
  const found = await db.rows(`SELECT attname FROM pg_attribute
    WHERE attrelid = ${table}::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum`);
  return found.map(([name]) => name!);
}

export interface Key {
  readonly columns: readonly string[];
  /** Ready for SQL: whether two rows have the same key, by the key's own operators. */
  readonly same: (one: string, other: string, otherColumns?: readonly string[]) => string;
}

/** The primary key, or else the unique key of NOT NULL columns that has the fewest. */
export async function keyOf(db: Asks, table: TableName): Promise<Key> {
  const found = await db.rows(`${FAMILY([table])}
    SELECT attname, format('OPERATOR(%I.%s)', pn.nspname, oprname) FROM (
      SELECT x.* FROM pg_index x WHERE x.indrelid IN (SELECT root FROM f) AND x.indisunique AND x.indisvalid
        AND x.indpred IS NULL AND x.indexprs IS NULL
        AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = x.indrelid AND NOT a.attnotnull
          AND a.attnum = ANY ((string_to_array(x.indkey::text, ' ')::int2[])[1:x.indnkeyatts]))
      ORDER BY x.indisprimary DESC, x.indimmediate DESC, x.indnkeyatts, x.indexrelid LIMIT 1) x
    CROSS JOIN LATERAL generate_series(0, x.indnkeyatts - 1) AS i
    JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[i]
    JOIN pg_opclass c ON c.oid = x.indclass[i]
    JOIN pg_amop m ON m.amopfamily = c.opcfamily AND m.amopstrategy = 3 AND m.amoplefttype = c.opcintype
      AND m.amoprighttype = c.opcintype
    JOIN pg_operator o ON o.oid = m.amopopr JOIN pg_namespace pn ON pn.oid = o.oprnamespace ORDER BY i`);
  if (found.length === 0)
    throw new TablesRefused(`${shown(table)}: it has no key any more by which rows can be matched`);
  const columns = found.map(([name]) => name!);
  return {
    columns,
    same: (one, other, otherColumns = columns) =>
      found
        .map(([, operator], i) => `${quoted(one, columns[i]!)} ${operator} ${quoted(other, otherColumns[i]!)}`)
        .join(' AND '),
  };
}

/** What is asked of foreign keys, from which side they are seen. */
export type Side = 'in' | 'out' | 'within';

const SIDES: Readonly<Record<Side, string>> = {
  in: 'confrelid IN (SELECT oid FROM f) AND conrelid NOT IN (SELECT oid FROM f)',
  out: 'conrelid IN (SELECT oid FROM f) AND confrelid NOT IN (SELECT oid FROM f)',
  within: 'conrelid IN (SELECT oid FROM f) AND confrelid IN (SELECT oid FROM f)',
};

/** Without those of partitions that follow from the whole table's, unless all are asked for. */
export async function foreignKeys(db: Asks, tables: readonly TableName[], side: Side): Promise<ForeignKey[]> {
  const found = await db.rows(`${FAMILY(tables)}
    SELECT ${quotedSql('cn.nspname', 'c.relname')}, conname, replace(pg_get_constraintdef(k.oid), ' NOT VALID', ''),
      convalidated,
      obj_description(k.oid, 'pg_constraint'), ${quotedSql('pn.nspname', 'p.relname')},
      (SELECT string_agg(format('p.%I OPERATOR(%I.%s) c.%I', pa.attname, opn.nspname, o.oprname, ca.attname), ' AND '
        ORDER BY i)
        FROM generate_subscripts(conkey, 1) i
        JOIN pg_attribute ca ON ca.attrelid = conrelid AND ca.attnum = conkey[i]
        JOIN pg_attribute pa ON pa.attrelid = confrelid AND pa.attnum = confkey[i]
        JOIN pg_operator o ON o.oid = conpfeqop[i] JOIN pg_namespace opn ON opn.oid = o.oprnamespace),
      (SELECT string_agg(format('c.%I IS NOT NULL', attname), ' AND ') FROM pg_attribute
        WHERE attrelid = conrelid AND attnum = ANY (conkey))
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = conrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace
    JOIN pg_class p ON p.oid = confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
    WHERE contype = 'f' AND conparentid = 0 AND ${SIDES[side]} ORDER BY k.oid`);
  return found.map(([on, name, definition, valid, comment, to, same, given]) => ({
    on: on!,
    name: name!,
    definition: definition!,
    valid: valid === 't',
    comment: comment ?? null,
    to: to!,
    orphans: (from, ...parents) =>
      `SELECT count(*) FROM ${from} c WHERE
        ${given}${parents.map((parent) => ` AND NOT EXISTS (SELECT FROM ${parent} p WHERE ${same})`).join('')}`,
  }));
}

export interface View {
  /** Ready for SQL. */
  readonly name: string;
  /** Ready for SQL. */
  readonly owner: string;
  /** The statement that binds it to the table of that name anew, and changes nothing else. */
  readonly replace: string;
}

const VIEWS = (tables: readonly TableName[]) => `${FAMILY(tables)}, v AS (
  SELECT DISTINCT v.* FROM f
  JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = f.oid AND d.classid = 'pg_rewrite'::regclass
  JOIN pg_rewrite r ON r.oid = d.objid AND r.rulename = '_RETURN' JOIN pg_class v ON v.oid = r.ev_class)`;

export async function viewsOf(db: Asks, tables: readonly TableName[]): Promise<View[]> {
  const found = await db.rows(`${VIEWS(tables)}
    SELECT format('%I.%I', n.nspname, v.relname), pg_get_viewdef(v.oid),
      (SELECT string_agg(format('%I = %L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ') FROM
        unnest(v.reloptions) o), v.relowner::regrole
    FROM v JOIN pg_namespace n ON n.oid = v.relnamespace WHERE v.relkind = 'v' ORDER BY v.oid`);
  return found.map(([name, definition, options, owner]) => ({
    name: name!,
    owner: owner!,
    replace: `CREATE OR REPLACE VIEW ${name}${options ? ` WITH (${options})` : ''} AS ${definition}`,
  }));
}

export interface Named {
  readonly schema: string;
  readonly name: string;
  readonly oid: string;
  /** Ready for SQL. */
  readonly owner: string;
}

const named = (found: Awaited<ReturnType<Asks['rows']>>): Named[] =>
  found.map(([schema, name, oid, owner]) => ({ schema: schema!, name: name!, oid: oid!, owner: owner! }));

export async function materializedViewsOf(db: Asks, tables: readonly TableName[]): Promise<Named[]> {
  return named(
    await db.rows(`${VIEWS(tables)} SELECT n.nspname, v.relname, v.oid, v.relowner::regrole FROM v JOIN pg_namespace
      n ON n.oid = v.relnamespace
      WHERE v.relkind = 'm' ORDER BY v.oid`),
  );
}

export async function statisticsOf(db: Asks, tables: readonly TableName[]): Promise<Named[]> {
  return named(
    await db.rows(`${FAMILY(tables)} SELECT n.nspname, s.stxname, s.oid, s.stxowner::regrole FROM f JOIN
      pg_statistic_ext s ON s.stxrelid = f.oid
      JOIN pg_namespace n ON n.oid = s.stxnamespace ORDER BY s.oid`),
  );
}

export interface Sequence {
  readonly schema: string;
  readonly name: string;
  readonly table: TableName;
  readonly column: string;
  readonly identity: boolean;
  readonly ascending: boolean;
}

export async function sequencesOf(db: Asks, tables: readonly TableName[]): Promise<Sequence[]> {
  const found = await db.rows(`${FAMILY(tables)}
    SELECT sn.nspname, s.relname, tn.nspname, t.relname, attname, deptype, seqincrement > 0
    FROM f JOIN pg_class t ON t.oid = f.oid JOIN pg_namespace tn ON tn.oid = t.relnamespace
    JOIN pg_depend d ON refclassid = 'pg_class'::regclass AND refobjid = f.oid AND classid = 'pg_class'::regclass
      AND deptype IN ('a', 'i') AND refobjsubid > 0
    JOIN pg_class s ON s.oid = objid AND s.relkind = 'S' JOIN pg_namespace sn ON sn.oid = s.relnamespace
    JOIN pg_sequence ON seqrelid = s.oid JOIN pg_attribute ON attrelid = f.oid AND attnum = refobjsubid ORDER BY
      s.oid`);
  return found.map(([schema, name, tableSchema, table, column, kind, ascending]) => ({
    schema: schema!,
    name: name!,
    table: { schema: tableSchema!, table: table! },
    column: column!,
    identity: kind === 'i',
    ascending: ascending === 't',
  }));
}

export interface Trigger {
  readonly table: TableName;
  readonly name: string;
  /** As pg_trigger.tgenabled has it. */
  readonly enabled: string;
}

export async function triggersOf(db: Asks, tables: readonly TableName[]): Promise<Trigger[]> {
  const found = await db.rows(`${FAMILY(tables)} SELECT n.nspname, c.relname, tgname, tgenabled
    FROM f JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_trigger g ON tgrelid =
      f.oid
    WHERE NOT tgisinternal AND tgname NOT LIKE '${CAPTURE_TRIGGER}%' ORDER BY c.relkind <> 'p', g.oid`);
  return found.map(([schema, table, name, enabled]) => {
    return { table: { schema: schema!, table: table! }, name: name!, enabled: enabled! };
  });
}

export interface Publication {
  readonly name: string;
  readonly table: string;
  /** Ready for SQL: columns and filter, with a space ahead where there are any. */
  readonly part: string;
}

export async function publicationsOf(db: Asks, tables: readonly TableName[]): Promise<Publication[]> {
  const filters = (await versionOf(db)) >= 150_000;
  const found = await db.rows(`${FAMILY(tables)}
    SELECT pubname, format('%I.%I', n.nspname, c.relname), ${
      filters
        ? `pg_get_expr(prqual, prrelid),
      (SELECT string_agg(attname, chr(10) ORDER BY attnum) FROM pg_attribute WHERE attrelid = prrelid AND attnum =
        ANY (prattrs))`
        : 'NULL, NULL'
    }
    FROM f JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_publication_rel r ON prrelid = f.oid JOIN pg_publication p ON p.oid = prpubid ORDER BY r.oid`);
  return found.map(([name, table, filter, columns]) => ({
    name: name!,
    table: table!,
    part: `${columns ? ` (${list(columns.split('\n'))})` : ''}${filter ? ` WHERE (${filter})` : ''}`,
  }));
}
