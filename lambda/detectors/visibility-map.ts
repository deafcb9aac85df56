/**
 * Compares the visibility map with the pages. If the map marks a page as all-visible and the page itself does not, the
 * page was lost or zeroed, or the map is stale: index-only scans then return rows that do not exist.
 */
import { CannotCheck, displayName, storedSchema } from '../examiner/catalog';
import { type Context, type Detector, type Examined, each, type Piece } from '../examiner/detector';
import type { Session } from '../examiner/session';
import { fileSize, pages } from '../examiner/sizes';
import { COMPARE_TABLE, thousands } from './verdicts';

export const visibilityMap: Detector = {
  name: 'visibility map',
  phase: 'pages',
  serves: ['readable'],
  objects: ({ functions }) =>
    functions.pgVisibility === undefined
      ? undefined
      : `SELECT c.oid, ${displayName('n', 'c')} AS name, ${fileSize()} AS bytes,
           ${pages()} AS blocks
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'm', 't') AND c.relpersistence <> 't' AND ${storedSchema('n')}
           AND ${fileSize()} > 0`,
  examine: compare,
  examineAll: compareAll,
};

const AGREES: Examined = {
  verdicts: [{ check: 'readable', outcome: 'passed', observed: 'the visibility map agrees with the pages' }],
};

async function compareAll(session: Session, pieces: readonly Piece[], { facts }: Context) {
  const { pgVisibility } = facts.functions;
  if (!pgVisibility) return undefined;
  const wrong = await session.rows(
    `SELECT FROM ${each(pieces)}, LATERAL ${pgVisibility}(oid) WHERE all_visible AND NOT pd_all_visible LIMIT 1`,
  );
  return wrong.length === 0 ? AGREES : undefined;
}

async function compare(session: Session, { oid, blocks }: Piece, { facts }: Context): Promise<Examined> {
  const { pgVisibility } = facts.functions;
  if (!pgVisibility) throw new CannotCheck(`${facts.user} may not call pg_visibility, though the survey could`);
  const source = blocks
    ? `pg_catalog.generate_series(${blocks[0]}, least(${blocks[1]}, pg_catalog.pg_relation_size(${oid}) / ${facts.blockSize} - 1)) AS blkno,
        LATERAL ${pgVisibility}(${oid}, blkno)`
    : `${pgVisibility}(${oid})`;
  const [found] = await session.rows(
    `SELECT pg_catalog.count(*), pg_catalog.min(blkno), pg_catalog.max(blkno) FROM ${source} WHERE all_visible AND NOT pd_all_visible`,
  );
  const [count, first, last] = found!.map(Number);
  if (count === 0) return AGREES;
  return {
    verdicts: [
      {
        check: 'readable',
        outcome: 'failed',
        observed:
          `${thousands(count!)} pages between block ${first} and ${last} are not what the visibility map says of them: ` +
          'they were zeroed or lost, or the map is older than they are',
        expected: 'a visibility map that agrees with the pages',
        remedy: COMPARE_TABLE,
      },
    ],
  };
}
