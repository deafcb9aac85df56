/** Counts a database table by table, to be compared with another one: rows, a fingerprint, and the newest moments. */
import { DatabaseError, escapeIdentifier, escapeLiteral } from 'pg';
import { userSchema } from '../examiner/catalog';
import type { Deadline } from '../examiner/deadline';
import { OutOfTime } from '../examiner/lost-session';
import { whatPostgresSaid } from '../examiner/postgres-error';
import type { Session } from '../examiner/session';
import type { TableTally, Tally, TallyTask } from './protocol';

/** Kept back for answering. */
const MARGIN_MS = 5_000;
/** No table takes more than this part of the time that is left, so that one of them does not hide all others. */
const SHARE = 1 / 2;
/** What one answer holds. */
const MOST_TABLES = 2_000;
/** A table is worth trying in the time that is left. */
const WORTHWHILE_MS = 10_000;

interface Table {
  readonly oid: number;
  readonly name: string;
  readonly sql: string;
  readonly unlogged: boolean;
  readonly writes: number;
}

export async function tally(session: Session, task: TallyTask, deadline: Deadline): Promise<Tally> {
  const tables = await session.transaction('READ ONLY', () => listTables(session, task.after));
  const counted: TableTally[] = [];
  let last = task.after;
  for (const table of tables) {
    const left = deadline.left() - MARGIN_MS;
    const isFull = counted.length >= MOST_TABLES || left < WORTHWHILE_MS;
    if (counted.length > 0 && isFull) return { tables: counted, next: last };
    const end = performance.now() + left * SHARE;
    counted.push(await session.within({ left: () => end - performance.now() }, () => count(session, table, task)));
    last = table.oid;
  }
  return { tables: counted, next: null };
}

async function listTables(session: Session, after: number): Promise<Table[]> {
  const rows = await session.rows(`
    SELECT c.oid, n.nspname || '.' || c.relname, pg_catalog.format('%I.%I', n.nspname, c.relname), c.relpersistence = 'u',
      coalesce(pg_catalog.pg_stat_get_tuples_inserted(c.oid), 0) + coalesce(pg_catalog.pg_stat_get_tuples_updated(c.oid), 0)
        + coalesce(pg_catalog.pg_stat_get_tuples_deleted(c.oid), 0)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND c.oid > ${after} AND ${userSchema('n')} ORDER BY c.oid`);
  return rows.map(([oid, name, sql, unlogged, writes]) => ({
    oid: Number(oid),
    name: name!,
    sql: sql!,
    unlogged: unlogged === 't',
    writes: Number(writes),
  }));
}

/** Text of a row is the same on both sides, since every setting that it depends on is pinned. */
async function count(session: Session, table: Table, { moment, columns }: TallyTask): Promise<TableTally> {
  const told = { table: table.name, writes: table.writes, ...(table.unlogged && { unlogged: true as const }) };
  try {
    return await session.transaction('READ ONLY', async () => {
      const dated = await datedColumns(session, table, columns);
      const newest = dated.map((column) => {
        const value = `t.${escapeIdentifier(column)}`;
        const last = `pg_catalog.max(${value}) FILTER (WHERE pg_catalog.isfinite(${value}))`;
        const since = `(${last})::pg_catalog.timestamptz - ${escapeLiteral(moment)}::pg_catalog.timestamptz`;
        return `pg_catalog.date_part('epoch', ${since})`;
      });
      const [row] = await session.reading(
        `SELECT ${[
          'pg_catalog.count(*)',
          `coalesce(pg_catalog.sum(pg_catalog.hashtextextended(t::pg_catalog.text, 0)::pg_catalog.numeric), 0)`,
          ...newest,
        ].join(', ')} FROM ONLY ${table.sql} AS t`,
      );
      const [rows, fingerprint, ...seconds] = row!;
      return {
        ...told,
        rows: Number(rows),
        fingerprint: fingerprint!,
        newest: dated.flatMap((column, index) => {
          const value = seconds[index];
          return value === null || value === undefined ? [] : [{ column, seconds: Math.round(Number(value)) }];
        }),
      };
    });
  } catch (error) {
    const reason =
      error instanceof OutOfTime ? 'ran out of time' : error instanceof DatabaseError && whatPostgresSaid(error);
    if (!reason) throw error;
    return { ...told, rows: null, fingerprint: null, newest: [], reason };
  }
}

/** Columns of a moment that an index begins with, or that a check is about: they tell how new the data is. */
async function datedColumns(session: Session, table: Table, named: TallyTask['columns']): Promise<string[]> {
  const [, name = ''] = /^[^.]*\.(.*)$/s.exec(table.name) ?? [];
  const own = named.filter((one) => one.table === table.name || one.table === name).map(({ column }) => column);
  const wanted = own.map((column) => escapeLiteral(column)).join(', ') || 'NULL';
  const rows = await session.rows(`
    SELECT a.attname FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = ${table.oid} AND a.attnum > 0 AND NOT a.attisdropped
      AND a.atttypid IN ('pg_catalog.timestamptz'::pg_catalog.regtype, 'pg_catalog.timestamp'::pg_catalog.regtype, 'pg_catalog.date'::pg_catalog.regtype)
      AND (a.attname IN (${wanted}) OR EXISTS (SELECT FROM pg_catalog.pg_index i
        WHERE i.indrelid = a.attrelid AND i.indkey[0] = a.attnum AND i.indisvalid))
    ORDER BY a.attnum`);
  return rows.map(([column]) => column!);
}
