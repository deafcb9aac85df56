/**
 * What hangs on a table that is to be swapped: a closed world. Everything that the catalog says depends on it, or on a
 * part of it, is either of a kind that a swap carries over, or refused by name before anything is done.
 */
import { printable } from '../examiner/postgres-error';
import type { Row } from '../examiner/session';
import { STAGING_SCHEMA, type TableName } from '../tables/protocol';
import { definitionOf } from './definition';
import { type Asks, CAPTURE_TRIGGER, KEPT_SCHEMA, OURS, oidsOf, shown, sqlName } from './names';
import { refusalsOfProperties } from './property-rules';

export interface Inventory {
  /** What the swap carries over, by kind and name. */
  readonly carried: readonly string[];
  /** What it can't, by name, each with what to do. */
  readonly refused: readonly string[];
  readonly warnings: readonly string[];
}

/** @param together all tables of the swap: what ties them to each other is carried with them */
export async function inventoryOf(db: Asks, table: TableName, together: readonly TableName[]): Promise<Inventory> {
  const [found] = await db.rows(`SELECT ${oidsOf([table])}`);
  if (found![0] === '{NULL}') {
    const refused = `${shown(table)}: there is no table of that name in the live database, so a swap has nothing to
      replace`;
    return { carried: [], refused: [refused], warnings: [] };
  }
  const properties = await refusalsOfProperties(db, table);
  const refused = [...refusedTogether(table, together), ...properties.refused, ...(await refusedDependents(db, table))];
  const carried = (await definitionOf(db, [table]))
    .filter(({ kind }) => kind !== 'table' && kind !== 'column')
    .map(({ kind, name }) => printable(`${kind} ${name}`));
  return { carried: [...new Set(carried)], refused: [...new Set(refused)], warnings: properties.warnings };
}

function refusedTogether(table: TableName, together: readonly TableName[]): string[] {
  const name = shown(table);
  if (OURS.includes(table.schema)) {
    return [`${name}: schema ${table.schema} belongs to Lifeboat, and its tables are not recovered`];
  }
  const twin = together.find((other) => other.table === table.table && other.schema !== table.schema);
  return twin
    ? [`${name}: ${shown(twin)} has the same name, and both would be staged under it; recover one after the other`]
    : [];
}

