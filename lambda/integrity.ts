/**
 * Checks of a database as a whole, whatever it holds: every table read, indexes against their tables, declared foreign
 * keys, tables that lost all rows. A piece without an object speaks for its check as a whole.
 */
import { DatabaseError } from 'pg';
import { CannotCheck, displayName, findTables, holdRows, userSchema } from './catalog';
import type { Work } from './examination';
import { sqlClass, whatPostgresSaid } from './postgres-error';
import { rowsOf } from './row-checks';
import type { ExaminedCopy, Verdict } from './run-checks';
import type { Session } from './session';

const EMPTY_COPY: Verdict = {
  outcome: 'failed',
  observed: 'no tables found',
  expected: 'at least one table: a copy without any is what a failed restore leaves',
};

/** Really reads a table: `count(*)` may be answered from an index and pass over a damaged page. */
export async function readable(session: Session, work: Work, copy: ExaminedCopy): Promise<Verdict> {
  if (work.oid === undefined) return hasTables(session);
  try {
    return copy.reader === 'verify_heapam'
      ? await verifyHeap(session, work, work.oid, copy)
      : await readRows(session, work, work.oid, copy);
  } catch (error) {
    // Damage shows as internal errors, as missing files, or as values that their own type can't read any more.
    if (!(error instanceof DatabaseError) || !['XX', '58', '22'].includes(sqlClass(error))) throw error;
    return unreadable(work, whatPostgresSaid(error));
  }
}

async function hasTables(session: Session): Promise<Verdict> {
  const [found] = await session.rows(`
    SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND ${userSchema('n')}`);
  return found![0] === '0' ? EMPTY_COPY : { outcome: 'passed', observed: `${found![0]} tables found` };
}

async function verifyHeap(session: Session, work: Work, oid: number, copy: ExaminedCopy): Promise<Verdict> {
  const { verifyHeapam } = copy.amcheck;
  if (!verifyHeapam) throw new CannotCheck(`${copy.user} may not call verify_heapam, though the survey could`);
  const [from, to] = work.blocks ?? [];
  // Vacuum may have cut empty blocks off the end since the survey.
  const range =
    from === undefined
      ? ''
      : `, startblock := ${from}, endblock := least(${to}, pg_relation_size(${oid}) / current_setting('block_size')::int - 1)`;
  const problems = await session.rows(
    `SELECT blkno, msg FROM ${verifyHeapam}(${oid}, on_error_stop := true, check_toast := true${range}) LIMIT 1`,
  );
  const [problem] = problems;
  if (problem) return unreadable(work, `block ${problem[0]}: ${problem[1]}`);
  return { outcome: 'passed', observed: `every page verified with amcheck's verify_heapam; ${damageSeen(copy)}` };
}

async function readRows(session: Session, work: Work, oid: number, copy: ExaminedCopy): Promise<Verdict> {
  // The row as a whole, TOAST included: no index holds it, so the table itself is read.
  const hash = `count(hash_record_extended(whole.*, 0))`;
  const text = `count(hashtextextended(whole::text, 0))`;
  const [named] = await session.rows(`
    SELECT format('%I.%I', n.nspname, c.relname), current_setting('server_version_num')::int >= 140000
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ${oid}`);
  if (!named) throw new CannotCheck(`table "${work.object}" does not exist any more`);
  const [table, hashesRows] = named;
  const where = work.blocks
    ? ` WHERE whole.ctid >= '(${work.blocks[0]},0)' AND whole.ctid < '(${work.blocks[1] + 1},0)'`
    : '';
  const read = async (what: string) => session.rows(`SELECT ${what} FROM ONLY ${table} AS whole${where}`);
  await session.rows('SAVEPOINT reading');
  try {
    await read(hashesRows === 't' ? hash : text);
  } catch (error) {
    // json, xml and others have no hash function.
    if (!(error instanceof DatabaseError) || error.code !== '42883') throw error;
    await session.rows('ROLLBACK TO SAVEPOINT reading');
    await read(text);
  }
  return { outcome: 'passed', observed: `every row read in full and hashed; ${damageSeen(copy)}` };
}

const damageSeen = ({ checksums }: ExaminedCopy) =>
  checksums ? 'page checksums are on' : 'page checksums are off, so damage inside a value can go unseen';

const unreadable = ({ object }: Work, observed: string): Verdict => ({
  outcome: 'failed',
  observed: `${object}: ${observed}`,
  expected: 'every page of every table to be readable',
});

