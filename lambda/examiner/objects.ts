/**
 * Lists the objects of a detector with their sizes. Asking for a table's size waits for whoever has locked it, as a prepared
 * transaction may have for ever: such objects are listed without size, and the detector itself finds out that it can't.
 */
import { DatabaseError } from 'pg';
import { displayName } from './catalog';
import type { Row, Session } from './session';

/** How long a table's size is waited for. */
export const SIZE_LOCK = { lock_timeout: '1s' };

/**
 * @param listed SQL of columns oid, name, bytes and blocks
 * @param among SQL that is true of those that are wanted
 * @returns oid, bytes, blocks and name, in the order of OIDs
 */
export async function listObjects(session: Session, listed: string, among = 'true'): Promise<readonly Row[]> {
  const ask = (which: string) =>
    session.transaction(
      'READ ONLY',
      () => session.rows(`SELECT oid, bytes, blocks, name FROM (${listed}) AS o WHERE ${which} ORDER BY oid`),
      SIZE_LOCK,
    );
  try {
    return await ask(among);
  } catch (error) {
    if (!isLocked(error)) throw error;
  }
  const locked = await session.transaction('READ ONLY', () => session.rows(LOCKED));
  // PostgreSQL compares OIDs before it asks for sizes.
  const rows = [...(await ask(`${among} AND oid NOT IN (${locked.map(([oid]) => oid).join(', ') || '0'})`))];
  for (const [oid, name] of locked) {
    try {
      rows.push(...(await ask(`${among} AND oid = ${oid}`)));
    } catch (error) {
      if (!isLocked(error)) throw error;
      rows.push([oid!, '0', null, name!]);
    }
  }
  return rows.sort(([one], [other]) => Number(one) - Number(other));
}

const isLocked = (error: unknown) => error instanceof DatabaseError && error.code === '55P03';

/** Relations that nobody else may even read, with what belongs to them. */
const LOCKED = `
  WITH locked AS (
    SELECT DISTINCT relation AS oid FROM pg_catalog.pg_locks
    WHERE granted AND mode = 'AccessExclusiveLock' AND relation IS NOT NULL AND pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
      AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())),
  relations AS (
    SELECT oid FROM locked UNION
    SELECT i.indexrelid FROM pg_catalog.pg_index i JOIN locked l ON l.oid = i.indrelid UNION
    SELECT c.reltoastrelid FROM pg_catalog.pg_class c JOIN locked l ON l.oid = c.oid WHERE c.reltoastrelid <> 0)
  SELECT c.oid, ${displayName('n', 'c')} FROM relations r JOIN pg_catalog.pg_class c ON c.oid = r.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  UNION ALL
  SELECT k.oid, k.conname::pg_catalog.text FROM pg_catalog.pg_constraint k
  WHERE k.conrelid IN (SELECT oid FROM locked) OR k.confrelid IN (SELECT oid FROM locked)`;
