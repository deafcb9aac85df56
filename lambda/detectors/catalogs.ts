/**
 * Reads PostgreSQL's own tables row by row, and compares them with one another: what is damaged or lost there makes
 * tables, functions or views unusable.
 */
import { displayName, relationOf } from '../examiner/catalog';
import type { Context, Detector, Examined, Piece } from '../examiner/detector';
import { whatPostgresSaid } from '../examiner/postgres-error';
import { SET_FROM_THE_TABLE } from '../examiner/row-checks';
import type { Session } from '../examiner/session';
import { fileSize, sizeOf, tableSize } from '../examiner/sizes';
import { decoded, isUndecodable } from './decoding';
import { thousands } from './verdicts';

const DAMAGED = 'restore an earlier backup: the catalog of this database is damaged';

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
  const [table, shared] = await relationOf(session, oid, 'c.relisshared');
  await session.rows(SET_FROM_THE_TABLE);
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
          remedy: DAMAGED,
        },
      ],
    };
  }
}

const EXPECTED = 'every object that pg_depend lists';
const DEPENDENCIES = "'pg_catalog.pg_depend'::pg_catalog.regclass";

/**
 * What pg_depend lists must exist. A page that was lost takes functions, rules or constraints with it, and the first
 * session that looks for them hides the entries that their indexes still have.
 */
export const dependencies: Detector = {
  name: 'dependencies',
  phase: 'rows',
  serves: ['readable'],
  // The catalogs of which pg_depend may list objects: those that give them an OID.
  objects: () => `
    SELECT c.oid, ${displayName('n', 'c')} AS name, ${fileSize()} + ${sizeOf(DEPENDENCIES)} AS bytes, NULL AS blocks
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname = 'pg_catalog' AND NOT c.relisshared AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
      AND EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'oid' AND NOT a.attisdropped)`,
  examine: countMissing,
};

async function countMissing(session: Session, { oid }: Piece, _: Context): Promise<Examined> {
  const [table] = await relationOf(session, oid);
  await session.rows(SET_FROM_THE_TABLE);
  const missing = async (catalog: string, object: string) => {
    const [counted] = await session.rows(`
      SELECT pg_catalog.count(*) FROM (SELECT DISTINCT ${object} AS oid FROM pg_catalog.pg_depend WHERE ${catalog} = ${oid}) AS listed
      WHERE listed.oid <> 0 AND NOT EXISTS (SELECT FROM ${table} AS o WHERE o.oid = listed.oid)`);
    return Number(counted![0]);
  };
  const dependent = await missing('classid', 'objid');
  const needed = await missing('refclassid', 'refobjid');
  if (dependent > 0) {
    const [are, they] = dependent === 1 ? ['is', 'it needs'] : ['are', 'they need'];
    return {
      verdicts: [
        {
          check: 'readable',
          outcome: 'failed',
          observed: `${thousands(dependent)} of its objects ${are} gone, and pg_depend still lists what ${they}`,
          expected: EXPECTED,
          remedy: DAMAGED,
        },
      ],
    };
  }
  // Without damage: something was created in a schema while that was dropped.
  if (needed > 0) {
    const [are, them] = needed === 1 ? ['is', 'it'] : ['are', 'them'];
    return {
      verdicts: [
        {
          check: 'readable',
          outcome: 'warning',
          observed: `${thousands(needed)} of its objects ${are} gone, and others still depend on ${them} (pg_depend)`,
          expected: EXPECTED,
          remedy: 'see whether the source lacks the same: then pg_dump fails there; if not, restore an earlier backup',
        },
      ],
    };
  }
  return {
    verdicts: [{ check: 'readable', outcome: 'passed', observed: 'catalogs hold what pg_depend lists of them' }],
  };
}
