/**
 * Reads every block of every relation, so that PostgreSQL verifies its checksum: tables, TOAST, catalogs, sequences,
 * materialized views, and indexes of any kind.
 *
 * pg_prewarm reads into shared buffers for that; its other modes read past PostgreSQL, which verifies nothing.
 */
import type { DatabaseError } from 'pg';
import { CannotCheck, displayName, storedSchema } from '../examiner/catalog';
import { type Context, type Detector, type Examined, each, type Piece } from '../examiner/detector';
import { whatPostgresSaid } from '../examiner/postgres-error';
import type { Session } from '../examiner/session';
import { fileSize, pages } from '../examiner/sizes';
import { COMPARE_TABLE, firstWanted, isUnreadable, thousands } from './verdicts';

/** How many unreadable blocks of one relation are located one by one. */
const COUNTED = 100;

const list = (kinds: string) => `
  SELECT c.oid, ${displayName('n', 'c')} AS name, ${fileSize()} AS bytes,
    ${pages()} AS blocks
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN (${kinds}) AND c.relpersistence <> 't' AND ${storedSchema('n')}
    AND ${fileSize()} > 0`;

export const blocks: Detector = {
  name: 'blocks',
  phase: 'files',
  serves: ['readable'],
  objects: ({ functions }) => (functions.pgPrewarm ? list("'r', 'm', 't', 'S'") : undefined),
  examine: (session, piece, context) => readBlocks(blocks, session, piece, context),
  examineAll: (session, pieces, context) => readAll(blocks, session, pieces, context),
};

export const indexBlocks: Detector = {
  name: 'index blocks',
  phase: 'files',
  serves: ['readable', 'indexes'],
  objects: ({ functions }) => (functions.pgPrewarm ? list("'i'") : undefined),
  examine: (session, piece, context) => readBlocks(indexBlocks, session, piece, context),
  examineAll: (session, pieces, context) => readAll(indexBlocks, session, pieces, context),
};

const whole = (detector: Detector, context: Context): Examined => ({
  verdicts: [
    { check: firstWanted(detector, context), outcome: 'passed', observed: 'every block of every relation read' },
  ],
});

async function readAll(detector: Detector, session: Session, pieces: readonly Piece[], context: Context) {
  const { pgPrewarm } = context.facts.functions;
  if (!pgPrewarm) return undefined;
  await session.rows(`SELECT pg_catalog.count(${pgPrewarm}(oid, 'buffer', 'main')) FROM ${each(pieces)}`);
  return whole(detector, context);
}

async function readBlocks(detector: Detector, session: Session, piece: Piece, context: Context): Promise<Examined> {
  const { pgPrewarm } = context.facts.functions;
  if (!pgPrewarm) throw new CannotCheck(`${context.facts.user} may not call pg_prewarm, though the survey could`);
  const check = firstWanted(detector, context);
  const [size] = await session.rows(`SELECT pg_catalog.pg_relation_size(${piece.oid}) / ${context.facts.blockSize}`);
  // Vacuum may have cut empty blocks off the end since the survey.
  const end = Math.min(piece.blocks?.[1] ?? Number.POSITIVE_INFINITY, Number(size![0]) - 1);
  const start = piece.blocks?.[0] ?? 0;
  // In one round trip: there may be a hundred thousand relations.
  const read = async (from: number, to: number) => {
    if (from > to) return;
    await session.rows(`SAVEPOINT blocks; SELECT ${pgPrewarm}(${piece.oid}, 'buffer', 'main', ${from}, ${to})`);
  };
  const unreadable: { block: number; error: DatabaseError }[] = [];
  const search = async (from: number, to: number): Promise<void> => {
    if (unreadable.length >= COUNTED) return;
    try {
      await read(from, to);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      await session.rows('ROLLBACK TO SAVEPOINT blocks');
      if (from === to) {
        unreadable.push({ block: from, error });
        return;
      }
      const middle = Math.floor((from + to) / 2);
      await search(from, middle);
      await search(middle + 1, to);
    }
  };
  await search(start, end);
  const [first] = unreadable;
  if (!first) return whole(detector, context);
  const count = `${unreadable.length >= COUNTED ? 'at least ' : ''}${thousands(unreadable.length)}`;
  const last = unreadable[unreadable.length - 1]!;
  return {
    verdicts: [
      {
        check,
        outcome: 'failed',
        observed:
          `${count} of ${thousands(end - start + 1)} pages can't be read, the first in block ${first.block}` +
          `${last === first ? '' : `, the last in block ${last.block}`}; ${whatPostgresSaid(first.error)}`,
        expected: 'every page to have its checksum',
        remedy: detector === indexBlocks ? 'REINDEX it after a recovery' : COMPARE_TABLE,
      },
    ],
  };
}
