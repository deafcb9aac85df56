/** Finds out what there is to check in a database of the copy, and cuts it into calls. */
import { DatabaseError } from 'pg';
import type { Check } from '../contract';
import { cutObjects, fillCalls } from './batches';
import { userSchema } from './catalog';
import type { Detector } from './detector';
import { type CopyFacts, readFacts } from './facts';
import { listObjects, SIZE_LOCK } from './objects';
import { prepare } from './prepare';
import type { Connection, Survey, SurveyTask, Work } from './protocol';
import { quiet } from './quiet';
import type { Session } from './session';

/** @param open a session as somebody, also as the reader */
export async function survey(
  session: Session,
  { connection, checks, main }: SurveyTask,
  detectors: readonly Detector[],
  open: (as: Connection) => Promise<Session>,
): Promise<Survey> {
  const notes = [...(await quiet(session)), ...(await prepare(session, connection, open))];
  // Each look is a transaction of its own: a long one would keep what it locks, and locks of thousands of tables don't fit.
  const look = <T>(statements: () => Promise<T>) => session.transaction('READ ONLY', statements);
  const facts = await look(() => readFacts(session));
  const [size] = await look(() => session.rows('SELECT pg_catalog.pg_database_size(pg_catalog.current_database())'));
  const bytes = Number(size![0]);
  const works: Work[] = [];
  for (const detector of detectors) {
    const served = checks.flatMap(({ kind }, index) => (detector.serves.includes(kind) ? [index] : []));
    if (served.length === 0) continue;
    if (!detector.objects) {
      // Nobody knows what a user's query reads; what is started early is least in the way.
      const own = served.map((check) => ({ detector: detector.name, checks: [check], objects: 1, bytes }));
      works.push(...(main ? own : []));
      continue;
    }
    const listed = detector.objects(facts);
    if (listed === undefined) continue;
    const rows = await listObjects(session, listed);
    const objects = rows.map(([oid, size, blocks]) => ({
      oid: Number(oid),
      bytes: Number(size),
      blocks: blocks === null || blocks === undefined ? null : Number(blocks),
    }));
    works.push(...cutObjects(detector, served, objects));
  }
  const phaseOf = (name: string) => detectors.find((detector) => detector.name === name)!.phase;
  return {
    database: facts.database,
    bytes,
    ...(await contents(session)),
    calls: fillCalls(works, phaseOf),
    notes: [...notes, ...limits(facts, checks)],
  };
}

/** The largest tables first: nearly always the first one holds a row. What can't be read is for the checks to say. */
async function contents(session: Session): Promise<Pick<Survey, 'tables' | 'holdsRows'>> {
  const listed = `
    SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, pg_catalog.pg_relation_size(c.oid) AS bytes,
      NULL AS blocks
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence = 'p' AND c.relispopulated AND ${userSchema('n')}`;
  const tables = (await listObjects(session, listed)).map(([, bytes, , name]) => ({ bytes: Number(bytes), name }));
  const sized = tables.some(({ bytes }) => bytes > 0);
  const largest = tables.filter(({ bytes }) => bytes > 0 || !sized).sort((a, b) => b.bytes - a.bytes);
  let unknown = false;
  const holdsRows = await session.transaction(
    'READ ONLY',
    async () => {
      for (const { name } of largest) {
        await session.rows('SAVEPOINT look');
        try {
          const [found] = await session.rows(`SELECT EXISTS (SELECT FROM ONLY ${name})`);
          if (found![0] === 't') return true;
        } catch (error) {
          if (!(error instanceof DatabaseError)) throw error;
          unknown = true;
        }
        // Not released alone, which would keep the table's lock.
        await session.rows('ROLLBACK TO SAVEPOINT look; RELEASE SAVEPOINT look');
      }
      return false;
    },
    SIZE_LOCK,
  );
  return { tables: tables.length, holdsRows: holdsRows || (unknown ? null : false) };
}

function limits({ functions, checksums }: CopyFacts, checks: readonly Check[]): string[] {
  const notes: string[] = [];
  if (checks.some(({ kind }) => kind === 'readable') && functions.verifyHeapam === undefined) {
    notes.push(
      "Tables were read row by row, since amcheck can't be used here: pages are verified by their checksums alone, where those are on.",
    );
  }
  if (!checksums) notes.push('Page checksums are off, so damage inside a value can go unseen.');
  return notes;
}
