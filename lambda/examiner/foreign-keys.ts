/** Counts the orphans of declared foreign keys: triggers that were off let them in, and nothing looks again. */
import { CannotCheck, userSchema } from './catalog';
import type { Work } from './protocol';
import { rowsOf } from './row-checks';
import type { Session } from './session';
import type { Verdict } from './verdict';

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
  if (left.length === 0) return { outcome: 'passed', observed: 'none was left out' };
  return { outcome: 'passed', observed: `left out, since they were never validated: ${left.join(', ')}` };
}