/** The table, its partitions, and all that PostgreSQL drops with them, as `mine`; what else depends on that, as `others`. */
const DEPENDENTS = (table: TableName) => `
  WITH RECURSIVE family (oid) AS (
    SELECT unnest(${oidsOf([table])})
    UNION SELECT i.inhrelid FROM pg_inherits i JOIN family f ON f.oid = i.inhparent),
  mine (classid, objid, sequence) AS (
    SELECT 'pg_class'::regclass::oid, f.oid, NULL::"char" FROM family f
    UNION SELECT d.classid, d.objid, CASE WHEN s.relkind = 'S' THEN d.deptype END
    FROM mine m
    JOIN pg_depend d ON d.refclassid = m.classid AND d.refobjid = m.objid AND d.deptype IN ('a', 'i', 'P', 'S')
    LEFT JOIN pg_class s ON d.classid = 'pg_class'::regclass AND s.oid = d.objid
    LEFT JOIN pg_constraint n ON d.classid = 'pg_constraint'::regclass AND n.oid = d.objid
    LEFT JOIN pg_trigger g ON d.classid = 'pg_trigger'::regclass AND g.oid = d.objid
    LEFT JOIN pg_policy p ON d.classid = 'pg_policy'::regclass AND p.oid = d.objid
    LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    LEFT JOIN pg_attrdef a ON d.classid = 'pg_attrdef'::regclass AND a.oid = d.objid
    WHERE (g.tgisinternal OR coalesce(n.conrelid, g.tgrelid, p.polrelid, r.ev_class, a.adrelid) IS NULL
        OR coalesce(n.conrelid, g.tgrelid, p.polrelid, r.ev_class, a.adrelid) IN (SELECT f.oid FROM family f))),
  hanging AS (
    SELECT m.classid, m.objid, 0 AS objsubid, true AS own, NULL::"char" AS sequence FROM mine m
    UNION SELECT d.classid, d.objid, d.objsubid, false, m.sequence
    FROM pg_depend d JOIN mine m ON m.classid = d.refclassid AND m.objid = d.refobjid
    WHERE NOT EXISTS (SELECT FROM mine o WHERE o.classid = d.classid AND o.objid = d.objid))
  SELECT h.classid::regclass::text, pg_describe_object(h.classid, h.objid, h.objsubid), h.own, c.relkind,
    coalesce(g.tgisinternal, false)
  FROM hanging h
  LEFT JOIN pg_class c ON h.classid = 'pg_class'::regclass AND c.oid = h.objid
  LEFT JOIN pg_constraint n ON h.classid = 'pg_constraint'::regclass AND n.oid = h.objid
  LEFT JOIN pg_trigger g ON h.classid = 'pg_trigger'::regclass AND g.oid = h.objid
  LEFT JOIN pg_rewrite r ON h.classid = 'pg_rewrite'::regclass AND r.oid = h.objid
  LEFT JOIN pg_class v ON v.oid = r.ev_class
  WHERE NOT coalesce(
    -- A serial column's sequence goes over to the new column, so that whatever else uses it goes on.
    h.sequence = 'a'
    OR g.tgisinternal OR g.tgname LIKE '${CAPTURE_TRIGGER}%'
    OR CASE WHEN h.own
      THEN c.relkind IN ('r', 'p', 'i', 'I', 'S', 't') OR n.contype IN ('c', 'f', 'n', 'p', 't', 'u', 'x')
        OR h.classid IN ('pg_type'::regclass, 'pg_attrdef'::regclass, 'pg_trigger'::regclass, 'pg_policy'::regclass,
          'pg_statistic_ext'::regclass, 'pg_publication_rel'::regclass)
      ELSE n.contype = 'f' AND n.confrelid IN (SELECT oid FROM family)
        OR r.rulename = '_RETURN' AND v.relkind IN ('v', 'm') AND h.sequence IS NULL
      END, false)
  UNION ALL
  SELECT 'pg_extension', pg_describe_object(d.classid, d.objid, d.objsubid) || ' of '
    || pg_describe_object(d.refclassid, d.refobjid, 0), false, NULL, false
  FROM pg_depend d JOIN mine m ON m.classid = d.classid AND m.objid = d.objid WHERE d.deptype IN ('e', 'x')
  UNION ALL
  SELECT 'pg_seclabel', pg_describe_object(l.classoid, l.objoid, l.objsubid) || ' by provider ' || l.provider, true,
    NULL, false
  FROM pg_seclabel l JOIN mine m ON m.classid = l.classoid AND m.objid = l.objoid
  ORDER BY 2`;

const INSTEAD = 'insert-missing and overwrite-changed leave it as it is';

async function refusedDependents(db: Asks, table: TableName): Promise<string[]> {
  const found = await db.rows(DEPENDENTS(table));
  return found.map((row) => `${shown(table)}: ${whyNot(row)}`);
}

function whyNot([catalog, described, own]: Row): string {
  const what = printable(described!);
  switch (catalog) {
    case 'pg_proc':
      return (
        `${what} takes or returns its rows, or has a body of SQL that names it, so it would stay ` +
        `bound to the old table; drop it for the time of the swap; ${INSTEAD}`
      );
    case 'pg_rewrite':
      return own === 't'
        ? `the ${what} would be lost; make it a trigger, or drop it for the time of the swap; ${INSTEAD}`
        : `${what} names it, and would stay bound to the old table or its sequence; drop it for the ` +
            `time of the swap; ${INSTEAD}`;
    case 'pg_extension':
      return `${what} would be lost to the extension; ALTER EXTENSION ... DROP takes it out of it; ${INSTEAD}`;
    case 'pg_seclabel':
      return (
        `the security label of ${what} can't be carried over; remove it (IS NULL) for the time of the ` +
        `swap; ${INSTEAD}`
      );
    case 'pg_policy':
    case 'pg_trigger':
      return `${what} names it, and would stay bound to the old table; drop it for the time of the swap; ${INSTEAD}`;
    default:
      return (
        `${what} depends on it, and can't be carried over to a new table; drop it for the time of the ` +
        `swap; ${INSTEAD}`
      );
  }
}

/** @returns what is still there from another recovery, under the names that this one needs */
export async function leftovers(db: Asks, tables: readonly TableName[]): Promise<string[]> {
  const places = tables.flatMap(({ table }) => [
    { schema: STAGING_SCHEMA, table },
    { schema: KEPT_SCHEMA, table },
  ]);
  if (places.length === 0) return [];
  const found = await db.rows(`SELECT unnest(${oidsOf(places)}) IS NOT NULL`);
  return places.flatMap((place, index) => (found[index]![0] === 't' ? [sqlName(place)] : []));
}
