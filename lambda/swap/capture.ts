/**
 * Every write of a live table, known by its key from one moment on: a trigger that fires for replicas, too, and notes
 * keys alone. The trigger of a table goes to the one that takes its place, so writes after a swap are known as well.
 */
import { escapeIdentifier, escapeLiteral } from 'pg';
import { type Captured, OWN_SCHEMA, STAGING_SCHEMA, type TableName } from '../tables/protocol';
import { TablesRefused } from '../tables/refusals';
import { type Key, keyOf, membersOf } from './anatomy';
import { leftovers } from './inventory';
import type { Live } from './live';
import { type Asks, CAPTURE_TRIGGER, KEPT_SCHEMA, list, quoted, shown, sqlName } from './names';
import { makeShadow } from './shadow';
import { begin, ensureState, type State, stateOf } from './state';

/** Tables and the function of one table's capture, ready for SQL. The table that it began with names them. */
export interface CaptureNames {
  /** Keys in the order in which they were written; NULL after TRUNCATE. */
  readonly keys: string;
  /** Those that are being applied. */
  readonly taken: string;
  readonly note: string;
}

export const captureNames = (run: string, oid: string): CaptureNames => ({
  keys: quoted(OWN_SCHEMA, `captured_${run}_${oid}`),
  taken: quoted(OWN_SCHEMA, `taken_${run}_${oid}`),
  note: quoted(OWN_SCHEMA, `capture_${run}_${oid}`),
});

/** Columns of the tables of keys: names of the table's own might be those of ours. */
export const keyColumns = ({ columns }: Pick<Key, 'columns'>): string[] => columns.map((_, index) => `k${index + 1}`);

export async function capture(live: Live, run: string, tables: readonly TableName[]): Promise<Captured> {
  for (const table of tables) {
    if (await live.transaction(async () => stateOf(live, run, table))) continue;
    await live.transaction(() => ensureState(live));
    const there = await live.transaction(() => leftovers(live, [table]));
    const kept = there.find((name) => name.startsWith(KEPT_SCHEMA) || name.startsWith(escapeIdentifier(KEPT_SCHEMA)));
    if (kept) {
      throw new TablesRefused(
        `${shown(table)}: ${kept} is still kept from an earlier recovery, and the old table would have that name; ` +
          'clean up that recovery first, after which it can no longer be undone',
      );
    }
    const won = await live.briefly(() => captureOne(live, run, table));
    if (!won) return { done: false, waitingFor: `writers of ${shown(table)}: their transactions hold it locked` };
  }
  return { done: true };
}

async function captureOne(db: Asks, run: string, table: TableName): Promise<void> {
  const name = sqlName(table);
  const members = await membersOf(db, [table]);
  const names = captureNames(run, members.find(({ oid, root }) => oid === root)!.oid);
  const key = await keyOf(db, table);
  const columns = keyColumns(key);
  const types =
    await db.rows(`SELECT format_type(atttypid, atttypmod), CASE WHEN attcollation <> 0 THEN attcollation::regcollation END
    FROM unnest(ARRAY[${key.columns.map((column) => escapeLiteral(column)).join(', ')}]) WITH ORDINALITY k (name, at)
    JOIN pg_attribute ON attrelid = ${escapeLiteral(name)}::regclass AND attname = k.name ORDER BY k.at`);
  const typed = columns.map(
    (column, i) => `${column} ${types[i]![0]}${types[i]![1] ? ` COLLATE ${types[i]![1]}` : ''}`,
  );
  const of = (row: string) => key.columns.map((column) => `${row}.${escapeIdentifier(column)}`).join(', ');
  const into = `INSERT INTO ${names.keys} (${columns.join(', ')})`;
  await db.rows(`
    CREATE TABLE ${names.keys} (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ${typed.join(', ')});
    CREATE UNLOGGED TABLE ${names.taken} (${typed.join(', ')});
    CREATE FUNCTION ${names.note}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $capture$
      BEGIN
        IF TG_OP = 'TRUNCATE' THEN ${into} VALUES (${columns.map(() => 'NULL').join(', ')}); RETURN NULL; END IF;
        IF TG_OP <> 'INSERT' THEN ${into} VALUES (${of('OLD')}); END IF;
        IF TG_OP <> 'DELETE' THEN ${into} VALUES (${of('NEW')}); END IF;
        RETURN NULL;
      END $capture$;
    REVOKE ALL ON FUNCTION ${names.note}() FROM PUBLIC;
    ${captureOn(members.map(sqlName), name, names)}`);
  await begin(db, run, table);
  // A plain table's shadow is made where rows are staged; one with partitions needs what is known here.
  if (members.length > 1 || members[0]!.kind === 'p') await makeShadow(db, run, table);
}

