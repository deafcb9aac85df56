/** The table that rows are staged in for a swap. */
import { escapeLiteral } from 'pg';
import { STAGING_SCHEMA, type TableName } from '../tables/protocol';
import { type Member, membersOf } from './anatomy';
import { type Asks, inSchema, sqlName } from './names';
import { ensureObjects, enterObject } from './objects';
import { ensureSchema } from './state';

/** Made bare: columns as they are in the live table, and partitions. @returns whether it was not there */
export async function makeShadow(db: Asks, run: string, table: TableName): Promise<boolean> {
  await ensureSchema(db, STAGING_SCHEMA);
  await ensureObjects(db);
  const members = await membersOf(db, [table]);
  const [there] = await db.rows(
    `SELECT to_regclass(${escapeLiteral(sqlName(inSchema(table, STAGING_SCHEMA)))}) IS NOT NULL`,
  );
  if (there![0] === 't') return false;
  await enterObject(db, run, table);
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
