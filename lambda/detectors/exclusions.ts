/**
 * Counts rows that an exclusion constraint should have kept apart, those of keys WITHOUT OVERLAPS included.
 *
 * Only its index makes that feasible, and no other detector compares an index that is not a B-tree with its table. So
 * each row must also be found by its own key: a row that is missing from the index would conflict with nothing.
 */
import { CannotCheck, displayName, userSchema } from '../examiner/catalog';
import type { Context, Detector, Examined, Piece, Verdict } from '../examiner/detector';
import { predicateOf } from '../examiner/index-keys';
import { SET_FROM_THE_TABLE } from '../examiner/row-checks';
import type { Session } from '../examiner/session';
import { fileSize } from '../examiner/sizes';
import { FIND_IN_SOURCE, thousands } from './verdicts';

export const exclusions: Detector = {
  name: 'exclusions',
  phase: 'references',
  serves: ['constraints'],
  objects: () => `
    SELECT k.oid, k.conname || ' on ' || ${displayName('n', 'c')} AS name, 2 * ${fileSize()} AS bytes, NULL AS blocks
    FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE k.conexclop IS NOT NULL AND c.relkind = 'r' AND c.relpersistence <> 't' AND ${userSchema('n')}`,
  examine: countPairs,
};

async function countPairs(session: Session, { oid }: Piece, _: Context): Promise<Examined> {
  const [found] = await session.rows(`
    SELECT pg_catalog.format('%I.%I', n.nspname, t.relname), ${predicateOf},
      (SELECT pg_catalog.string_agg(pg_catalog.format('%s AS k%s', pg_catalog.pg_get_indexdef(i.indexrelid, key.number::pg_catalog.int4, false), key.number), ', ')
        FROM pg_catalog.unnest(k.conexclop) WITH ORDINALITY AS key(operator, number)),
      (SELECT pg_catalog.string_agg(pg_catalog.format('a.k%s OPERATOR(%I.%s) b.k%1$s', key.number, o.nspname, op.oprname), ' AND ')
        FROM pg_catalog.unnest(k.conexclop) WITH ORDINALITY AS key(operator, number)
        JOIN pg_catalog.pg_operator op ON op.oid = key.operator JOIN pg_catalog.pg_namespace o ON o.oid = op.oprnamespace)
    FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_index i ON i.indexrelid = k.conindid
    JOIN pg_catalog.pg_class t ON t.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace WHERE k.oid = ${oid}`);
  if (!found) throw new CannotCheck('it does not exist any more');
  const [table, predicate, keys, conflicts] = found;
  const rows = `(SELECT ctid AS place, ${keys} FROM ONLY ${table}${predicate === null ? '' : ` WHERE ${predicate}`})`;
  await session.rows(SET_FROM_THE_TABLE);
  const itself = conflicts!.replaceAll(' b.k', ' a.k');
  const [expected] = await session.reading(`SELECT pg_catalog.count(*) FROM ${rows} AS a WHERE ${itself}`);
  await session.rows('SET LOCAL enable_indexscan = on; SET LOCAL enable_bitmapscan = on');
  const [counted] = await session.reading(`
    SELECT pg_catalog.count(*) FILTER (WHERE a.place = b.place),
      pg_catalog.count(DISTINCT (least(a.place, b.place), greatest(a.place, b.place))) FILTER (WHERE a.place <> b.place)
    FROM ${rows} AS a JOIN ${rows} AS b ON ${conflicts}`);
  const unseen = Number(expected![0]) - Number(counted![0]);
  const pairs = Number(counted![1]);
  const verdicts: Verdict[] = [];
  if (pairs > 0) {
    verdicts.push({
      check: 'constraints',
      outcome: 'failed',
      observed: `${thousands(pairs)} ${pairs === 1 ? 'pair' : 'pairs'} of rows that it excludes`,
      expected: 'every exclusion constraint to hold',
      remedy: FIND_IN_SOURCE,
    });
  }
  if (unseen > 0) {
    verdicts.push({
      check: 'constraints',
      outcome: 'failed',
      observed: `its index does not find ${thousands(unseen)} ${unseen === 1 ? 'row' : 'rows'} of the table`,
      expected: 'an index that finds every row, so that it excludes what it should',
      remedy: 'REINDEX it after a recovery, and compare the table with an earlier backup',
    });
  }
  if (verdicts.length > 0) return { verdicts };
  return { verdicts: [{ check: 'constraints', outcome: 'passed', observed: 'exclusions hold' }] };
}
