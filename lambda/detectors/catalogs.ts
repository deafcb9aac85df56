/** Reads PostgreSQL's own tables row by row: what is damaged there makes tables, functions or views unusable. */
import { CannotCheck, displayName } from '../examiner/catalog';
import type { Context, Detector, Examined, Piece } from '../examiner/detector';
import { whatPostgresSaid } from '../examiner/postgres-error';
import { SET_FROM_THE_TABLE } from '../examiner/row-checks';
import type { Session } from '../examiner/session';
import { tableSize } from '../examiner/sizes';
import { decoded, isUndecodable } from './decoding';

export const catalogs: Detector = {
  name: 'catalogs',
  phase: 'rows',
  serves: ['readable'],
  // Large objects are read as such.
  objects: () => `
    SELECT c.oid, ${displayName('n', 'c')} AS name, ${tableSize()} AS bytes, NULL AS blocks
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname IN ('pg_catalog', 'information_schema') AND c.oid <> 2613
      AND pg_catalog.has_table_privilege(c.oid, 'SELECT')`,
  examine: read,
};

async function read(session: Session, { oid }: Piece, { facts }: Context): Promise<Examined> {
  const [found] = await session.rows(`
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), c.relisshared
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ${oid}`);
  if (!found) throw new CannotCheck('it does not exist any more');
  await session.rows(SET_FROM_THE_TABLE);
  const [table, shared] = found;
  // What all databases share may hold names in the encodings of others.
  const value = decoded('(t.*)', shared === 't' ? { encoding: 'SQL_ASCII' } : facts);
  try {
    await session.rows(`SELECT pg_catalog.count(${value}) FROM ONLY ${table} AS t`);
    return { verdicts: [{ check: 'readable', outcome: 'passed', observed: 'every row of the catalogs decoded' }] };
  } catch (error) {
    if (!isUndecodable(error)) throw error;
    return {
      verdicts: [
        {
          check: 'readable',
          outcome: 'failed',
          observed: whatPostgresSaid(error),
          expected: "PostgreSQL's own tables to be readable",
          remedy: 'restore an earlier backup: the catalog of this database is damaged',
        },
      ],
    };
  }
}
