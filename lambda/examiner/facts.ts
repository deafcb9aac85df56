/** What is true of a database of the copy, whatever table is looked at: read once for each call. */
import { findFunctions, type KnownFunctions } from './extensions';
import { HIDING } from './hiding-settings';
import type { Session } from './session';

export interface CopyFacts {
  readonly database: string;
  readonly user: string;
  /** As `server_version_num` has it: 170010. */
  readonly version: number;
  readonly blockSize: number;
  /** Whether pages carry checksums, which tell damage inside a row from a row. */
  readonly checksums: boolean;
  /** As `UTF8`. */
  readonly encoding: string;
  /** Functions of amcheck, pg_visibility and others that this user may call. */
  readonly functions: KnownFunctions;
  /** Settings that hide damage, where they are on. */
  readonly hiding: readonly string[];
  /** Transactions that were prepared and neither committed nor rolled back: their rows and locks are still there. */
  readonly preparedTransactions: number;
  /** Relations that such a transaction has locked against reading, with their indexes and TOAST. */
  readonly locked: ReadonlySet<number>;
}

/**
 * Nothing on the copy holds a lock for long, but a prepared transaction for ever, and a vacuum against wraparound for
 * as long as it takes: that is worth an object's whole time.
 */
export const lockTimeout = ({ preparedTransactions }: CopyFacts) => ({
  lock_timeout: preparedTransactions > 0 ? '3s' : '0',
});

/** The result for an object that is locked by such a transaction. */
export const NEVER_RELEASED = {
  observed: 'a lock that is never released keeps it from being read',
  remedy: 'commit or roll back the prepared transaction that holds it (pg_prepared_xacts) in the source',
};

/** Locks of no session are those of prepared transactions. */
const LOCKED = `
  WITH locked AS (
    SELECT l.relation FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_database d ON d.oid = l.database
    WHERE l.pid IS NULL AND l.granted AND l.mode = 'AccessExclusiveLock' AND l.relation IS NOT NULL
      AND d.datname = pg_catalog.current_database())
  SELECT c.oid FROM pg_catalog.pg_class c WHERE c.oid IN (SELECT relation FROM locked)
    OR c.oid IN (SELECT reltoastrelid FROM pg_catalog.pg_class WHERE oid IN (SELECT relation FROM locked))
    OR c.oid IN (SELECT indexrelid FROM pg_catalog.pg_index WHERE indrelid IN (SELECT relation FROM locked))`;

export async function readFacts(session: Session): Promise<CopyFacts> {
  const [facts] = await session.rows(`
    SELECT pg_catalog.current_database(), current_user, pg_catalog.current_setting('server_version_num'),
      pg_catalog.current_setting('block_size'), pg_catalog.current_setting('data_checksums'),
      pg_catalog.current_setting('server_encoding'),
      (SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database())`);
  const [database, user, version, blockSize, checksums, encoding, prepared] = facts!;
  return {
    database: database!,
    user: user!,
    version: Number(version),
    blockSize: Number(blockSize),
    checksums: checksums === 'on',
    encoding: encoding!,
    functions: await findFunctions(session),
    hiding: await readHiding(session),
    preparedTransactions: Number(prepared),
    locked: new Set(prepared === '0' ? [] : (await session.rows(LOCKED)).map(([oid]) => Number(oid))),
  };
}

/** Settings that hide damage from the user of a session. */
export async function readHiding(session: Session): Promise<readonly string[]> {
  const settings = HIDING.map((name) => `pg_catalog.current_setting('${name}')`);
  const [row] = await session.rows(`SELECT ${settings.join(', ')}`);
  return HIDING.filter((_, index) => row![index] === 'on');
}
