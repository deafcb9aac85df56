/**
 * Finds duplicate keys of unique indexes by the rows themselves, where amcheck does not look for them: before
 * PostgreSQL 17, and of large tables, whose rows it visits in the order of the index. On 2,000,000 random keys that
 * took ten times as long as the rest of its look; grouping them takes about a second.
 */
import { CannotCheck, displayName, storedSchema } from '../examiner/catalog';
import type { Detector, Examined, Piece } from '../examiner/detector';
import { keysOf, noKeyIsNull, predicateOf } from '../examiner/index-keys';
import { SET_FROM_THE_TABLE } from '../examiner/row-checks';
import type { Session } from '../examiner/session';
import { fileSize, sizeOf } from '../examiner/sizes';
import { FIND_IN_SOURCE, thousands } from './verdicts';

/** Bytes of an index and its table up to which amcheck looks for duplicate keys. */
export const MAX_CHECKUNIQUE_BYTES = 16 * 1024 ** 2;

export const uniqueKeys: Detector = {
  name: 'unique keys',
  phase: 'indexes',
  serves: ['indexes'],
  reads: true,
  objects: ({ functions }) => `
    SELECT c.oid, ${displayName('n', 'c')} AS name, ${fileSize()} + ${sizeOf('i.indrelid')} AS bytes, NULL AS blocks
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_am am ON am.oid = c.relam
    WHERE i.indisunique AND i.indisvalid AND i.indisready AND am.amname = 'btree' AND c.relkind = 'i'
      AND c.relpersistence <> 't' AND ${storedSchema('n')} AND pg_catalog.has_table_privilege(t.oid, 'SELECT')
      ${functions.checksUnique ? `AND ${fileSize()} + ${sizeOf('i.indrelid')} > ${MAX_CHECKUNIQUE_BYTES}` : ''}`,
  examine: (session, piece, { reading }) =>
    reading ? reading.transaction('READ ONLY', () => countDuplicates(reading, piece)) : countDuplicates(session, piece),
};

async function countDuplicates(session: Session, { oid }: Piece): Promise<Examined> {
  const [found] = await session.rows(`
    SELECT pg_catalog.format('%I.%I', n.nspname, t.relname), ${keysOf}, ${noKeyIsNull}, ${predicateOf},
      coalesce((pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct')::pg_catalog.bool, false)
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace WHERE i.indexrelid = ${oid}`);
  if (!found) throw new CannotCheck('it does not exist any more');
  await session.rows(SET_FROM_THE_TABLE);
  const [table, keys, noNull, predicate, nullsCount] = found;
  const conditions = [predicate, nullsCount === 't' ? null : noNull].filter((one) => one !== null);
  const where = conditions.length > 0 ? `WHERE ${conditions.map((one) => `(${one})`).join(' AND ')}` : '';
  const [counted] = await session.reading(`
    SELECT pg_catalog.count(*) FROM (SELECT FROM ONLY ${table} ${where} GROUP BY ${keys} HAVING pg_catalog.count(*) > 1) AS twice`);
  const count = Number(counted![0]);
  if (count === 0)
    return { verdicts: [{ check: 'indexes', outcome: 'passed', observed: 'no unique key found twice' }] };
  return {
    verdicts: [
      {
        check: 'indexes',
        outcome: 'failed',
        observed: `${thousands(count)} ${count === 1 ? 'key stands' : 'keys stand'} in several rows, though it is unique`,
        expected: 'every key of a unique index once',
        remedy: FIND_IN_SOURCE,
      },
    ],
  };
}
