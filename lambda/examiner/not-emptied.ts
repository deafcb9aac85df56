/** Finds tables that lost all their rows, by what is known to have held some. */

import type { Check } from '../contract';
import { displayName, findTables, holdRows, userSchema } from './catalog';
import type { Session } from './session';
import type { ExaminedCopy, Verdict } from './verdict';

type NotEmptied = Extract<Check, { kind: 'not-emptied' }>;

export async function notEmptied(
  session: Session,
  { except = [] }: NotEmptied,
  { tablesWithRows }: ExaminedCopy,
): Promise<Verdict> {
  const excepted = new Set(except.map((name) => name.replace(/^public\./, '')));
  const known = tablesWithRows ?? (await tablesByStatistics(session));
  const before = known.filter((name) => !excepted.has(name.replace(/^public\./, '')));
  const when = tablesWithRows
    ? 'at the last passed drill'
    : "by the planner's statistics, since no drill has passed before";
  if (before.length === 0) return { outcome: 'passed', observed: `no table is known to have held rows ${when}` };
  const tables = await findTables(session, before);
  const held = await holdRows(
    session,
    tables.filter((table) => table !== null),
  );
  const stillHolds = held.values();
  const lost = before.flatMap((name, index) => {
    if (tables[index] === null) return [`${name} is gone`];
    return stillHolds.next().value ? [] : [`${name} is empty`];
  });
  if (lost.length > 0) {
    return { outcome: 'failed', observed: lost.join(', '), expected: `rows in every table that held some ${when}` };
  }
  return { outcome: 'passed', observed: `none of ${before.length} that held rows ${when}` };
}

/** All there is to compare with before the first drill, and only as good as the last analyze. */
async function tablesByStatistics(session: Session): Promise<string[]> {
  const rows = await session.rows(`
    SELECT min(${displayName('n', 'r')})
    FROM pg_class c JOIN pg_class r ON r.oid = coalesce(pg_partition_root(c.oid), c.oid)
    JOIN pg_namespace n ON n.oid = r.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND ${userSchema('n')}
    GROUP BY r.oid HAVING sum(greatest(c.reltuples, 0)) > 0 ORDER BY 1`);
  return rows.map(([name]) => name!);
}
