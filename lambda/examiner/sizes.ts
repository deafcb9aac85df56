/**
 * Sizes of files, in SQL. PostgreSQL locks a relation to measure it, and a prepared transaction that a backup holds may
 * have locked it for ever: what the catalog says stands for the size then.
 */

const LOCKED_FOR_EVER = `SELECT l.relation FROM pg_catalog.pg_locks l
  WHERE l.pid IS NULL AND l.granted AND l.mode = 'AccessExclusiveLock' AND l.relation IS NOT NULL`;

/** A setting of ours, for a transaction: sizes are what the catalog says. */
export const UNMEASURED = { 'lifeboat.unmeasured': 'on' } as const;

const isUnmeasured = "pg_catalog.current_setting('lifeboat.unmeasured', true) = 'on'";

const unlessLocked = (oid: string, measured: string, otherwise: string) =>
  `CASE WHEN ${isUnmeasured} OR ${oid} IN (${LOCKED_FOR_EVER}) THEN ${otherwise} ELSE ${measured} END`;

const blockSize = "pg_catalog.current_setting('block_size')::pg_catalog.int4";

/** Never analyzed is not empty. */
const estimate = (c: string) => `greatest(${c}.relpages, 1)::pg_catalog.int8 * ${blockSize}`;

/** @param c alias of a row of pg_class */
export const fileSize = (c = 'c') => unlessLocked(`${c}.oid`, `pg_catalog.pg_relation_size(${c}.oid)`, estimate(c));

export const pages = (c = 'c') => `(${fileSize(c)} / ${blockSize})`;

/** With TOAST, and without indexes. */
export const tableSize = (c = 'c') => unlessLocked(`${c}.oid`, `pg_catalog.pg_table_size(${c}.oid)`, estimate(c));

/** Of a relation of which only the OID is at hand; 0 where it is locked. */
export const sizeOf = (oid: string) => unlessLocked(oid, `pg_catalog.pg_relation_size(${oid})`, '0');

/** Of all indexes of a table; 0 where it is locked. */
export const indexesSize = (oid: string) => unlessLocked(oid, `pg_catalog.pg_indexes_size(${oid})`, '0');
