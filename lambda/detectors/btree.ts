/** Compares each B-tree index with its table: one that lacks rows makes queries lose them without an error. */
import { DatabaseError } from 'pg';
import { CannotCheck, displayName, storedSchema } from '../examiner/catalog';
import type { Context, Detector, Examined, Piece } from '../examiner/detector';
import { sqlClass, whatPostgresSaid } from '../examiner/postgres-error';
import type { Session } from '../examiner/session';

export const btree: Detector = {
  name: 'btree',
  phase: 'indexes',
  serves: ['indexes'],
  objects: () => `
    SELECT c.oid, ${displayName('n', 'c')} AS name,
      pg_catalog.pg_relation_size(c.oid) + pg_catalog.pg_relation_size(i.indrelid) AS bytes, NULL AS blocks
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_am am ON am.oid = c.relam
    WHERE am.amname = 'btree' AND c.relkind = 'i' AND c.relpersistence <> 't' AND ${storedSchema('n')}
      AND i.indisvalid AND i.indisready AND i.indislive`,
  examine: compare,
};

async function compare(session: Session, { oid }: Piece, { facts }: Context): Promise<Examined> {
  const { btIndexParentCheck, btIndexCheck, checksUnique } = facts.functions;
  if (!btIndexParentCheck && !btIndexCheck) {
    throw new CannotCheck(
      `${facts.user} can't use amcheck, which compares indexes with their tables`,
      'allow the extension amcheck on the instance, or leave this check out',
    );
  }
  const unique = checksUnique ? ', checkunique := true' : '';
  const statement = btIndexParentCheck
    ? `SELECT ${btIndexParentCheck}(${oid}, heapallindexed := true, rootdescend := true${unique})`
    : `SELECT ${btIndexCheck}(${oid}, heapallindexed := true${unique})`;
  try {
    await session.rows(statement);
    return { verdicts: [{ check: 'indexes', outcome: 'passed', observed: 'every row found in it' }] };
  } catch (error) {
    if (!(error instanceof DatabaseError) || !['XX', '58'].includes(sqlClass(error))) throw error;
    return {
      verdicts: [
        {
          check: 'indexes',
          outcome: 'failed',
          observed: whatPostgresSaid(error),
          expected: 'every B-tree index to agree with its table',
          remedy: 'REINDEX it after a recovery, and compare the table with an earlier backup',
        },
      ],
    };
  }
}
