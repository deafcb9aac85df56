/**
 * What is done once a swap, or its undo, is committed, and takes longer than a lock may be held: foreign keys are
 * validated, the table that left is freed from the tables that it refers to, materialized views are filled again.
 */
import { DatabaseError, escapeIdentifier, escapeLiteral } from 'pg';
import { conditionOf } from '../examiner/postgres-error';
import type { TableName } from '../tables/protocol';
import { TablesRefused } from '../tables/refusals';
import { materializedViewsOf, membersOf } from './anatomy';
import type { Live } from './live';
import { inSchema, namesOf, quoted, readable, sqlName } from './names';
import { note, type Phase, statesOf } from './state';

/** @returns what is waited for; undefined once nothing is left to do */
export async function finish(
  live: Live,
  run: string,
  tables: readonly TableName[],
  left: string,
  phase: Phase,
  /** They are left for later where the tables are about to be swapped back, whatever they refer to now. */
  foreignKeys: 'validated' | 'left' = 'validated',
): Promise<string | undefined> {
  const states = await live.transaction(() => statesOf(live, run));
  const pending = foreignKeys === 'left' ? [] : states.flatMap(({ validate }) => validate);
  for (const statement of new Set(pending)) {
    const won = await live
      .briefly(() => live.rows(statement))
      .catch((error) => {
        if (!(error instanceof DatabaseError) || error.code !== '23503') throw error;
        throw new TablesRefused(
          `${namesOf(tables)}: swapped, but '${readable(statement)}' found rows that refer to nothing (${conditionOf(error)}), so that ` +
            'foreign key counts for new rows only. Correct those rows and run the statement, or undo the swap',
        );
      });
    if (!won) return `a lock for '${readable(statement)}'`;
  }
  const members = await live.transaction(() => membersOf(live, tables));
  for (const member of members) {
    const gone = inSchema(member, left);
    const keys = await live.transaction(() =>
      live.rows(`SELECT conname FROM pg_constraint
        WHERE conrelid = to_regclass(${escapeLiteral(sqlName(gone))}) AND contype = 'f' AND conparentid = 0`),
    );
    for (const [name] of keys) {
      const drop = `ALTER TABLE ${sqlName(gone)} DROP CONSTRAINT ${escapeIdentifier(name!)}`;
      if (!(await live.briefly(() => live.rows(drop)))) return `a lock for '${drop}'`;
    }
  }
  for (const view of await live.transaction(() => materializedViewsOf(live, tables))) {
    await live.transaction(() => refresh(live, view));
  }
  await live.transaction(async () => {
    for (const table of tables)
      await note(live, run, table, `phase = '${phase}'${foreignKeys === 'left' ? '' : ", validate = '[]'"}`);
  });
  return undefined;
}

/** While it is read, where it has a key to do so by. */
async function refresh(
  live: Live,
  { schema, name, oid }: { schema: string; name: string; oid: string },
): Promise<void> {
  const [found] = await live.rows(`SELECT relispopulated, EXISTS (SELECT FROM pg_index
      WHERE indrelid = c.oid AND indisunique AND indisvalid AND indpred IS NULL AND indexprs IS NULL)
    FROM pg_class c WHERE oid = ${oid}`);
  if (found![0] === 'f') return;
  await live.rows(`REFRESH MATERIALIZED VIEW ${found![1] === 't' ? 'CONCURRENTLY ' : ''}${quoted(schema, name)}`);
}
