/**
 * Compares the size of each file with the catalog's `relpages`, before anything rewrites that.
 *
 * A vacuum cuts empty pages off a file before it updates the catalog, so a table that is too short alone proves
 * nothing: other evidence has to agree. Unlogged tables are empty after a crash, and are left out.
 */
import { displayName, relationOf, storedSchema } from '../examiner/catalog';
import type { Context, Detector, Examined, Piece } from '../examiner/detector';
import type { Session } from '../examiner/session';
import { pages } from '../examiner/sizes';
import { COMPARE_TABLE, thousands } from './verdicts';

/** Pages of one segment: a file beyond 1 GB goes on in `.1`, `.2` and so on. */
const SEGMENT = 131_072;

export const fileSizes: Detector = {
  name: 'file sizes',
  phase: 'files',
  serves: ['readable'],
  objects: () => `
    SELECT c.oid, ${displayName('n', 'c')} AS name, 0 AS bytes, NULL AS blocks
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm', 't', 'i') AND c.relpersistence = 'p' AND ${storedSchema('n')} AND c.relpages > ${pages()}`,
  examine: compare,
};

async function compare(session: Session, { oid }: Piece, { facts }: Context): Promise<Examined> {
  const isUnique = 'EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisunique)';
  const found = await relationOf(session, oid, 'c.relpages', pages(), 'c.relkind', 'c.reltuples', isUnique);
  const [name, , , kind, tuples, unique] = found;
  const [expected, actual] = [Number(found[1]), Number(found[2])];
  if (actual >= expected) return { verdicts: [{ check: 'readable', outcome: 'passed', observed: 'files are whole' }] };
  const size = `its file has ${thousands(actual)} of ${thousands(expected)} pages (relpages)`;
  const witness = await second();
  return {
    verdicts: [
      {
        check: 'readable',
        outcome: witness ? 'failed' : 'warning',
        observed: witness ? `${size}, and ${witness}` : size,
        expected: 'a file as long as the catalog says',
        remedy: witness
          ? COMPARE_TABLE
          : 'compare its rows with the source: they are whole if a vacuum had just cut empty pages off the file',
      },
    ],
  };

  async function lostRows(): Promise<boolean> {
    const [counted] = await session.rows(`SELECT pg_catalog.count(*) FROM ONLY ${name}`);
    return Number(counted![0]) < Number(tuples) * 0.9;
  }

  async function second(): Promise<string | undefined> {
    if (actual > 0 && actual % SEGMENT === 0) return 'it ends where a segment ends, so that the next one is missing';
    if (kind === 'i' && actual === 0) return 'an index has a page from its beginning';
    // A crash may take back a page that was just added, and that nothing had been written to.
    if (kind === 'i') return expected - actual > 8 ? 'no vacuum makes the file of an index shorter' : undefined;
    if (kind === 'm' && unique === 'f' && (await lostRows()))
      return 'only REFRESH, which writes a new file, takes rows from it';
    const { pgVisibilityMap } = facts.functions;
    if (!pgVisibilityMap) return undefined;
    // Truncating a file also clears the bits of its pages in the visibility map, in the same step.
    const [beyond] = await session.rows(`
      SELECT pg_catalog.count(*) FROM pg_catalog.generate_series(${actual}, ${expected - 1}) AS block,
        LATERAL ${pgVisibilityMap}(${oid}, block) AS map WHERE map.all_visible`);
    return beyond![0] === '0'
      ? undefined
      : `the visibility map knows ${thousands(Number(beyond![0]))} of the missing ones`;
  }
}
