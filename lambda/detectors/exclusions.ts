/** Counts rows that an exclusion constraint should have kept apart, those of keys WITHOUT OVERLAPS included. */
import { CannotCheck, displayName, userSchema } from '../examiner/catalog';
import type { Context, Detector, Examined, Piece } from '../examiner/detector';
import { predicateOf } from '../examiner/index-keys';
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
  await session.rows('SET LOCAL enable_indexonlyscan = off');
  const rows = `(SELECT ctid AS place, ${keys} FROM ONLY ${table}${predicate === null ? '' : ` WHERE ${predicate}`})`;
  const [counted] = await session.rows(
    `SELECT pg_catalog.count(*) FROM ${rows} AS a JOIN ${rows} AS b ON ${conflicts} AND a.place < b.place`,
  );
  const count = Number(counted![0]);
  if (count === 0) return { verdicts: [{ check: 'constraints', outcome: 'passed', observed: 'exclusions hold' }] };
  return {
    verdicts: [
      {
        check: 'constraints',
        outcome: 'failed',
        observed: `${thousands(count)} ${count === 1 ? 'pair' : 'pairs'} of rows that it excludes`,
        expected: 'every exclusion constraint to hold',
        remedy: FIND_IN_SOURCE,
      },
    ],
  };
}
