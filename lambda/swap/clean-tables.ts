/** Drops what a run made in the live database, and nothing that its records don't name. After that, it can't be undone. */
import { escapeLiteral } from 'pg';
import { type Cleaned, STAGING_SCHEMA, type TableName } from '../tables/protocol';
import { finish } from './after';
import { membersOf } from './anatomy';
import { captureNames, captureOff } from './capture';
import type { Live } from './live';
import { inSchema, KEPT_SCHEMA, OURS, quoted, sqlName } from './names';
import { dropEmptyTables, dropObjects } from './objects';
import { forget, type State, statesOf } from './state';

export async function cleanTables(live: Live, run: string): Promise<Cleaned> {
  const states = await live.transaction(() => statesOf(live, run));
  const dropped: string[] = [];
  const unfinished = states.filter(({ phase }) => phase === 'swapped' || phase === 'undone');
  if (unfinished.length > 0) {
    const back = unfinished[0]!.phase === 'undone';
    const tables = unfinished.filter(({ phase }) => phase === unfinished[0]!.phase);
    const waiting = await finish(live, run, tables, back ? STAGING_SCHEMA : KEPT_SCHEMA, back ? 'returned' : 'kept');
    if (waiting) return { done: false, dropped };
    return cleanTables(live, run);
  }
  for (const state of states) {
    const won = await live.briefly(() => dropOne(live, run, state));
    if (!won) return { done: false, dropped };
    dropped.push(...won.value);
  }
  dropped.push(...(await live.transaction(() => dropObjects(live, run))));
  return { done: true, dropped: [...dropped, ...(await live.transaction(() => dropEmptySchemas(live)))] };
}

async function dropOne(live: Live, run: string, state: State): Promise<string[]> {
  const dropped: string[] = [];
  const [there] = await live.rows(`SELECT to_regclass(${escapeLiteral(sqlName(state))}) IS NOT NULL`);
  if (there![0] === 't') {
    const members = await membersOf(live, [state]);
    await live.rows(captureOff(members.map(sqlName), sqlName(state)));
  }
  for (const [schema, oid] of [
    [STAGING_SCHEMA, state.restored],
    [KEPT_SCHEMA, state.old],
  ] as const) {
    const table = inSchema(state, schema);
    if (oid === null) continue;
    const [ours] = await live.rows(`SELECT to_regclass(${escapeLiteral(sqlName(table))})::oid = ${oid}`);
    if (ours![0] !== 't') continue;
    for (const view of await ownMaterializedViews(live, table)) {
      await live.rows(`DROP MATERIALIZED VIEW ${view}`);
      dropped.push(view);
    }
    await live.rows(`DROP TABLE ${sqlName(table)}`);
    dropped.push(sqlName(table));
  }
  const { keys, taken, note } = captureNames(run, state.old);
  await live.rows(`DROP FUNCTION IF EXISTS ${note}(); DROP TABLE IF EXISTS ${keys}, ${taken}`);
  await forget(live, run, state);
  return [...dropped, keys];
}

/** Those that came with the table: in the same schema of ours, and over it. */
async function ownMaterializedViews(live: Live, table: TableName): Promise<string[]> {
  const found = await live.rows(`SELECT DISTINCT n.nspname, v.relname
    FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    JOIN pg_class v ON v.oid = r.ev_class AND v.relkind = 'm' JOIN pg_namespace n ON n.oid = v.relnamespace
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = ${escapeLiteral(sqlName(table))}::regclass
      AND n.nspname = ${escapeLiteral(table.schema)}`);
  return found.map(([schema, name]) => quoted(schema!, name!));
}

/** Our tables go with the last run in them; a schema goes once nothing is in it. */
export async function dropEmptySchemas(live: Live): Promise<string[]> {
  const dropped = await dropEmptyTables(live);
  for (const schema of OURS) {
    const [empty] = await live.rows(`SELECT oid IS NOT NULL AND NOT EXISTS (SELECT FROM pg_depend
      WHERE refclassid = 'pg_namespace'::regclass AND refobjid = n.oid) FROM (SELECT to_regnamespace('${schema}')::oid AS oid) n`);
    if (empty![0] !== 't') continue;
    await live.rows(`DROP SCHEMA ${schema}`);
    dropped.push(schema);
  }
  return dropped;
}