/** @param members the table and its partitions, each of which may be emptied by TRUNCATE on its own */
export const captureOn = (members: readonly string[], root: string, { note }: CaptureNames): string =>
  [
    `CREATE TRIGGER ${CAPTURE_TRIGGER} AFTER INSERT OR UPDATE OR DELETE ON ${root} FOR EACH ROW EXECUTE FUNCTION ${note}()`,
    `ALTER TABLE ${root} ENABLE ALWAYS TRIGGER ${CAPTURE_TRIGGER}`,
    ...members.flatMap((member) => [
      `CREATE TRIGGER ${TRUNCATE_TRIGGER} AFTER TRUNCATE ON ${member} FOR EACH STATEMENT EXECUTE FUNCTION ${note}()`,
      `ALTER TABLE ${member} ENABLE ALWAYS TRIGGER ${TRUNCATE_TRIGGER}`,
      ...(member === root ? [] : [`ALTER TABLE ${member} ENABLE ALWAYS TRIGGER ${CAPTURE_TRIGGER}`]),
    ]),
  ].join('; ');

export const TRUNCATE_TRIGGER = `${CAPTURE_TRIGGER}_truncate`;

export const captureOff = (members: readonly string[], root: string): string =>
  [
    `DROP TRIGGER IF EXISTS ${CAPTURE_TRIGGER} ON ${root}`,
    ...members.map((member) => `DROP TRIGGER IF EXISTS ${TRUNCATE_TRIGGER} ON ${member}`),
  ].join('; ');

/** How many captured keys are applied in one transaction. */
export const BATCH = 20_000;

export interface Applying {
  readonly state: State;
  readonly run: string;
  readonly key: Key;
  readonly columns: readonly string[];
  /** Ready for SQL: the table that is written by everybody, and the one that will take its place. */
  readonly from: string;
  readonly to: string;
}

/**
 * Applies captured writes: the rows of these keys are what they are in the live table, or are not there. Whatever is
 * written meanwhile is captured again, so it is applied by a later call.
 *
 * @returns how many keys were taken; 0 where none was left
 */
export async function applyCaptured(
  db: Asks,
  { state, run, key, columns, from, to }: Applying,
  most = BATCH,
): Promise<number> {
  const names = captureNames(run, state.old);
  const keys = keyColumns(key);
  const [truncated] = await db.rows(`SELECT EXISTS (SELECT FROM ${names.keys} WHERE k1 IS NULL)`);
  if (truncated![0] === 't') {
    throw new TablesRefused(
      `${shown(state)}: it was emptied by TRUNCATE after its writes were captured, so what the restored table should hold is ` +
        'not known; nothing was swapped. Clean up this recovery, and start another one',
    );
  }
  const taken = await db.rows(`
    WITH moved AS (
      DELETE FROM ${names.keys} WHERE seq IN (SELECT seq FROM ${names.keys} ORDER BY seq LIMIT ${most}) RETURNING ${keys.join(', ')}),
    kept AS (INSERT INTO ${names.taken} SELECT DISTINCT ${keys.join(', ')} FROM moved)
    SELECT count(*) FROM moved`);
  const count = Number(taken[0]![0]);
  if (count === 0) return 0;
  const cols = list(columns);
  await db.rows(`
    DELETE FROM ${to} t USING ${names.taken} k WHERE ${key.same('t', 'k', keys)};
    INSERT INTO ${to} (${cols}) OVERRIDING SYSTEM VALUE
      SELECT ${columns.map((column) => quoted('t', column)).join(', ')} FROM ${from} t JOIN ${names.taken} k ON ${key.same('t', 'k', keys)};
    DELETE FROM ${names.taken}`);
  return count;
}

export const isOurs = (schema: string): boolean => schema === STAGING_SCHEMA || schema === KEPT_SCHEMA;
