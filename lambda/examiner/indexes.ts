/** Compares each B-tree index with its table: one that lacks rows makes queries lose them without an error. */
import { DatabaseError } from 'pg';
import { CannotCheck, userSchema } from './catalog';
import { sqlClass, whatPostgresSaid } from './postgres-error';
import type { Work } from './protocol';
import type { Session } from './session';
import type { ExaminedCopy, Verdict } from './verdict';

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
