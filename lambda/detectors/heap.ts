/** Verifies the structure of every table page: line pointers, tuple headers, TOAST pointers. It looks at no value. */
import { CannotCheck, displayName, storedSchema } from '../examiner/catalog';
import { type Context, type Detector, type Examined, each, type Piece } from '../examiner/detector';
import type { CopyFacts } from '../examiner/facts';
import type { Session } from '../examiner/session';
import { pages, tableSize } from '../examiner/sizes';

export const heap: Detector = {
  name: 'heap',
  phase: 'pages',
  serves: ['readable'],
  objects: ({ functions, version }: CopyFacts) =>
    functions.verifyHeapam === undefined
      ? undefined
      : `SELECT c.oid, ${displayName('n', 'c')} AS name, ${tableSize()} AS bytes,
           ${pages()} AS blocks
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'm', 't'${version >= 160_000 ? ", 'S'" : ''}) AND c.relpersistence <> 't' AND ${storedSchema('n')}`,
  examine: verifyHeap,
  examineAll: verifyAll,
};

const VERIFIED: Examined = {
  verdicts: [{ check: 'readable', outcome: 'passed', observed: `every page verified with amcheck's verify_heapam` }],
};

async function verifyAll(session: Session, pieces: readonly Piece[], { facts }: Context) {
  const { verifyHeapam } = facts.functions;
  if (!verifyHeapam) return undefined;
  const wrong = await session.rows(
    `SELECT FROM ${each(pieces)}, LATERAL ${verifyHeapam}(oid, on_error_stop := true, check_toast := true) LIMIT 1`,
  );
  return wrong.length === 0 ? VERIFIED : undefined;
}

async function verifyHeap(session: Session, { oid, blocks }: Piece, { facts }: Context): Promise<Examined> {
  const { verifyHeapam } = facts.functions;
  if (!verifyHeapam) throw new CannotCheck(`${facts.user} may not call verify_heapam, though the survey could`);
  // Vacuum may have cut empty blocks off the end since the survey.
  const range = blocks
    ? `, startblock := ${blocks[0]}, endblock := least(${blocks[1]}, pg_catalog.pg_relation_size(${oid}) /
        pg_catalog.current_setting('block_size')::pg_catalog.int4 - 1)`
    : '';
  const [found] = await session.rows(
    `SELECT pg_catalog.count(*), pg_catalog.count(DISTINCT blkno), pg_catalog.min(blkno),
       (pg_catalog.array_agg(msg ORDER BY blkno))[1]
     FROM ${verifyHeapam}(${oid}, on_error_stop := false, check_toast := true${range})`,
  );
  const [problems, pages, first, message] = found!;
  if (problems === '0') return VERIFIED;
  return {
    verdicts: [
      {
        check: 'readable',
        outcome: 'failed',
        observed: `verify_heapam found ${problems} problems on ${pages} pages, the first in block ${first}: ${message}`,
        expected: 'every page of every table to be intact',
        remedy: 'restore an earlier backup beside this one, and compare the table',
      },
    ],
  };
}
