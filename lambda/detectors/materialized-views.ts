/** Materialized views that hold nothing: only REFRESH fills them, and queries on them fail until then. */
import { CannotCheck, displayName, userSchema } from '../examiner/catalog';
import type { Context, Detector, Examined, Piece } from '../examiner/detector';
import type { Session } from '../examiner/session';

export const materializedViews: Detector = {
  name: 'materialized views',
  phase: 'files',
  serves: ['readable'],
  objects: () => `
    SELECT c.oid, ${displayName('n', 'c')} AS name, 0 AS bytes, NULL AS blocks
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'm' AND NOT c.relispopulated AND ${userSchema('n')}`,
  examine: unpopulated,
};

async function unpopulated(session: Session, { oid }: Piece, _: Context): Promise<Examined> {
  const [found] = await session.rows(
    `SELECT pg_catalog.pg_relation_size(oid), relpages FROM pg_catalog.pg_class WHERE oid = ${oid}`,
  );
  if (!found) throw new CannotCheck('it does not exist any more');
  // REFRESH ... WITH NO DATA gives it a new, empty file.
  const filled = found.map(Number).some((size) => size > 0);
  return {
    verdicts: [
      {
        check: 'readable',
        outcome: filled ? 'failed' : 'warning',
        observed: `it is not populated${filled ? ', though its file holds rows' : ''}`,
        expected: 'a populated materialized view',
        remedy: 'REFRESH it after a recovery, and see whether it is populated in the source',
      },
    ],
  };
}
