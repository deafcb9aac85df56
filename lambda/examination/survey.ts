/** Finds out what there is to check in a database of the copy, and cuts it into calls. */
import { DatabaseError } from 'pg';
import type { Check } from '../contract';
import { userSchema, vacuumable } from '../examiner/catalog';
import type { Detector } from '../examiner/detector';
import { type CopyFacts, readFacts } from '../examiner/facts';
import { takeOffHidingSettings } from '../examiner/hiding-settings';
import { printable, unlessDamaged } from '../examiner/postgres-error';
import { prepare } from '../examiner/prepare';
import type { Connection, Survey, SurveyTask, Work } from '../examiner/protocol';
import { quiet } from '../examiner/quiet';
import type { Session } from '../examiner/session';
import { cutObjects, fillCalls } from './batches';
import { listObjects } from './objects';

/** @param open a session as somebody, also as the reader */
export async function survey(
  session: Session,
  { connection, checks, main, kept = false }: SurveyTask,
  detectors: readonly Detector[],
  open: (as: Connection) => Promise<Session>,
): Promise<Survey> {
  const notes = await quiet(session, kept);
  if (!kept) notes.push(...(await takeOffHidingSettings(session)), ...(await prepare(session, connection, open)));
  // Each look is a transaction of its own: a long one would keep what it locks, and locks of thousands of tables don't
  // fit.
  const look = <T>(statements: () => Promise<T>) => session.transaction('READ ONLY', statements);
  const facts = await look(() => readFacts(session));
  const [size] = await look(() => session.rows('SELECT pg_catalog.pg_database_size(pg_catalog.current_database())'));
  const bytes = Number(size![0]);
  const catalogs = await unlessDamaged(
    look(() =>
      session.rows(`SELECT ${vacuumable(facts.version)} FROM pg_catalog.pg_class c WHERE c.oid = ${PG_CLASS}`),
    ),
  );
  const works: Work[] = [];
  const lookedFor = new Set<number>();
  for (const detector of detectors) {
    const served = checks.flatMap(({ kind }, index) => (detector.serves.includes(kind) ? [index] : []));
    if (served.length === 0) continue;
    if (!detector.objects) {
      // It is unknown what a user's query reads; started early, it delays other work least.
      const own = served.map((check) => ({ detector: detector.name, checks: [check], objects: 1, bytes }));
      works.push(...(main ? own : []));
      continue;
    }
    const listed = detector.objects(facts);
    if (listed === undefined) continue;
    for (const check of served) lookedFor.add(check);
    const rows = await objectsOf(session, listed);
    if (!rows) {
      works.push({ detector: detector.name, checks: served, oids: [0, MAX_OID], objects: 1, bytes: 0 });
      continue;
    }
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
    // A damaged catalog may keep every relation from being opened: then it is unknown.
    ...((await unlessDamaged(look(() => contents(session, facts)))) ?? { tables: 1, holdsRows: null }),
    lookedFor: [...lookedFor].sort((one, other) => one - other),
    calls: fillCalls(works, phaseOf),
    notes: [...notes, ...limits(facts, checks, catalogs?.[0]?.[0] !== 'f'), ...language(session)],
  };
}

/** Undefined where that fails, which the checks will meet and tell. */
async function objectsOf(session: Session, listed: string) {
  try {
    return (await listObjects(session, `SELECT oid, bytes, blocks FROM (${listed}) AS o ORDER BY oid`)).rows;
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    return undefined;
  }
}

/** The largest tables first: nearly always the first one holds a row. What can't be read is for the checks to say. */
async function contents(session: Session, { locked }: CopyFacts): Promise<Pick<Survey, 'tables' | 'holdsRows'>> {
  const open = `c.oid NOT IN (${[0, ...locked].join(', ')})`;
  const tables = await session.rows(`
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), ${open},
      CASE WHEN ${open} THEN pg_catalog.pg_relation_size(c.oid) ELSE 0 END AS bytes
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence = 'p' AND c.relispopulated AND ${userSchema('n')}
    ORDER BY bytes DESC`);
  let unknown = tables.some(([, open]) => open === 'f');
  for (const [table, , bytes] of tables) {
    if (bytes === '0') break;
    await session.rows('SAVEPOINT look');
    try {
      const [found] = await session.rows(`SELECT EXISTS (SELECT FROM ONLY ${table})`);
      if (found![0] === 't') return { tables: tables.length, holdsRows: true };
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      unknown = true;
    }
    // Not released alone, which would keep the table's lock.
    await session.rows('ROLLBACK TO SAVEPOINT look; RELEASE SAVEPOINT look');
  }
  return { tables: tables.length, holdsRows: unknown ? null : false };
}

const MAX_OID = 2 ** 32 - 1;
/** Stands for the catalogs of a database. */
const PG_CLASS = 1259;

const language = ({ foreignMessages }: Session) =>
  foreignMessages === undefined
    ? []
    : [
        `The server's messages are in the language of '${printable(foreignMessages)}' (lc_messages), which this user may not change: ` +
          'damage that a vacuum meets is reported as "not examined", in a function of the database. Set lc_messages to C or en_US.UTF-8.',
      ];

function limits(
  { user, functions, checksums }: CopyFacts,
  checks: readonly Check[],
  vacuumsCatalogs: boolean,
): string[] {
  const notes: string[] = [];
  const wanted = (kind: Check['kind']) => checks.some((check) => check.kind === kind);
  if (wanted('readable') && functions.pgPrewarm === undefined) {
    notes.push(
      "Pages of indexes other than B-trees were not read, since pg_prewarm can't be used here: damage in them goes unseen.",
    );
  }
  if (wanted('readable') && functions.pgVisibility === undefined) {
    notes.push("Pages were not compared with the visibility map, since pg_visibility can't be used here.");
  }
  if (wanted('readable') && functions.verifyHeapam === undefined) {
    notes.push(
      "Tables were read row by row, since amcheck can't be used here: pages are verified by their checksums alone, where those are on.",
    );
  }
  if (wanted('indexes') && !vacuumsCatalogs) {
    notes.push(
      `Index entries of catalogs and large objects were not counted, since ${user} may not vacuum them: only the database's owner may.`,
    );
  }
  if (!checksums) notes.push('Page checksums are off, so damage inside a value can go unseen.');
  return notes;
}