export async function indexes(session: Session, work: Work, copy: ExaminedCopy): Promise<Verdict> {
  const { btIndexCheck } = copy.amcheck;
  if (!btIndexCheck) {
    throw new CannotCheck(
      `${copy.user} can't use amcheck, which compares indexes with their tables; ` +
        'allow the extension, or leave this check out',
    );
  }
  if (work.oid === undefined) return otherIndexes(session);
  try {
    await session.rows(`SELECT ${btIndexCheck}(${work.oid}, true)`);
    return { outcome: 'passed', observed: 'every row found in it' };
  } catch (error) {
    if (!(error instanceof DatabaseError) || !['XX', '58'].includes(sqlClass(error))) throw error;
    return {
      outcome: 'failed',
      observed: `${work.object}: ${whatPostgresSaid(error)}`,
      expected: 'every B-tree index to agree with its table',
    };
  }
}

async function otherIndexes(session: Session): Promise<Verdict> {
  const others = await session.rows(`
    SELECT CASE WHEN am.amname = 'btree' THEN 'invalid btree' ELSE am.amname END, count(*)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_am am ON am.oid = c.relam
    WHERE c.relkind = 'i' AND c.relpersistence <> 't' AND ${userSchema('n')}
      AND NOT (am.amname = 'btree' AND i.indisvalid AND i.indisready AND i.indislive)
    GROUP BY 1 ORDER BY 1`);
  if (others.length === 0) return { outcome: 'passed', observed: 'there are no others' };
  const kinds = others.map(([kind, count]) => `${count} ${kind}`).join(', ');
  return { outcome: 'passed', observed: `others were not compared, since amcheck can't: ${kinds}` };
}

/** Orphans as the declaration has them: multi-column, with its own operators, NULLs by its MATCH type. */
export async function foreignKeys(session: Session, work: Work): Promise<Verdict> {
  if (work.oid === undefined) return unvalidated(session);
  const [declared] = await session.rows(`
    SELECT ${relation('k.conrelid')}, ${relation('k.confrelid')},
      string_agg(format('parent.%I OPERATOR(%I.%s) child.%I', p.attname, o.nspname, op.oprname, c.attname), ' AND '),
      string_agg(format('child.%I IS NOT NULL', c.attname), CASE k.confmatchtype WHEN 'f' THEN ' OR ' ELSE ' AND ' END),
      coalesce((to_jsonb(k) ->> 'conperiod')::boolean, false)
    FROM pg_constraint k, unnest(k.conkey, k.confkey, k.conpfeqop) AS pair(child, parent, operator)
    JOIN pg_operator op ON op.oid = pair.operator JOIN pg_namespace o ON o.oid = op.oprnamespace,
    pg_attribute c, pg_attribute p
    WHERE k.oid = ${work.oid} AND c.attrelid = k.conrelid AND c.attnum = pair.child
      AND p.attrelid = k.confrelid AND p.attnum = pair.parent
    GROUP BY k.oid`);
  if (!declared) throw new CannotCheck('it does not exist any more');
  const [child, parent, matches, bound, temporal] = declared;
  if (temporal === 't') throw new CannotCheck('foreign keys with PERIOD are not covered yet');
  const [orphans] = await session.rows(`
    SELECT count(*) FROM ${child} AS child WHERE (${bound})
      AND NOT EXISTS (SELECT FROM ${parent} AS parent WHERE ${matches})`);
  if (orphans![0] === '0') return { outcome: 'passed', observed: 'holds' };
  return {
    outcome: 'failed',
    observed: `${work.object}: ${rowsOf(Number(orphans![0]))} without a parent`,
    expected: 'every declared foreign key to hold',
  };
}

/** Rows of inheriting tables are not bound by a foreign key; those of partitions are. */
const relation = (oid: string) =>
  `(SELECT format('%s%I.%I', CASE t.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END, n.nspname, t.relname)
    FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace WHERE t.oid = ${oid})`;

async function unvalidated(session: Session): Promise<Verdict> {
  const rows = await session.rows(`
    SELECT k.conname, k.convalidated FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE k.contype = 'f' AND k.conparentid = 0 AND ${userSchema('n')} ORDER BY 1`);
  const left = rows.filter(([, validated]) => validated === 'f').map(([name]) => name);
  if (rows.length === 0) return { outcome: 'passed', observed: 'no foreign keys are declared' };
  if (left.length === 0) return { outcome: 'passed', observed: 'all are validated' };
  return { outcome: 'passed', observed: `left out, since they were never validated: ${left.join(', ')}` };
}

export async function notEmptied(session: Session, { tablesWithRows }: ExaminedCopy): Promise<Verdict> {
  const before = tablesWithRows ?? (await tablesByStatistics(session));
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
