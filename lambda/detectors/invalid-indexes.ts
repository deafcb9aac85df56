/** Names indexes that PostgreSQL does not use: a CREATE INDEX CONCURRENTLY that failed, or one that was under way. */
import { CannotCheck, displayName, storedSchema } from '../examiner/catalog';
import type { Detector, Examined, Piece } from '../examiner/detector';
import type { Session } from '../examiner/session';

export const invalidIndexes: Detector = {
  name: 'invalid indexes',
  phase: 'indexes',
  serves: ['indexes'],
  objects: () => `
    SELECT c.oid, ${displayName('n', 'c')} AS name, 0 AS bytes, NULL AS blocks
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relpersistence <> 't' AND ${storedSchema('n')} AND NOT (i.indisvalid AND i.indisready AND i.indislive)`,
  examine: warn,
};

async function warn(session: Session, { oid }: Piece): Promise<Examined> {
  const [found] = await session.rows(`
    SELECT i.indisunique, c.relkind FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    WHERE i.indexrelid = ${oid}`);
  if (!found) throw new CannotCheck('it does not exist any more');
  const [unique, kind] = found;
  return {
    verdicts: [
      {
        check: 'indexes',
        outcome: 'warning',
        observed: `it is invalid, so that no query uses it${unique === 't' ? ' and it may not keep its keys unique' : ''}`,
        expected: 'valid indexes',
        remedy:
          kind === 'I'
            ? 'create the missing indexes of partitions in the source, and attach them'
            : 'REINDEX it in the source, or drop it',
      },
    ],
  };
}
