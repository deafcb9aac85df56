/**
 * Compares each B-tree index with its table, row by row, and its pages with one another: one that lacks rows makes
 * queries lose them without an error. Unique ones must hold no key twice.
 */
import { CannotCheck, displayName, storedSchema } from '../examiner/catalog';
import { type Context, type Detector, type Examined, each, type Piece } from '../examiner/detector';
import type { KnownFunctions } from '../examiner/extensions';
import { isServersOwn, whatPostgresSaid } from '../examiner/postgres-error';
import type { Session } from '../examiner/session';
import { fileSize, sizeOf } from '../examiner/sizes';
import { MAX_CHECKUNIQUE_BYTES } from './unique-keys';

export const btree: Detector = {
  name: 'btree',
  phase: 'indexes',
  serves: ['indexes'],
  objects: () => `
    SELECT c.oid, ${displayName('n', 'c')} AS name,
      ${fileSize()} + ${sizeOf('i.indrelid')} AS bytes, NULL AS blocks
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_am am ON am.oid = c.relam
    WHERE am.amname = 'btree' AND c.relkind = 'i' AND c.relpersistence <> 't' AND ${storedSchema('n')}
      AND i.indisvalid AND i.indisready AND i.indislive`,
  examine: compare,
  examineAll: compareAll,
};

const PARENTS = 'every row found in its B-tree indexes, and every page by the page above it';
const passed = (observed: string): Examined => ({ verdicts: [{ check: 'indexes', outcome: 'passed', observed }] });

async function compareAll(session: Session, pieces: readonly Piece[], { facts }: Context) {
  const { btIndexParentCheck, checksUnique } = facts.functions;
  if (!btIndexParentCheck || pieces.some(({ bytes }) => bytes > MAX_CHECKUNIQUE_BYTES)) return undefined;
  const unique = checksUnique ? ', checkunique := true' : '';
  await session.rows(
    `SELECT ${btIndexParentCheck}(oid, heapallindexed := true, rootdescend := false${unique}) FROM ${each(pieces)}`,
  );
  return passed(PARENTS);
}

async function compare(session: Session, { oid, bytes }: Piece, { facts }: Context): Promise<Examined> {
  if (!facts.functions.btIndexParentCheck && !facts.functions.btIndexCheck) {
    throw new CannotCheck(
      `${facts.user} can't use amcheck, which compares indexes with their tables`,
      'allow the extension amcheck on the instance, or leave this check out',
    );
  }
  try {
    return passed(await check(session, oid, facts.functions, bytes));
  } catch (error) {
    if (!isServersOwn(error, ['XX', '58'])) throw error;
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

/** The closer look locks the table against writes, which a prepared transaction may keep it from. */
async function check(session: Session, oid: number, functions: KnownFunctions, bytes: number): Promise<string> {
  const { btIndexParentCheck, btIndexCheck, checksUnique } = functions;
  const unique = checksUnique && bytes <= MAX_CHECKUNIQUE_BYTES ? ', checkunique := true' : '';
  if (btIndexParentCheck) {
    await session.rows("SAVEPOINT parents; SET LOCAL lock_timeout = '3s'");
    try {
      await session.rows(`SELECT ${btIndexParentCheck}(${oid}, heapallindexed := true, rootdescend := false${unique})`);
      return PARENTS;
    } catch (error) {
      if (!btIndexCheck || !isServersOwn(error, ['55P03'])) throw error;
      await session.rows('ROLLBACK TO SAVEPOINT parents');
    }
  }
  await session.rows(`SELECT ${btIndexCheck}(${oid}, heapallindexed := true${unique})`);
  return 'every row found in its B-tree indexes, whose pages were not compared with the pages above them';
}
