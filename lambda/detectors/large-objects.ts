/** Large objects: every one that has data must be known, its data readable, and what rows refer to must be there. */
import { escapeIdentifier } from 'pg';
import { displayName, relationOf, userSchema } from '../examiner/catalog';
import type { Context, Detector, Examined, Piece, Verdict } from '../examiner/detector';
import { SET_FROM_THE_TABLE } from '../examiner/row-checks';
import type { Session } from '../examiner/session';
import { fileSize, tableSize } from '../examiner/sizes';
import { FIND_IN_SOURCE, thousands } from './verdicts';

export const largeObjects: Detector = {
  name: 'large objects',
  phase: 'rows',
  serves: ['readable'],
  objects: () => `
    SELECT c.oid, 'large objects' AS name, ${tableSize()} AS bytes, NULL AS blocks
    FROM pg_catalog.pg_class c WHERE c.oid = 2613 AND pg_catalog.has_table_privilege(c.oid, 'SELECT')`,
  examine: async (session) => {
    await session.rows(SET_FROM_THE_TABLE);
    const [counted] = await session.rows(`
      SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE NOT EXISTS (
        SELECT FROM pg_catalog.pg_largeobject_metadata m WHERE m.oid = data.loid))
      FROM (SELECT loid, pg_catalog.count(pg_catalog.sha256(data)) FROM pg_catalog.pg_largeobject GROUP BY loid) AS data`);
    const [all, unknown] = counted!.map(Number) as [number, number];
    if (unknown === 0) {
      return {
        verdicts: [{ check: 'readable', outcome: 'passed', observed: 'every large object with data is known' }],
      };
    }
    return {
      verdicts: [
        {
          check: 'readable',
          outcome: 'failed',
          observed: `${thousands(unknown)} of ${thousands(all)} have data and are not known (pg_largeobject_metadata)`,
          expected: 'an entry for every large object that has data',
          remedy: 'restore an earlier backup beside this one, and compare the large objects',
        },
      ],
    };
  },
};

/** Columns of type `lo` hold large objects and nothing else; those of type `oid` may hold anything that has an OID. */
const COLUMNS = `pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  WHERE a.attnum > 0 AND NOT a.attisdropped
    AND (a.atttypid = 'pg_catalog.oid'::pg_catalog.regtype OR t.typname = 'lo' AND t.typbasetype = 'pg_catalog.oid'::pg_catalog.regtype)`;

export const largeObjectReferences: Detector = {
  name: 'large object references',
  phase: 'rows',
  serves: ['readable'],
  objects: () => `
    SELECT c.oid, ${displayName('n', 'c')} AS name, ${fileSize()} AS bytes, NULL AS blocks
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND c.relispopulated AND ${userSchema('n')}
      AND c.oid IN (SELECT a.attrelid FROM ${COLUMNS})`,
  examine: countMissing,
};

async function countMissing(session: Session, { oid }: Piece, _: Context): Promise<Examined> {
  const [table] = await relationOf(session, oid);
  const columns = await session.rows(
    `SELECT a.attname, t.typname FROM ${COLUMNS} AND a.attrelid = ${oid} ORDER BY a.attnum`,
  );
  await session.rows(SET_FROM_THE_TABLE);
  const verdicts: Verdict[] = [];
  for (const [name, type] of columns) {
    const value = `t.${escapeIdentifier(name!)}`;
    const elsewhere =
      type === 'lo'
        ? ''
        : ['pg_class', 'pg_type', 'pg_proc', 'pg_namespace', 'pg_roles', 'pg_database']
            .map((catalog) => ` AND NOT EXISTS (SELECT FROM pg_catalog.${catalog} AS o WHERE o.oid = ${value})`)
            .join('');
    const [counted] = await session.rows(`
      SELECT pg_catalog.count(*) FROM ONLY ${table} AS t WHERE ${value} <> 0
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata m WHERE m.oid = ${value})${elsewhere}`);
    const count = Number(counted![0]);
    if (count === 0) continue;
    verdicts.push({
      check: 'readable',
      outcome: type === 'lo' ? 'failed' : 'warning',
      observed: `${thousands(count)} values of column ${name} name no large object${type === 'lo' ? '' : ', nor anything else that has an OID'}`,
      expected: 'a large object for every value',
      remedy:
        type === 'lo'
          ? FIND_IN_SOURCE
          : 'see whether the column refers to large objects; if so, compare it with the source',
    });
  }
  if (verdicts.length > 0) return { verdicts };
  return {
    verdicts: [{ check: 'readable', outcome: 'passed', observed: 'every large object that rows name is there' }],
  };
}
