/**
 * Gives a shadow what hangs on the table that it will replace, under the same names in a schema of its own. Texts are
 * read with the table's schema in the search path, which leaves it out of them, and run with the shadow's in its place.
 * What is there already is not made again, so this goes on where it was cut off.
 */
import { escapeIdentifier, escapeLiteral } from 'pg';
import { foreignKeys, type Member, membersOf } from './anatomy';
import { GARMENTS, GRANTS, OWNERS } from './garments';
import type { Live } from './live';
import { type Asks, inSchema, list, sqlName } from './names';
import { type Dressed, STAGING_SCHEMA, type TableName } from './protocol';
import { TablesRefused } from './refused';
import { ensureSchema, note } from './state';

/** A statement that is not complete before the catalog has given a text: `before`, that text, `after`. */
interface Garment {
  readonly name: string;
  readonly before: string;
  /** Ready for SQL, of a function that gives a text by the search path; none where `before` is complete. */
  readonly call: string | undefined;
  readonly after: string;
}

const PINNED = 'SET LOCAL search_path = pg_catalog, pg_temp';

/** The statements, read with the tables' own schemas in the path. */
export async function spell(db: Asks, schemas: readonly string[], garments: readonly Garment[]): Promise<string[]> {
  const calls = garments.filter(({ call }) => call !== undefined);
  if (calls.length === 0) return garments.map(({ before }) => before);
  await db.rows(`SET LOCAL search_path = ${list(schemas)}, pg_temp`);
  const [texts] = await db.rows(`SELECT ${calls.map(({ call }) => call).join(', ')}`);
  await db.rows(PINNED);
  return garments.map((garment) => {
    const at = calls.indexOf(garment);
    return at < 0 ? garment.before : `${garment.before}${texts![at] ?? ''}${garment.after}`;
  });
}

/** Runs statements that name tables bare, so that they mean the shadows. */
export async function asShadow(db: Asks, schemas: readonly string[], statement: string): Promise<void> {
  await db.rows(`SET LOCAL search_path = ${list([STAGING_SCHEMA, ...schemas])}, pg_temp`);
  await db.rows(statement);
  await db.rows(PINNED);
}

/** Made bare: columns as they are in the live table, and partitions. @returns whether it was not there */
export async function makeShadow(db: Asks, table: TableName): Promise<boolean> {
  await ensureSchema(db, STAGING_SCHEMA);
  const members = await membersOf(db, [table]);
  const [there] = await db.rows(
    `SELECT to_regclass(${escapeLiteral(sqlName(inSchema(table, STAGING_SCHEMA)))}) IS NOT NULL`,
  );
  if (there![0] === 't') return false;
  const root = members.find(({ oid, root }) => oid === root)!;
  const like = (member: Member) =>
    `CREATE TABLE ${sqlName(inSchema(member, STAGING_SCHEMA))} (LIKE ${sqlName(member)} INCLUDING GENERATED INCLUDING STORAGE INCLUDING COMPRESSION)`;
  if (root.kind !== 'p') {
    await db.rows(like(root));
    return true;
  }
  for (const member of members) {
    const [found] = await db.rows(
      `SELECT pg_get_partkeydef(oid), pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid = ${member.oid}`,
    );
    if (member === root) await db.rows(`${like(member)} PARTITION BY ${found![0]}`);
    else await db.rows(like(member));
  }
  for (const member of members.filter((other) => other !== root)) {
    const [bound] = await db.rows(`SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid = ${member.oid}`);
    const [parent, part] = [root, member].map((one) => sqlName(inSchema(one, STAGING_SCHEMA)));
    await db.rows(`ALTER TABLE ${parent} ATTACH PARTITION ${part} ${bound![0]}`);
  }
  return true;
}

const notYet = (catalog: string, table: string, name: string, shadow: string) =>
  `NOT EXISTS (SELECT FROM ${catalog} WHERE ${table} = to_regclass(${shadow}) AND ${name})`;

