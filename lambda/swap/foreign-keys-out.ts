/**
 * Foreign keys of a table that is to become live, to tables that are not swapped: added at once, and validated without
 * keeping anybody from writing.
 */
import { escapeIdentifier, escapeLiteral } from 'pg';
import type { TableName } from '../tables/protocol';
import { TablesRefused } from '../tables/refusals';
import { type ForeignKey, foreignKeys } from './anatomy';
import { versionOf } from './definition';
import type { Live } from './live';
import { quoted, readable } from './names';

/** One that a table has, or has yet to get. */
interface Placed extends Omit<ForeignKey, 'on'> {
  /** Ready for SQL. */
  readonly on: string;
  /** A partitioned table's, of which all partitions have it: it needs no reading of rows any more. */
  readonly whole: boolean;
}

/**
 * @param schema of the tables that are to become live, under the names of the live ones
 * @returns what was made; undefined where a lock was not free in the time of this call
 */
export async function makeForeignKeysOut(
  live: Live,
  tables: readonly TableName[],
  schema: string,
): Promise<string[] | undefined> {
  const made: string[] = [];
  const all = await live.transaction(() => placed(live, tables, schema));
  for (const { on, name, definition, valid, comment, to, orphans, whole } of all) {
    const stands = await live.transaction(async () => {
      const [found] = await live.rows(`SELECT bool_or(convalidated) FROM pg_constraint
        WHERE conrelid = ${escapeLiteral(on)}::regclass AND conname = ${escapeLiteral(name)}`);
      return found![0];
    });
    if (stands === null) {
      const add = `ALTER TABLE ${on} ADD CONSTRAINT ${escapeIdentifier(name)} ${definition}${whole ? '' : ' NOT VALID'}`;
      const note =
        comment === null
          ? ''
          : `; COMMENT ON CONSTRAINT ${escapeIdentifier(name)} ON ${on} IS ${escapeLiteral(comment)}`;
      if (!(await live.briefly(() => live.rows(add + note)))) return undefined;
      made.push(`foreign key ${name}`);
    }
    if (!valid || whole || stands === 't') continue;
    const [count] = await live.transaction(() => live.rows(orphans(on, to)));
    if (count![0] !== '0') {
      throw new TablesRefused(
        `${readable(on)}: ${count![0]} of its rows refer, by foreign key ${name}, to rows that ${readable(to)} does not have any more; ` +
          `recover ${readable(to)} in the same run, or use insert-missing, which leaves such rows out`,
      );
    }
    await live.transaction(() => live.rows(`ALTER TABLE ${on} VALIDATE CONSTRAINT ${escapeIdentifier(name)}`));
  }
  return made;
}

/** Before PostgreSQL 18 a partitioned table can't have one that is not valid; its partitions can, and have it first. */
async function placed(live: Live, tables: readonly TableName[], schema: string): Promise<Placed[]> {
  const inParts = (await versionOf(live)) < 180_000;
  const all: Placed[] = [];
  for (const key of await foreignKeys(live, tables, 'out')) {
    const on = quoted(schema, await tableOf(live, key.on));
    const parts = inParts
      ? await live.rows(`SELECT c.relname, p.conname FROM pg_constraint k JOIN pg_constraint p ON p.conparentid = k.oid
      AND p.conrelid <> k.conrelid JOIN pg_class c ON c.oid = p.conrelid
      WHERE k.conrelid = ${escapeLiteral(key.on)}::regclass AND k.conname = ${escapeLiteral(key.name)} ORDER BY c.relname`)
      : [];
    for (const [table, name] of parts)
      all.push({ ...key, on: quoted(schema, table!), name: name!, comment: null, whole: false });
    all.push({ ...key, on, whole: parts.length > 0 });
  }
  return all;
}

async function tableOf(live: Live, name: string): Promise<string> {
  const [found] = await live.rows(`SELECT relname FROM pg_class WHERE oid = ${escapeLiteral(name)}::regclass`);
  return found![0]!;
}
