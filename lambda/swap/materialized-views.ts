/**
 * Materialized views over a table that is swapped: made anew over the shadow, under the same names, so that a swap moves
 * them in with it. What they hold then misses what was caught up with, so they are filled again after the swap.
 */
import { escapeIdentifier, escapeLiteral } from 'pg';
import { STAGING_SCHEMA, type TableName } from '../tables/protocol';
import { materializedViewsOf, type Named } from './anatomy';
import type { Live } from './live';
import { type Asks, quoted } from './names';
import { asShadow, type Garment, pathOf, spell } from './spelling';

/** @returns names of those that were made */
export async function makeMaterializedViews(live: Live, tables: readonly TableName[]): Promise<string[]> {
  const schemas = [...new Set(tables.map(({ schema }) => schema))];
  const made: string[] = [];
  for (const view of await live.transaction(() => materializedViewsOf(live, tables))) {
    const name = quoted(STAGING_SCHEMA, view.name);
    const path = pathOf(view.schema, schemas);
    const isMade = await live.transaction(async () => {
      const [there] = await live.rows(`SELECT to_regclass(${escapeLiteral(name)}) IS NOT NULL`);
      if (there![0] === 't') return false;
      for (const statement of await spell(live, path, await garmentsOf(live, view, name)))
        await asShadow(live, path, statement);
      return true;
    });
    if (isMade) made.push(`materialized view ${view.name}`);
  }
  return made;
}

async function garmentsOf(db: Asks, { oid }: Named, name: string): Promise<Garment[]> {
  const options = `(SELECT string_agg(format('%I = %L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ')
    FROM unnest(c.reloptions) o)`;
  const [head] =
    await db.rows(`SELECT ${options}, c.relispopulated, c.relowner::regrole, obj_description(c.oid, 'pg_class'),
      m.amname,
      c.relowner <> current_user::regrole, has_schema_privilege(c.relowner, '${STAGING_SCHEMA}', 'CREATE')
    FROM pg_class c LEFT JOIN pg_am m ON m.oid = c.relam WHERE c.oid = ${oid}`);
  const [storage, populated, owner, comment, , others, allowed] = head!;
  const garments: Garment[] = [
    {
      name: '',
      before: `CREATE MATERIALIZED VIEW ${name}${storage ? ` WITH (${storage})` : ''} AS `,
      call: `pg_catalog.rtrim(pg_catalog.pg_get_viewdef(${oid}::pg_catalog.oid), '; ')`,
      after: populated === 't' ? '' : ' WITH NO DATA',
    },
  ];
  const indexes = await db.rows(`SELECT indexrelid, c.relname, obj_description(indexrelid, 'pg_class'), indisclustered
    FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE indrelid = ${oid} ORDER BY c.relname`);
  for (const [index, indexName, indexComment, clustered] of indexes) {
    garments.push({ ...complete(''), call: `pg_catalog.pg_get_indexdef(${index}, 0, true)` });
    if (indexComment !== null) {
      garments.push(
        complete(`COMMENT ON INDEX ${quoted(STAGING_SCHEMA, indexName!)} IS ${escapeLiteral(indexComment!)}`),
      );
    }
    if (clustered === 't')
      garments.push(complete(`ALTER MATERIALIZED VIEW ${name} CLUSTER ON ${escapeIdentifier(indexName!)}`));
  }
  const columns = await db.rows(`SELECT attname, attstattarget, attstorage, col_description(attrelid, attnum),
      (SELECT string_agg(format('%I = %L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ') FROM
        unnest(attoptions) o),
      typstorage
    FROM pg_attribute JOIN pg_type t ON t.oid = atttypid WHERE attrelid = ${oid} AND attnum > 0 AND NOT attisdropped
      ORDER BY attnum`);
  for (const [column, statistics, kept, columnComment, columnOptions, usual] of columns) {
    const alter = `ALTER MATERIALIZED VIEW ${name} ALTER COLUMN ${escapeIdentifier(column!)}`;
    if (statistics !== null && Number(statistics) >= 0)
      garments.push(complete(`${alter} SET STATISTICS ${statistics}`));
    if (kept !== usual) garments.push(complete(`${alter} SET STORAGE ${STORAGE[kept!]}`));
    if (columnOptions) garments.push(complete(`${alter} SET (${columnOptions})`));
    if (columnComment !== null) {
      garments.push(
        complete(`COMMENT ON COLUMN ${name}.${escapeIdentifier(column!)} IS ${escapeLiteral(columnComment!)}`),
      );
    }
  }
  if (comment !== null) garments.push(complete(`COMMENT ON MATERIALIZED VIEW ${name} IS ${escapeLiteral(comment!)}`));
  if (others === 't') {
    if (allowed === 'f') garments.push(complete(`GRANT USAGE, CREATE ON SCHEMA ${STAGING_SCHEMA} TO ${owner}`));
    garments.push(complete(`ALTER MATERIALIZED VIEW ${name} OWNER TO ${owner}`));
  }
  return [...garments, ...(await grantsOf(db, oid, name))];
}

async function grantsOf(db: Asks, oid: string, name: string): Promise<Garment[]> {
  const grantee = "CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END";
  // Default privileges of the schema of ours may have given some to the new one: a list of its own replaces them.
  const found = await db.rows(`
    SELECT format('REVOKE ALL ON ${name.replaceAll("'", "''").replaceAll('%', '%%')} FROM %s', r) FROM (
      SELECT DISTINCT ${grantee} r FROM pg_default_acl, aclexplode(defaclacl) WHERE defaclobjtype = 'r' UNION SELECT
        'PUBLIC') d
    UNION ALL SELECT * FROM (
      SELECT format('GRANT %s ON ${name.replaceAll("'", "''").replaceAll('%', '%%')} TO
        %s%s', privilege_type, ${grantee},
        CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END)
      FROM pg_class, aclexplode(coalesce(relacl, acldefault('r', relowner))) WHERE oid = ${oid}
      UNION ALL
      SELECT format('GRANT %s (%I) ON ${name.replaceAll("'", "''").replaceAll('%', '%%')} TO
        %s%s', privilege_type, attname, ${grantee},
        CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END)
      FROM pg_attribute, aclexplode(attacl) WHERE attrelid = ${oid} AND attnum > 0) given`);
  return found.map(([statement]) => complete(statement!));
}

const complete = (statement: string): Garment => ({ name: '', before: statement, call: undefined, after: '' });

const STORAGE: Readonly<Record<string, string>> = { p: 'PLAIN', e: 'EXTERNAL', m: 'MAIN', x: 'EXTENDED' };