/** Keys and indexes: what takes long, so each has a transaction of its own. Partitions come before the whole table. */
const INDEXES = (member: Member, shadow: string) => `
  SELECT 'constraint ' || quote_ident(conname), 'ALTER TABLE ' || ${shadow} || ' ADD CONSTRAINT ' || quote_ident(conname) || ' ',
    'pg_catalog.pg_get_constraintdef(' || n.oid || ', true)', 1, conname
  FROM pg_constraint n WHERE conrelid = ${member.oid} AND contype IN ('p', 'u', 'x', 'c')
    AND ${notYet('pg_constraint s', 's.conrelid', 's.conname = n.conname', shadow)}
  UNION ALL
  SELECT 'index ' || quote_ident(c.relname), '', 'pg_catalog.pg_get_indexdef(' || c.oid || ', 0, true)', 2, c.relname
  FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
  WHERE x.indrelid = ${member.oid} AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = x.indexrelid AND contype IN ('p', 'u', 'x'))
    AND to_regclass(format('%I.%I', '${STAGING_SCHEMA}', c.relname)) IS NULL
  ORDER BY 4, 5`;

async function makeIndexes(live: Live, schemas: readonly string[], member: Member): Promise<string[]> {
  const shadow = escapeLiteral(sqlName(inSchema(member, STAGING_SCHEMA)));
  const made: string[] = [];
  const garments = await live.transaction(async () =>
    (await live.rows(INDEXES(member, shadow))).map(
      ([name, before, call]): Garment => ({ name: name!, before: before!, call: call!, after: '' }),
    ),
  );
  for (const garment of garments) {
    await live.transaction(async () => {
      const path = [member.schema, ...schemas.filter((schema) => schema !== member.schema)];
      const [statement] = await spell(live, path, [garment]);
      await asShadow(live, path, statement!);
    });
    made.push(garment.name);
  }
  return made;
}

/** Foreign keys to tables that are not swapped: added at once, and validated without keeping anybody from writing. */
export async function makeForeignKeysOut(
  live: Live,
  tables: readonly TableName[],
  incoming: string,
  from = tables,
): Promise<string[] | undefined> {
  const made: string[] = [];
  const keys = await live.transaction(() => foreignKeys(live, from, 'out'));
  for (const { on, name, definition, valid, comment, to, orphans } of keys) {
    const table = await live.transaction(async () => {
      const [found] = await live.rows(
        `SELECT format('%I.%I', ${escapeLiteral(incoming)}, relname) FROM pg_class WHERE oid = ${escapeLiteral(on)}::regclass`,
      );
      return found![0]!;
    });
    const stands = async () => {
      const [found] = await live.rows(`SELECT bool_or(convalidated) FROM pg_constraint
        WHERE conrelid = ${escapeLiteral(table)}::regclass AND conname = ${escapeLiteral(name)}`);
      return found![0];
    };
    const there = await live.transaction(stands);
    if (there === null) {
      const won = await live.briefly(async () => {
        await live.rows(`ALTER TABLE ${table} ADD CONSTRAINT ${escapeIdentifier(name)} ${definition} NOT VALID`);
        if (comment !== null) {
          await live.rows(`COMMENT ON CONSTRAINT ${escapeIdentifier(name)} ON ${table} IS ${escapeLiteral(comment)}`);
        }
      });
      if (!won) return undefined;
      made.push(`foreign key ${name}`);
    }
    if (!valid || there === 't') continue;
    const [count] = await live.transaction(() => live.rows(orphans(table, to)));
    if (count![0] !== '0') {
      throw new TablesRefused(
        `${on}: ${count![0]} of the rows for it refer, by foreign key ${name}, to rows that ${to} does not have any more; ` +
          `recover ${to} in the same run, or use insert-missing, which leaves such rows out`,
      );
    }
    await live.transaction(() => live.rows(`ALTER TABLE ${table} VALIDATE CONSTRAINT ${escapeIdentifier(name)}`));
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
    for (const parts of [GARMENTS, OWNERS, GRANTS]) {
      for (const member of members) made.push(...(await wear(live, schemas, member, parts)));
    }
    for (const table of tables) {
      const shadow = escapeLiteral(sqlName(inSchema(table, STAGING_SCHEMA)));
      await note(live, run, table, `restored = ${shadow}::regclass`);
    }
  });
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
    garments.push(
      ...found.map(([name, before, call, after]): Garment => {
        return { name: name ?? '', before: before!, call: call ?? undefined, after: after ?? '' };
      }),
    );
  }
  const path = [member.schema, ...schemas.filter((schema) => schema !== member.schema)];
  for (const statement of await spell(db, path, garments)) await asShadow(db, path, statement);
  return [...new Set(garments.map(({ name }) => name).filter((name) => name !== ''))];
}
