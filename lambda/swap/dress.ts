/**
 * Gives a shadow what hangs on the table that it will replace, under the same names in a schema of its own. Texts are
 * read with the table's schema in the search path, which leaves it out of them, and run with the shadow's in its place.
 * What is there already is not made again, so this goes on where it was cut off.
 */
import { escapeLiteral } from 'pg';
import { type Dressed, STAGING_SCHEMA, type TableName } from '../tables/protocol';
import { type Member, membersOf } from './anatomy';
import { makeForeignKeysOut } from './foreign-keys-out';
import { GARMENTS, GRANTS, OWNERS, TRIGGERS } from './garments';
import type { Live } from './live';
import { makeMaterializedViews } from './materialized-views';
import { type Asks, inSchema, sqlName } from './names';
import { asShadow, type Garment, garmentOf, pathOf, spell } from './spelling';
import { note } from './state';

const notYet = (catalog: string, table: string, name: string, shadow: string) =>
  `NOT EXISTS (SELECT FROM ${catalog} WHERE ${table} = to_regclass(${shadow}) AND ${name})`;

/** Keys and indexes: what takes long, so each has a transaction of its own. Partitions come before the whole table. */
const INDEXES = (member: Member, shadow: string) => `
  SELECT 'constraint ' || quote_ident(conname), 'ALTER TABLE ' || ${shadow} || ' ADD CONSTRAINT ' || quote_ident(conname) || ' ',
    'pg_catalog.pg_get_constraintdef(' || n.oid || ', true)', 1, conname
  FROM pg_constraint n WHERE conrelid = ${member.oid} AND contype IN ('p', 'u', 'x', 'c')
    AND ${notYet('pg_constraint s', 's.conrelid', 's.conname = n.conname', shadow)}
  UNION ALL
  SELECT 'index ' || quote_ident(c.relname), '', format(CASE c.relkind
      -- Without ONLY it takes in the indexes that partitions have got by now.
      WHEN 'I' THEN 'pg_catalog.replace(pg_catalog.pg_get_indexdef(%s, 0, true), '' ON ONLY '', '' ON '')'
      ELSE 'pg_catalog.pg_get_indexdef(%s, 0, true)' END, c.oid), 2, c.relname
  FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
  WHERE x.indrelid = ${member.oid} AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = x.indexrelid AND contype IN ('p', 'u', 'x'))
    AND to_regclass(format('%I.%I', '${STAGING_SCHEMA}', c.relname)) IS NULL
  ORDER BY 4, 5`;

async function makeIndexes(live: Live, schemas: readonly string[], member: Member): Promise<string[]> {
  const shadow = escapeLiteral(sqlName(inSchema(member, STAGING_SCHEMA)));
  const made: string[] = [];
  const garments = await live.transaction(async () =>
    (await live.rows(INDEXES(member, shadow))).map(([name, before, call]) => garmentOf([name!, before!, call!, null])),
  );
  for (const garment of garments) {
    await live.transaction(async () => {
      const path = pathOf(member.schema, schemas);
      const [statement] = await spell(live, path, [garment]);
      await asShadow(live, path, statement!);
    });
    made.push(garment.name);
  }
  return made;
}

export async function dress(live: Live, run: string, tables: readonly TableName[]): Promise<Dressed> {
  const schemas = [...new Set(tables.map(({ schema }) => schema))];
  const members = await live.transaction(() => membersOf(live, tables));
  const made: string[] = [];
  for (const member of members) made.push(...(await makeIndexes(live, schemas, member)));
  const keys = await makeForeignKeysOut(live, tables, STAGING_SCHEMA);
  if (!keys) return { done: false, made };
  made.push(...keys);
  await live.transaction(async () => {
    for (const parts of [GARMENTS, TRIGGERS, OWNERS, GRANTS]) {
      for (const member of members) made.push(...(await wear(live, schemas, member, parts)));
    }
    for (const table of tables) {
      const shadow = escapeLiteral(sqlName(inSchema(table, STAGING_SCHEMA)));
      await note(live, run, table, `restored = ${shadow}::regclass`);
    }
  });
  made.push(...(await makeMaterializedViews(live, tables)));
  for (const table of tables) {
    await live.transaction(() => live.rows(`ANALYZE ${sqlName(inSchema(table, STAGING_SCHEMA))}`));
  }
  return { done: true, made };
}

/** Those that the catalog names for one table. */
async function wear(db: Asks, schemas: readonly string[], member: Member, parts: readonly string[]): Promise<string[]> {
  const shadow = escapeLiteral(sqlName(inSchema(member, STAGING_SCHEMA)));
  const garments: Garment[] = [];
  for (const part of parts) {
    const found = await db.rows(`WITH t AS (
      SELECT c.*, n.nspname, ${shadow} AS shadow, ${shadow}::regclass::oid AS shadow_oid
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ${member.oid}) ${part}`);
    garments.push(...found.map(garmentOf));
  }
  const path = pathOf(member.schema, schemas);
  for (const statement of await spell(db, path, garments)) await asShadow(db, path, statement);
  return [...new Set(garments.map(({ name }) => name).filter((name) => name !== ''))];
}
